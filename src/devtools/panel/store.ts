import type { Inspection, LineRecord } from '../../inspect/inspection.js'
import type { Receipt } from '../../invalidation/receipt.js'
import type { QueryKey } from '../../invalidation/target.js'
import { messageOf } from '../../util/errors.js'
import type { StatusName } from '../../wire/status.js'
import type { InspectedLine } from '../inspected-line.js'
import { type Category, categoryOf, describeRecord, valueText } from './words.js'

const POLL_MS = 1_000
const MAX_ENTRIES = 10_000
/** Trimming moves the whole list, so it is done rarely. */
const TRIM_AT = 11_000

export type EndedFetch = Extract<LineRecord, { kind: 'fetch' }>

/** A record of the timeline, with what later ones said of it. */
export interface Entry {
  readonly record: LineRecord
  readonly category: Category
  readonly words: ReturnType<typeof describeRecord>
  /** For the filter: all of its words, in small letters. */
  readonly text: string
  /** Of an event: the receipt of the flush that applied it. Of a receipt: itself. */
  receipt: ReceiptEntry | undefined
}

export interface ReceiptEntry {
  readonly receipt: Receipt
  /** The fetches that it began and that have ended, by key. */
  readonly fetches: Map<string, EndedFetch>
  /** The numbers of later receipts that made fetches which this one asked for. */
  readonly answeredBy: number[]
}

export const keyText = (queryKey: QueryKey): string => valueText(queryKey)

/** Joins records into a timeline: an event with its receipt, a receipt with its fetches. */
export function createTimeline() {
  let entries: Entry[] = []
  let lastNumber = 0
  /** Events that no receipt has named yet, the oldest first, by what they say. */
  const unanswered = new Map<string, Entry[]>()
  const receipts = new Map<number, ReceiptEntry>()
  /** The receipts that wait for a fetch of that key. */
  const awaited = new Map<string, ReceiptEntry[]>()

  function applyReceipt(entry: Entry, receipt: Receipt): void {
    const joined: ReceiptEntry = { receipt, fetches: new Map(), answeredBy: [] }
    entry.receipt = joined
    // A new session of the tab counts from 1 again.
    receipts.set(receipt.number, joined)
    for (const number of receipt.answers)
      if (number !== receipt.number) receipts.get(number)?.answeredBy.push(receipt.number)
    for (const queryKey of [...receipt.refetched, ...receipt.shared]) {
      const key = keyText(queryKey)
      awaited.set(key, [...(awaited.get(key) ?? []), joined])
    }
    for (const event of receipt.events) {
      const id = eventId(event)
      const waiting = unanswered.get(id)
      const first = waiting?.shift()
      if (first) first.receipt = joined
      if (waiting?.length === 0) unanswered.delete(id)
    }
  }

  function awaitReceipt(entry: Entry): void {
    const { record } = entry
    if (record.kind !== 'event' || !record.isMapped || entry.receipt) return
    const id = eventId(record.event)
    const waiting = unanswered.get(id)
    if (waiting) waiting.push(entry)
    else unanswered.set(id, [entry])
  }

  function applyFetch(record: EndedFetch): void {
    const key = keyText(record.queryKey)
    for (const receipt of awaited.get(key) ?? []) receipt.fetches.set(key, record)
    awaited.delete(key)
  }

  return {
    get entries(): readonly Entry[] {
      return entries
    },
    add(record: LineRecord): void {
      // Who listens again is told the kept records again.
      if (record.n <= lastNumber) return
      lastNumber = record.n
      const words = describeRecord(record)
      const text = `${words.label} ${words.title} ${words.note}`.toLowerCase()
      const entry: Entry = { record, category: categoryOf(record), words, text, receipt: undefined }
      insert(entry)
      awaitReceipt(entry)
      if (record.kind === 'receipt') applyReceipt(entry, record.receipt)
      if (record.kind === 'fetch') applyFetch(record)
      if (entries.length > TRIM_AT) trim()
    },
    clear,
    /** Forgets as well what it has been told: it may be told that again. */
    reset(): void {
      clear()
      lastNumber = 0
    },
  }

  function clear(): void {
    entries = []
    unanswered.clear()
    receipts.clear()
    awaited.clear()
  }

  /** By time: a hub's records come late. */
  function insert(entry: Entry): void {
    let index = entries.length
    while (index > 0 && (entries[index - 1] as Entry).record.at > entry.record.at) index--
    if (index === entries.length) entries.push(entry)
    else entries.splice(index, 0, entry)
  }

  function trim(): void {
    entries = entries.slice(-MAX_ENTRIES)
    unanswered.clear()
    entries.forEach(awaitReceipt)
    const oldest = entries.find(({ record }) => record.kind === 'receipt')?.receipt?.receipt.number ?? 0
    for (const number of receipts.keys()) if (number < oldest) receipts.delete(number)
  }
}

/** The last record for which `pick` gives something. */
export function pickLast<T>(entries: readonly Entry[], pick: (record: LineRecord) => T | undefined): T | undefined {
  for (let index = entries.length - 1; index >= 0; index--) {
    const picked = pick((entries[index] as Entry).record)
    if (picked !== undefined) return picked
  }
  return undefined
}

const eventId = ({ name, metadata }: { readonly name: string; readonly metadata: unknown }): string =>
  `${name} ${valueText(metadata)}`

/** Nobody is signed in. */
const ENDS: readonly StatusName[] = ['idle', 'signed-out']

export type PanelStore = ReturnType<typeof createPanelStore>

/** What the panel knows of a line. It listens and asks between `open` and `close` only, and asks only while the page is visible. */
export function createPanelStore(line: InspectedLine, window: Window) {
  const timeline = createTimeline()
  const listeners = new Set<() => void>()
  let inspection: Inspection | undefined
  let failure: string | undefined
  /** While paused: what came since. */
  let held: LineRecord[] | undefined
  let stop: (() => void) | undefined
  let frame: number | undefined
  let version = 0
  let statusName = line.status.name

  /** A burst is drawn once. */
  function changed(): void {
    version++
    frame ??= window.requestAnimationFrame(() => {
      frame = undefined
      for (const listener of listeners) listener()
    })
  }

  function receive(record: LineRecord): void {
    if (!held) timeline.add(record)
    else if (held.push(record) > TRIM_AT) held = held.slice(-MAX_ENTRIES)
    changed()
  }

  async function ask(): Promise<void> {
    try {
      const answer = await line.inspect()
      if (!stop) return
      if (!inspection || inspection.identity !== answer.identity) {
        forget()
        for (const record of answer.records) timeline.add(record)
      }
      inspection = answer
      failure = undefined
    } catch (thrown) {
      failure = messageOf(thrown)
    }
    changed()
  }

  /** Nothing of one user is shown to the next one, nor kept. */
  function forget(): void {
    timeline.reset()
    inspection = undefined
    if (held) held = []
  }

  /** At a sign-in or its end at once, even in a hidden page: what is still there is what the line has kept. */
  function onStatus(): void {
    const before = statusName
    statusName = line.status.name
    if (before !== statusName && [before, statusName].some((name) => ENDS.includes(name))) {
      forget()
      void ask()
    }
    changed()
  }

  function open(): void {
    if (stop) return
    statusName = line.status.name
    const ends = [line.onRecord(receive), line.subscribe(onStatus), pollWhileVisible(window, ask)]
    stop = () => {
      for (const end of ends) end()
    }
  }

  return {
    line,
    get inspection() {
      return inspection
    },
    get failure() {
      return failure
    },
    get entries() {
      return timeline.entries
    },
    get version() {
      return version
    },
    get isPaused() {
      return held !== undefined
    },
    get heldCount() {
      return held?.length ?? 0
    },
    open,
    close(): void {
      stop?.()
      stop = undefined
      forget()
      held = undefined
      if (frame !== undefined) window.cancelAnimationFrame(frame)
      frame = undefined
    },
    subscribe(listener: () => void): () => void {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    pause(): void {
      held = []
      changed()
    },
    resume(): void {
      for (const record of held ?? []) timeline.add(record)
      held = undefined
      changed()
    },
    clear(): void {
      timeline.clear()
      if (held) held = []
      changed()
    },
    ask,
  }
}

/** Asks at once, and again so long after each answer; not while the page is hidden, and at once when it is shown. Gives its end. */
function pollWhileVisible(window: Window, ask: () => Promise<void>): () => void {
  const { document } = window
  let timer: number | undefined
  let hasEnded = false

  async function poll(): Promise<void> {
    window.clearTimeout(timer)
    timer = undefined
    if (document.visibilityState !== 'hidden') await ask()
    if (!hasEnded && timer === undefined) timer = window.setTimeout(poll, POLL_MS)
  }
  const onVisible = () => {
    if (document.visibilityState !== 'hidden') void poll()
  }

  document.addEventListener('visibilitychange', onVisible)
  void poll()
  return () => {
    hasEnded = true
    window.clearTimeout(timer)
    document.removeEventListener('visibilitychange', onVisible)
  }
}

/** What a view is given. */
export interface ViewProps {
  readonly inspection: Inspection
  readonly entries: readonly Entry[]
  readonly store: PanelStore
  /** Tells the user what an action did, and who can't see it too. */
  readonly say: (message: string) => void
}
