import type { Inspection, Receipt } from 'partyline'
import { usePartylineStatus } from 'partyline/react'
import { useEffect } from 'react'
import { snapshot } from '../../snapshot.js'
import { useStore } from '../../store.js'
import { Actions } from './actions.js'
import { Diagram, type End } from './diagram.js'

const HOSTS = {
  'shared-worker': 'in a SharedWorker',
  'leader-tab': 'in the leader tab',
  'this-tab': 'in this tab alone',
} as const

/** What events do to queries, in words for people. The order is that of the list. */
const OUTCOMES = {
  refetched: 'fetched',
  shared: 'fetched by one tab for all',
  joined: 'fetched once more',
  deferred: 'marked, and fetched later',
  skipped: 'left alone: not concerned',
  covered: 'left alone: up to date already',
  failed: 'failed, and tried again',
} as const
const OUTCOME_NAMES = Object.keys(OUTCOMES) as (keyof typeof OUTCOMES)[]

const NUMBER = new Intl.NumberFormat('en-IE')

interface LinePanelProps {
  readonly isOpen: boolean
  readonly onClose: () => void
}

/** A picture of what Partyline does for this page. All details are in its devtools. */
export function LinePanel({ isOpen, onClose }: LinePanelProps) {
  const status = usePartylineStatus()
  const now = useStore(snapshot)
  const { host, name, steps } = status
  // This one is there before it is counted.
  const tabs = Math.max(1, status.tabs)
  const receipts = now?.records.flatMap((record) => (record.kind === 'receipt' ? record.receipt : [])) ?? []
  // What only follows from something earlier is not news, but for a failure.
  const newest =
    receipts.at(-1)?.cause === 'failed'
      ? receipts.at(-1)
      : receipts.filter(({ cause }) => cause === 'events' || cause === 'gap').at(-1)

  useEffect(() => {
    if (!isOpen) return
    const onKey = (event: KeyboardEvent) => event.key === 'Escape' && onClose()
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [isOpen, onClose])

  return (
    <aside className="line" id="line" aria-labelledby="line-title" data-open={isOpen}>
      <div className="line-head">
        <h2 id="line-title" tabIndex={-1}>
          {name === 'connected' ? 'One' : 'No'} connection, <span data-testid="status-tabs">{tabs}</span>{' '}
          {tabs === 1 ? 'tab' : 'tabs'}
        </h2>
        <button type="button" className="button close" aria-label="Close" onClick={onClose}>
          ×
        </button>
      </div>
      <Diagram
        ends={endsOf(now, tabs)}
        where={host ? HOSTS[host] : 'not found yet'}
        isConnected={name === 'connected'}
        beat={newest?.number}
      />
      {steps.map((step) => (
        <p key={step.host} className="why" data-testid="status-step">
          Not {HOSTS[step.host]}: {step.reason}.
        </p>
      ))}
      <Latest receipt={newest} />
      <Actions />
      <Counts inspection={now} tabs={tabs} />
    </aside>
  )
}

/** This tab first. What the hub has not said of the others is left out. */
function endsOf(inspection: Inspection | undefined, tabs: number): readonly End[] {
  const { hub, tab } = inspection ?? {}
  const own = hub?.tabs.find(({ id }) => id === tab?.id)
  const others = (hub?.tabs ?? []).filter((one) => one !== own).slice(0, Math.max(0, tabs - 1))
  const unknown = Array.from({ length: Math.max(0, tabs - 1 - others.length) }, () => undefined)
  return [own, ...others, ...unknown].map((one, index) => ({
    id: one?.id ?? String(index),
    name: index === 0 ? 'This tab' : `Tab ${index + 1}`,
    notes: [
      one?.role === 'leader' && 'leader',
      one?.isParked ? 'asleep' : index > 0 && one?.isVisible === false && 'hidden',
    ]
      .filter(Boolean)
      .join(', '),
    isOwn: index === 0,
  }))
}

/** What came last, and what it did here. */
function Latest({ receipt }: { receipt: Receipt | undefined }) {
  if (!receipt) return <p className="latest">Nothing has happened yet. Try one of these:</p>
  const counts = OUTCOME_NAMES.flatMap((outcome) =>
    receipt[outcome].length > 0 ? `${receipt[outcome].length} ${OUTCOMES[outcome]}` : [],
  )
  return (
    <p className="latest" data-testid="latest" data-tone={receipt.failed.length > 0 ? 'bad' : undefined}>
      <b>{causeOf(receipt)}</b>
      <span className="why"> {counts.length === 0 ? 'Nothing on this screen.' : `Queries: ${counts.join(', ')}.`}</span>
    </p>
  )
}

/** The events with how often they came, or what else was the cause. */
function causeOf({ cause, events }: Receipt): string {
  if (cause === 'gap') return 'Caught up after connecting'
  if (cause === 'failed') return 'The bank did not answer'
  const counts = new Map<string, number>()
  for (const { name } of events) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts].map(([name, count]) => (count > 1 ? `${name} ×${NUMBER.format(count)}` : name)).join(', ')
}

/** What the line spared, and what events did. */
function Counts({ inspection, tabs }: { inspection: Inspection | undefined; tabs: number }) {
  const { fetches = 0, fetchesWithoutPartyline = 0, outcomes } = inspection?.savings ?? {}
  const connections = Math.max(0, tabs - 1)
  return (
    <section className="counts" aria-label="Counts">
      <p>
        <strong data-testid="fetches-spared">{NUMBER.format(Math.max(0, fetchesWithoutPartyline - fetches))}</strong>{' '}
        fetches spared
      </p>
      <p>
        <strong data-testid="connections-spared">{connections}</strong>{' '}
        {connections === 1 ? 'connection' : 'connections'} spared
      </p>
      <details open>
        <summary>What events did to this tab’s queries</summary>
        <dl>
          {OUTCOME_NAMES.map((outcome) => (
            <div key={outcome}>
              <dt>{OUTCOMES[outcome]}</dt>
              <dd data-testid={`count-${outcome}`}>{NUMBER.format(outcomes?.[outcome] ?? 0)}</dd>
            </div>
          ))}
        </dl>
        <p>
          Spared, in this tab: with a connection in every tab, each event would fetch at once every query that its keys
          match. That would be {NUMBER.format(fetchesWithoutPartyline)} fetches. There were {NUMBER.format(fetches)}.
        </p>
      </details>
    </section>
  )
}
