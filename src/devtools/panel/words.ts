import type { LineRecord } from '../../inspect/inspection.js'
import type { Outcome, Receipt, ReceiptCause } from '../../invalidation/receipt.js'
import type { Host, StatusName } from '../../wire/status.js'

/** How something is doing: it colours a dot or a badge, next to words that say the same. */
export type Tone = 'good' | 'busy' | 'bad' | 'calm'

export const HOST_WORDS: Readonly<Record<Host, string>> = {
  'shared-worker': 'SharedWorker',
  'leader-tab': 'Leader tab',
  'this-tab': 'This tab alone',
}

export const STATUS_WORDS: Readonly<Record<StatusName, { title: string; tone: Tone; meaning: string }>> = {
  idle: { title: 'Idle', tone: 'calm', meaning: 'Nobody is signed in, or the line is not mounted.' },
  connecting: { title: 'Connecting', tone: 'busy', meaning: 'On the way to a first connection.' },
  connected: { title: 'Connected', tone: 'good', meaning: 'Events reach this tab.' },
  disconnected: { title: 'Disconnected', tone: 'bad', meaning: 'The connection was lost. It is tried again.' },
  unauthorized: { title: 'Unauthorized', tone: 'bad', meaning: 'The server refuses the credentials.' },
  'wrong-identity': {
    title: 'Wrong identity',
    tone: 'bad',
    meaning: "The server takes the credentials for somebody else's.",
  },
  'signed-out': { title: 'Signed out', tone: 'calm', meaning: 'The session has ended in every tab.' },
}

export const OUTCOME_WORDS: Readonly<Record<Outcome, { tone: Tone; meaning: string }>> = {
  refetched: { tone: 'good', meaning: 'fetched at once' },
  shared: { tone: 'good', meaning: 'fetched by one tab for all' },
  joined: { tone: 'good', meaning: 'a fetch was running, and one more follows' },
  deferred: { tone: 'busy', meaning: 'marked stale, to be fetched when it is active and the tab is visible' },
  skipped: { tone: 'calm', meaning: 'its key contradicts the scope' },
  covered: { tone: 'calm', meaning: 'fetched after the event, so it has the change' },
  failed: { tone: 'bad', meaning: 'its fetch failed. It is tried again' },
}

export const OUTCOME_NAMES = Object.keys(OUTCOME_WORDS) as Outcome[]

export const CAUSE_WORDS: Readonly<Record<ReceiptCause, string>> = {
  events: 'Events applied',
  gap: 'Resync after a gap',
  visible: 'Tab or query is in use again',
  poll: 'Poll while disconnected',
  again: 'Second fetch',
  failed: 'Fetches failed',
}

const two = (value: number): string => String(value).padStart(2, '0')

/** `12:00:01.204`, in local time. */
export function timeText(at: number): string {
  const date = new Date(at)
  const seconds = `${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, '0')}`
  return `${two(date.getHours())}:${two(date.getMinutes())}:${seconds}`
}

/** `212 ms`, `1.2 s`, `42 s`, `4 min 3 s`, `2 h 5 min`. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`
  const seconds = Math.floor(ms / 1_000)
  if (seconds < 10) return `${(ms / 1_000).toFixed(1)} s`
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`
  const hours = Math.floor(minutes / 60)
  return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`
}

/** `just now`, `3 s ago`. */
export function agoText(ms: number): string {
  const seconds = Math.floor(ms / 1_000)
  if (seconds < 1) return 'just now'
  return `${seconds < 60 ? `${seconds} s` : durationText(seconds * 1_000)} ago`
}

/** `1 tab`, `5 tabs`. */
export const countText = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString('en')} ${count === 1 ? one : many}`

const MAX_DEPTH_SHOWN = 5

/** A value on one line, as a developer would write it: `['balance', {id: 7}]`. */
export function valueText(value: unknown, depth = 0): string {
  if (typeof value === 'string') return `'${value}'`
  if (typeof value !== 'object' || value === null) return String(value)
  if (depth > MAX_DEPTH_SHOWN) return '…'
  if (Array.isArray(value)) return `[${value.map((inner) => valueText(inner, depth + 1)).join(', ')}]`
  const fields = Object.entries(value).map(([name, inner]) => `${name}: ${valueText(inner, depth + 1)}`)
  return `{${fields.join(', ')}}`
}

/** `2 refetched, 1 skipped`. */
export function outcomeText(receipt: Receipt): string {
  const parts = OUTCOME_NAMES.flatMap((name) => (receipt[name].length > 0 ? [`${receipt[name].length} ${name}`] : []))
  return parts.join(', ') || 'no query matched'
}

export function outcomeTone(receipt: Receipt): Tone {
  const first = OUTCOME_NAMES.find((name) => receipt[name].length > 0)
  return receipt.failed.length > 0 ? 'bad' : first ? OUTCOME_WORDS[first].tone : 'calm'
}

/** What the filter of the timeline chooses among. */
export type Category = 'events' | 'refetches' | 'fetches' | 'connection' | 'topics' | 'errors'

const CATEGORIES: Readonly<Record<LineRecord['kind'], Category>> = {
  event: 'events',
  receipt: 'refetches',
  fetch: 'fetches',
  status: 'connection',
  connection: 'connection',
  hub: 'connection',
  gap: 'connection',
  credentials: 'connection',
  topic: 'topics',
  send: 'connection',
  error: 'errors',
}

export const categoryOf = (record: LineRecord): Category => CATEGORIES[record.kind]

const BAD_STEPS = /lost|refus|fail|given-up/
const GOOD_STEPS = /^(connected|joined|given|renewed)$/

export const stepTone = (step: string): Tone => (BAD_STEPS.test(step) ? 'bad' : GOOD_STEPS.test(step) ? 'good' : 'calm')

interface RecordWords {
  readonly label: string
  readonly title: string
  readonly note: string
  readonly tone: Tone
}

/** A record as a line of the timeline. The outcome of an event is known only later, so it is not in here. */
export function describeRecord(record: LineRecord): RecordWords {
  switch (record.kind) {
    case 'event':
      return {
        label: 'event',
        title: record.event.name,
        note: valueText(record.event.metadata),
        tone: record.isMapped ? 'good' : 'calm',
      }
    case 'receipt': {
      const { receipt } = record
      const about = receipt.answers.length > 0 ? ` for ${receipt.answers.map((number) => `#${number}`).join(', ')}` : ''
      return {
        label: `#${receipt.number}`,
        title: `${CAUSE_WORDS[receipt.cause]}${about}`,
        note: outcomeText(receipt),
        tone: outcomeTone(receipt),
      }
    }
    case 'fetch':
      return {
        label: 'fetch',
        title: valueText(record.queryKey),
        note: `${record.outcome} after ${durationText(record.durationMs)}${record.reason ? `: ${record.reason}` : ''}`,
        tone: record.outcome === 'failed' ? 'bad' : record.outcome === 'succeeded' ? 'good' : 'calm',
      }
    case 'send':
      return {
        label: 'send',
        title: record.event,
        note: `${record.outcome} after ${durationText(record.durationMs)}`,
        tone: record.outcome === 'ok' ? 'good' : 'bad',
      }
    case 'status': {
      const { title, tone } = STATUS_WORDS[record.name]
      const host = record.host ? `${HOST_WORDS[record.host]}, ${countText(record.tabs, 'tab')}` : ''
      return { label: 'status', title, note: record.reason ?? host, tone }
    }
    case 'error':
      return { label: 'error', title: record.code, note: record.message, tone: 'bad' }
    default:
      return describeStep(record)
  }
}

function describeStep(
  record: Extract<LineRecord, { kind: 'gap' | 'credentials' | 'topic' | 'hub' | 'connection' }>,
): RecordWords {
  const step = 'step' in record ? record.step : ''
  const parts = [
    'topic' in record && record.topic,
    'tab' in record && record.tab && `tab ${record.tab.slice(0, 8)}`,
    'reason' in record && record.reason,
    'attempt' in record && record.attempt !== undefined && `attempt ${record.attempt}`,
    'inMs' in record && record.inMs !== undefined && `in ${durationText(record.inMs)}`,
    'count' in record && record.count !== undefined && countText(record.count, 'event'),
    'expiresAt' in record && record.expiresAt !== undefined && `expires ${timeText(record.expiresAt)}`,
  ]
  const calm = { label: record.kind, note: parts.filter(Boolean).join(', ') }
  if (record.kind !== 'gap') return { ...calm, title: step.replaceAll('-', ' '), tone: stepTone(step) }
  const title = GAP_WORDS[step]
  return { ...calm, title: title ?? 'Events may have been missed', tone: title ? 'calm' : 'busy' }
}

/** What a hub says of a gap that cost nothing. */
const GAP_WORDS: Readonly<Record<string, string>> = {
  'nothing-missed': 'No event was missed',
  replayed: 'Missed events were sent again',
}
