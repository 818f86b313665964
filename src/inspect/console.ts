import type { Outcome, Receipt, ServerEvent } from '../invalidation/receipt.js'
import type { QueryKey } from '../invalidation/target.js'
import type { LineRecord } from './inspection.js'

/** Longer metadata and keys are cut, and so is a line. Characters. */
const MAX_VALUE = 80
const MAX_LINE = 300
/** Of a flush with more, the first events are named. */
const MAX_EVENTS = 3

const OUTCOMES: readonly Outcome[] = ['refetched', 'shared', 'joined', 'deferred', 'skipped', 'covered', 'failed']

/** Prints one line per record. A chunk of its own, for development. */
export const printRecord = (record: LineRecord): void => console.log(lineOf(record))

/** `[partyline] 12:00:01.204 transaction_happened {accountId: 7} -> 2 refetched, 1 skipped (type)` */
export function lineOf(record: LineRecord): string {
  const line = `[partyline] ${timeOf(record.at)} ${record.from === 'hub' ? 'hub: ' : ''}${recordText(record)}`
  return cut(line.replace(/\s+/g, ' ').trimEnd(), MAX_LINE)
}

function recordText(record: LineRecord): string {
  if (record.from === 'hub') {
    const { kind, step, topic, tab, attempt, inMs, count, reason } = record
    const parts = [
      topic,
      tab && `tab ${tab}`,
      attempt !== undefined && `attempt ${attempt}`,
      inMs !== undefined && `in ${inSeconds(inMs)}`,
      count !== undefined && `${count} events`,
    ]
    return because([kind, step, ...parts.filter(Boolean)].join(' '), reason)
  }
  switch (record.kind) {
    case 'status': {
      const { name, host, role, tabs, reason } = record
      const where = host ? `, ${host}${role ? ` (${role})` : ''}, ${tabs} ${tabs === 1 ? 'tab' : 'tabs'}` : ''
      return because(`status ${name}${where}`, reason)
    }
    case 'event':
      return `event ${eventText(record.event)}${record.isMapped ? '' : ' (no rule)'}`
    case 'receipt':
      return receiptText(record.receipt, record.skippedBy)
    case 'fetch': {
      const { queryKey, outcome, durationMs, reason } = record
      return because(`fetch ${short(queryKey)} ${outcome} after ${inSeconds(durationMs)}`, reason)
    }
    case 'error':
      return `error ${record.code}: ${record.message}`
    case 'gap':
      return because('gap', record.reason)
    case 'credentials':
      return `credentials ${record.step}`
    case 'send':
      return `send ${record.event} ${record.outcome} after ${inSeconds(record.durationMs)}`
    case 'topic':
      return because(`topic ${record.topic} ${record.step}`, record.reason)
  }
}

function receiptText(receipt: Receipt, skippedBy: readonly string[] = []): string {
  const { cause, events } = receipt
  const named = events.slice(0, MAX_EVENTS).map(eventText).join(', ')
  const more = events.length > MAX_EVENTS ? ` and ${events.length - MAX_EVENTS} more` : ''
  const counts = OUTCOMES.filter((outcome) => receipt[outcome].length > 0).map((outcome) => {
    const fields = outcome === 'skipped' && skippedBy.length > 0 ? ` (${skippedBy.join(', ')})` : ''
    return `${receipt[outcome].length} ${outcome}${fields}`
  })
  return `${events.length > 0 ? named + more : cause} -> ${counts.join(', ') || 'nothing'}`
}

const eventText = ({ name, metadata }: ServerEvent): string => `${name} ${short(metadata)}`

const because = (text: string, reason: string | undefined): string => (reason ? `${text}: ${reason}` : text)

const inSeconds = (ms: number): string => (ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`)

const cut = (text: string, length: number): string => (text.length > length ? `${text.slice(0, length - 3)}...` : text)

/** As a developer would write it: `{accountId: 7}`. */
const short = (value: QueryKey | object): string =>
  cut(
    JSON.stringify(value)
      .replace(/"([A-Za-z_$][\w$]*)":/g, '$1:')
      .replace(/([:,])(?=\S)/g, '$1 '),
    MAX_VALUE,
  )

function timeOf(at: number): string {
  const date = new Date(at)
  const two = (part: number) => String(part).padStart(2, '0')
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')
  return `${time}.${String(date.getMilliseconds()).padStart(3, '0')}`
}
