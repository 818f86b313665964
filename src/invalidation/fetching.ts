import type { Outcome, Selection } from './apply.js'
import type { Debts } from './debts.js'
import type { FetchLog } from './fetch-log.js'
import type { LogicalClock } from './logical-clock.js'
import type { QuerySlice } from './query-client.js'
import type { Sharing, SharingHooks } from './sharing.js'

interface FetchingOptions {
  readonly debts: Debts
  readonly log: FetchLog
  readonly logicalClock: LogicalClock
  /** Loads the code that shares fetches with other tabs. */
  readonly sharing: ((hooks: SharingHooks) => Promise<Sharing | undefined>) | undefined
  /** A query could not be fetched now. Its refetch is still pending. */
  readonly onDeferred: () => void
}

export type Fetching = ReturnType<typeof createFetching>

/** Decides who fetches a stale query, this tab or one tab for all that need it now, and follows the fetch. */
export function createFetching({ debts, log, logicalClock, sharing: load, onDeferred }: FetchingOptions) {
  let sharing: Sharing | undefined
  /** Data requested up to this moment may lack a change, whatever events came since. Milliseconds of the monotonic clock. */
  let missedUntil = Number.NEGATIVE_INFINITY
  let closed = false

  void load?.({
    fetch(query) {
      const fetching = query.fetch(undefined, { cancelRefetch: false })
      debts.watchFetch(query)
      return fetching
    },
    isPending: debts.isPending,
    distrustedUntil: () => Math.max(missedUntil, logicalClock.lastAnswer()),
    onTaken(query, timestamp, requestedAt) {
      log.onTaken(query, timestamp, requestedAt)
      debts.settle(query.queryHash)
    },
    onDeferred,
  }).then((loaded) => {
    if (closed) loaded?.close()
    else sharing = loaded
  })

  return {
    /** Marks the query stale, and decides who fetches it. */
    markStale(query: QuerySlice, fetchNow: boolean): Outcome | undefined {
      const outcome = debts.markStale(query, fetchNow)
      return outcome === 'refetched' && sharing?.isOn(query) ? 'shared' : outcome
    },
    /** Follows the fetches that were started, and requests those that are shared. */
    follow({ refetched, shared }: Selection): void {
      refetched.forEach(debts.watchFetch)
      const timestamp = logicalClock.next()
      for (const query of shared) sharing?.request(query, timestamp)
    },
    /** From now on no other tab's data from before this moment is taken. */
    onMissed(until: number): void {
      missedUntil = Math.max(missedUntil, until)
    },
    close(): void {
      closed = true
      sharing?.close()
    },
  }
}
