/** @jsxImportSource preact */
import { useEffect, useMemo, useState } from 'preact/hooks'
import type { Explanation } from '../../inspect/inspection.js'
import type { Outcome } from '../../invalidation/receipt.js'
import type { QueryKey } from '../../invalidation/target.js'
import { Badge, Dot, Empty, Facts, Key, Keys, VirtualList } from './parts.js'
import type { ViewProps } from './store.js'
import { type Entry, keyText, type PanelStore, type ReceiptEntry } from './store.js'
import {
  CAUSE_WORDS,
  type Category,
  countText,
  durationText,
  OUTCOME_NAMES,
  OUTCOME_WORDS,
  outcomeText,
  outcomeTone,
  type Tone,
  timeText,
  valueText,
} from './words.js'

const CATEGORY_TITLES: Readonly<Record<Category, string>> = {
  events: 'Events',
  refetches: 'Refetches',
  fetches: 'Fetches',
  connection: 'Connection',
  topics: 'Topics',
  errors: 'Errors',
}
const CATEGORY_NAMES = Object.keys(CATEGORY_TITLES) as Category[]

/** Every fetch of the app is much, and each stands with its event. */
const SHOWN_AT_FIRST: readonly Category[] = ['events', 'refetches', 'connection', 'topics', 'errors']

const ROW_PX = 28

/** What came, what it did, and why, the newest first. */
export function EventsView({ entries, store }: ViewProps) {
  const [shown, setShown] = useState(SHOWN_AT_FIRST)
  const [filter, setFilter] = useState('')
  const [selected, setSelected] = useState<Entry | undefined>()
  const { version } = store
  // biome-ignore lint/correctness/useExhaustiveDependencies: the list is the same one when it grows; its version is not.
  const rows = useMemo(() => rowsOf(entries, shown, filter), [entries, version, shown, filter])

  const toggle = (name: Category) =>
    setShown(shown.includes(name) ? shown.filter((one) => one !== name) : [...shown, name])

  return (
    <div class="split">
      <div class="bar">
        <input
          type="search"
          placeholder="Filter: event, key, reason"
          aria-label="Filter the records"
          value={filter}
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
        <fieldset class="chips" aria-label="Kinds of records">
          {CATEGORY_NAMES.map((name) => (
            <button key={name} type="button" aria-pressed={shown.includes(name)} onClick={() => toggle(name)}>
              {CATEGORY_TITLES[name]}
            </button>
          ))}
        </fieldset>
        <span class="right">
          <button type="button" onClick={store.isPaused ? store.resume : store.pause}>
            {store.isPaused ? `Resume${store.heldCount > 0 ? ` (${store.heldCount} new)` : ''}` : 'Pause'}
          </button>
          <button
            type="button"
            onClick={() => {
              store.clear()
              setSelected(undefined)
            }}
          >
            Clear
          </button>
        </span>
      </div>
      <div class="halves">
        {rows.length === 0 ? (
          <Empty>{entries.length === 0 ? 'Nothing has happened yet.' : 'No record matches the filter.'}</Empty>
        ) : (
          <VirtualList
            label="Records, the newest first"
            rows={rows}
            rowPx={ROW_PX}
            idOf={({ record }) => record.n}
            selected={selected?.record.n}
            onSelect={setSelected}
            draw={drawEntry}
          />
        )}
        {selected && (
          <Detail key={selected.record.n} entry={selected} store={store} onClose={() => setSelected(undefined)} />
        )}
      </div>
    </div>
  )
}

/** The receipt of an event's flush stands with its events. */
function rowsOf(entries: readonly Entry[], shown: readonly Category[], filter: string): readonly Entry[] {
  const wanted = filter.trim().toLowerCase()
  const rows: Entry[] = []
  for (let index = entries.length - 1; index >= 0; index--) {
    const entry = entries[index] as Entry
    if (!shown.includes(entry.category)) continue
    if (entry.record.kind === 'receipt' && entry.record.receipt.cause === 'events' && shown.includes('events')) continue
    if (wanted === '' || entry.text.includes(wanted)) rows.push(entry)
  }
  return rows
}

function drawEntry({ record, words, receipt }: Entry) {
  const isEvent = record.kind === 'event'
  const waiting = isEvent && record.isMapped ? 'waiting' : 'no rule'
  // What the event itself did among them is in its details.
  const others = isEvent && receipt ? receipt.receipt.events.length - 1 : 0
  const together = others > 0 ? `, with ${countText(others, 'other event')}` : ''
  const result = receipt ? outcomeText(receipt.receipt) + together : isEvent ? waiting : ''
  const tone: Tone = receipt ? outcomeTone(receipt.receipt) : words.tone
  return (
    <>
      <time>{timeText(record.at)}</time>
      <span class="kind">
        <Dot tone={tone} />
        {words.label}
      </span>
      <span class="what">
        {isEvent ? <b>{words.title}</b> : words.title} <code>{record.kind === 'receipt' ? '' : words.note}</code>
      </span>
      <span class={`result ${tone}`}>{result}</span>
    </>
  )
}

function Detail(props: { readonly entry: Entry; readonly store: PanelStore; readonly onClose: () => void }) {
  const { entry, store, onClose } = props
  const { record, words, receipt } = entry
  return (
    <aside class="detail" aria-label="Details">
      <div class="detail-head">
        <h3>{words.title}</h3>
        <button type="button" class="plain" aria-label="Close the details" onClick={onClose}>
          ×
        </button>
      </div>
      {record.kind === 'event' ? (
        <EventDetail entry={entry} store={store} />
      ) : receipt ? (
        <ReceiptDetail receipt={receipt} />
      ) : (
        <Facts
          facts={[
            ['At', timeText(record.at)],
            ['From', record.from],
            ...Object.entries(record)
              .filter(([name]) => !['n', 'at', 'from', 'kind'].includes(name))
              .map(
                ([name, value]) =>
                  [name, typeof value === 'object' ? <code key={name}>{valueText(value)}</code> : value] as const,
              ),
          ]}
        />
      )}
    </aside>
  )
}

interface Fate {
  readonly queryKey: QueryKey
  readonly outcome: Outcome | Explanation['outcome']
  readonly reason: string
}

function EventDetail({ entry, store }: { readonly entry: Entry; readonly store: PanelStore }) {
  const { record, receipt } = entry
  const [explanations, setExplanations] = useState<readonly Explanation[]>()
  useEffect(() => {
    let isWanted = true
    if (record.kind !== 'event' || !record.isMapped) return
    store.line.explain(record.event.name, record.event.metadata).then(
      (answer) => isWanted && setExplanations(answer),
      () => undefined,
    )
    return () => {
      isWanted = false
    }
  }, [record, store])
  if (record.kind !== 'event') return null
  const rule = store.inspection?.rules.find(({ event }) => event === record.event.name)
  const fates = fatesOf(receipt, explanations)
  const unmatched = explanations?.filter(({ outcome }) => outcome === 'unmatched').length ?? 0
  return (
    <>
      <Facts
        facts={[
          ['At', timeText(record.at)],
          ['Metadata', <code key="metadata">{valueText(record.event.metadata)}</code>],
          ['Rule reaches', rule ? <Keys key="reaches" keys={rule.touches} /> : 'no rule has its name'],
          ['Receipt', receipt && receiptName(receipt)],
          ['Answered by', receipt && answeredText(receipt)],
        ]}
      />
      {record.isMapped && !receipt && <p>It waits for the flush, which collects events for a moment.</p>}
      <Fates fates={fates} receipt={receipt} />
      {unmatched > 0 && (
        <p class="dim">{countText(unmatched, 'other query', 'other queries')}: no target has the key.</p>
      )}
    </>
  )
}

function ReceiptDetail({ receipt }: { readonly receipt: ReceiptEntry }) {
  const { number, cause, answers, at, events } = receipt.receipt
  return (
    <>
      <Facts
        facts={[
          ['Receipt', `#${number}: ${CAUSE_WORDS[cause].toLowerCase()}`],
          ['At', timeText(at)],
          ['Asked for by', answers.map((one) => `#${one}`).join(', ')],
          ['Answered by', answeredText(receipt)],
          ['Events', events.length > 0 && events.length],
        ]}
      />
      <Fates fates={fatesOf(receipt, undefined)} receipt={receipt} />
    </>
  )
}

function receiptName({ receipt: { number, events } }: ReceiptEntry): string {
  const others = events.length - 1
  return others > 0 ? `#${number}, with ${countText(others, 'other event')}` : `#${number}`
}

const answeredText = ({ answeredBy }: ReceiptEntry): string =>
  answeredBy
    .slice(-5)
    .map((number) => `#${number}`)
    .join(', ')

/** The queries of a flush with their outcome; with explanations, those that the event itself concerns. */
function fatesOf(receipt: ReceiptEntry | undefined, explanations: readonly Explanation[] | undefined): readonly Fate[] {
  const reasons = new Map(explanations?.map((one) => [keyText(one.queryKey), one]))
  const fates = receipt
    ? OUTCOME_NAMES.flatMap((outcome) =>
        receipt.receipt[outcome].map((queryKey) => ({
          queryKey,
          outcome,
          reason: fateReason(outcome, reasons.get(keyText(queryKey))?.reason),
        })),
      )
    : []
  const known = new Set(fates.map(({ queryKey }) => keyText(queryKey)))
  const others = explanations?.filter(
    ({ outcome, queryKey }) => outcome !== 'unmatched' && !known.has(keyText(queryKey)),
  )
  const own = fates.filter(({ queryKey }) => !explanations || reasons.get(keyText(queryKey))?.outcome !== 'unmatched')
  return [...own, ...(others ?? [])]
}

/** Why it matched, and what became of it where its outcome does not say it. */
function fateReason(outcome: Outcome, matched: string | undefined): string {
  const { meaning } = OUTCOME_WORDS[outcome]
  if (matched === undefined) return meaning
  return outcome === 'refetched' || outcome === 'skipped' ? matched : `${matched}; ${meaning}`
}

const EXPLAINED_TONES: Readonly<Record<Explanation['outcome'], Tone>> = {
  matches: 'good',
  skipped: 'calm',
  unmatched: 'calm',
  off: 'calm',
}

const MAX_FATES = 200

/** Queries, what happens to each, and why. */
export function Fates({
  fates,
  receipt,
}: {
  readonly fates: readonly Fate[]
  readonly receipt: ReceiptEntry | undefined
}) {
  if (fates.length === 0) return <p class="dim">No query in the cache matched.</p>
  return (
    <ul class="fates">
      {fates.slice(0, MAX_FATES).map(({ queryKey, outcome, reason }) => {
        const fetch = receipt?.fetches.get(keyText(queryKey))
        const tone =
          outcome in EXPLAINED_TONES
            ? EXPLAINED_TONES[outcome as Explanation['outcome']]
            : OUTCOME_WORDS[outcome as Outcome].tone
        return (
          <li key={keyText(queryKey)}>
            <Badge tone={tone}>{outcome}</Badge>
            <span>
              <Key value={queryKey} />
              <small>
                {reason}
                {fetch && `. Fetch ${fetch.outcome} after ${durationText(fetch.durationMs)}`}
              </small>
            </span>
          </li>
        )
      })}
      {fates.length > MAX_FATES && <li class="dim">{fates.length - MAX_FATES} more</li>}
    </ul>
  )
}
