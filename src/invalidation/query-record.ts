import type { Clock } from '../platform/page.js'
import type { Guess } from './guesses.js'
import type { Hit } from './matcher.js'
import { isIdle, type QuerySlice } from './query-client.js'

/** A fetch is given up after this long at the latest, however slow the query was before. Milliseconds. */
export const MAX_PATIENCE_MS = 300_000

/** A request for a query's data. Nothing that happened after it is certain to be in that data. */
export interface DataRequest {
  /** When it began, by the logical clock. */
  readonly timestamp: number
  /** The same by the monotonic clock. Milliseconds. */
  readonly at: number
}

/** A fetch that is under way. */
export interface RunningFetch extends DataRequest {
  /** `page`: one more page of an infinite query. It says nothing about the pages that are there. */
  readonly kind: 'whole' | 'page'
  /** It has failed, and TanStack waits before it tries again. */
  readonly isRetrying: boolean
  /** It took the place of one that did not answer. */
  readonly isRestart: boolean
  /** Its data comes from a promise that was made elsewhere, as for a page that a server renders and streams. */
  readonly isHydrated: boolean
  /** Since when it has not answered. Milliseconds of the monotonic clock. */
  readonly silentSince: number
}

/** What a query owes: its data has to be requested once more. */
export interface Debt {
  /** Only data that was requested after this logical timestamp settles it. */
  needs: number
  /** Milliseconds since the Unix epoch. */
  readonly since: number
  /** The numbers of the events that asked for it. Kept only for queries that are fetched on demand. */
  events: Set<number> | undefined
  /** A gap asked for it as well. */
  hasGap: boolean
  /** The last one to ask was a gap: many tabs ask at that moment, so the fetch keeps the jitter. */
  isFromGap: boolean
  /** The numbers of the last receipts that named it. */
  receipts: readonly number[]
  /** How many fetches in a row ended without paying. */
  misses: number
  /** Whether a component used the query when this was last known. */
  wasActive: boolean
  /** The next attempt is scheduled. */
  cancelTimer: (() => void) | undefined
}

/** All that is known of one query. Moments are milliseconds of the monotonic clock, timestamps are of the logical clock. */
export interface QueryRecord {
  readonly query: QuerySlice
  running: RunningFetch | undefined
  /** The request that brought its data. Undefined if this ledger did not see it. */
  fetched: DataRequest | undefined
  /** The app's last `setQueryData` since. `writtenBy`: when the youngest mutation began that ran then. */
  set: { readonly timestamp: number; readonly writtenBy: number } | undefined
  /** When its data came: by a fetch of all of it, or set by the app. Undefined if it was not seen to come, or was restored. */
  cameAt: number | undefined
  /** The last `dataUpdatedAt`. If it changes without a fetch, the data was restored. A cancelled fetch restores the same one. */
  updatedAt: number
  /** What a running mutation wrote by hand. */
  guess: Guess | undefined
  debt: Debt | undefined
  /** A fetch that is silent for longer than this is restarted. Milliseconds. */
  patienceMs: number
}

const NEVER_REQUESTED: DataRequest = { timestamp: 0, at: Number.NEGATIVE_INFINITY }

/** The fetch that runs. One that began before the ledger did may have read anything. */
export function runningFetch(record: QueryRecord, clock: Pick<Clock, 'monotonic'>): RunningFetch | undefined {
  if (isIdle(record.query)) return undefined
  record.running ??= {
    ...NEVER_REQUESTED,
    kind: 'whole',
    isRetrying: false,
    isRestart: false,
    isHydrated: false,
    silentSince: clock.monotonic(),
  }
  return record.running
}

/**
 * Whether the data of a query that is not being fetched contains a change. Data that the app has set (`setQueryData`) may be a guess,
 * and says nothing about other people's changes. For this tab's own writes it counts as the answer, unless a mutation that began
 * after that answer may have written it.
 */
export function containsChange(record: QueryRecord, { after, own }: Hit): boolean {
  if ((record.fetched?.timestamp ?? 0) > after) return true
  const { set } = record
  return set !== undefined && set.timestamp > after && set.timestamp <= own && set.writtenBy <= after
}

/** Whether the running fetch will settle the debt if it succeeds. */
export function willSettle({ query, running, debt }: QueryRecord): boolean {
  return !isIdle(query) && running?.kind === 'whole' && running.timestamp > (debt?.needs ?? 0)
}

/** Whether its data came after that moment. What was not seen to come is judged by the date that it has. */
export function cameAfter({ query, cameAt }: QueryRecord, moment: number, clock: Clock): boolean {
  if (cameAt !== undefined) return cameAt > moment
  const { dataUpdatedAt } = query.state
  // The wall clock may have been set since. A future moment comes from another clock, as that of a server that renders pages.
  const now = clock.now()
  const date = Math.max(clock.origin + moment, now - (clock.monotonic() - moment))
  return dataUpdatedAt > date && dataUpdatedAt <= now
}

/** Whether its data, or its running fetch, was requested after that moment. */
export function wasRequestedAfter(record: QueryRecord, moment: number, clock: Clock): boolean {
  if (!isIdle(record.query) && record.running?.kind !== 'page')
    return (record.running?.at ?? Number.NEGATIVE_INFINITY) > moment
  return (record.fetched?.at ?? earliestRequest(record, clock)) > moment
}

/** The earliest moment at which data was requested whose fetch was not seen. 0 is when the page began to load. */
function earliestRequest({ query, set }: QueryRecord, clock: Clock): number {
  const { dataUpdatedAt } = query.state
  // The source of data that the app has set is unknown. A future moment comes from another clock.
  if (set || dataUpdatedAt > clock.now()) return Number.NEGATIVE_INFINITY
  return Math.min(dataUpdatedAt - clock.origin, 0)
}

/** Whether the running fetch may be given up: it has been silent for too long, or waits for a retry and is no restart itself. */
export function isStuck(record: QueryRecord, clock: Pick<Clock, 'monotonic'>): boolean {
  const running = runningFetch(record, clock)
  // What is paused waits for the network, and TanStack continues it.
  if (!running || record.query.state.fetchStatus === 'paused') return false
  const silentMs = clock.monotonic() - running.silentSince
  // Nobody would ask for that page once more.
  if (running.kind === 'page') return silentMs >= MAX_PATIENCE_MS
  return (running.isRetrying && !running.isRestart) || silentMs >= record.patienceMs
}
