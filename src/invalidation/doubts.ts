import type { Decide } from './apply.js'
import type { Debts } from './debts.js'
import type { FetchLog } from './fetch-log.js'
import type { Fetching } from './fetching.js'
import { isIdle } from './query-client.js'
import type { RecentTargets } from './recent-targets.js'
import { type QueryKey, startsWith } from './target.js'

interface DoubtsOptions {
  readonly debts: Debts
  readonly log: FetchLog
  readonly recent: RecentTargets
  readonly fetching: Fetching
  /** Calls `decide` for each query that a rule can reach. */
  readonly forEachMapped: (decide: Decide) => void
}

/** Marks queries stale that may lack a change which no event will announce. Moments are milliseconds of the monotonic clock. */
export function createDoubts({ debts, log, recent, fetching, forEachMapped }: DoubtsOptions) {
  function missed(until: number): void {
    recent.missed(until)
    fetching.onMissed(until)
  }

  return {
    /**
     * Events may have been missed: data that came up to `until` is stale, and so are running fetches if `inFlight`. `onMarked`: the
     * line flaps, so running fetches are not followed by others at once; it is called when they are marked.
     */
    gap(until: number, inFlight: boolean, onMarked?: () => void): void {
      missed(until)
      forEachMapped((query) => {
        if (!isIdle(query) && !inFlight) return undefined
        if (!isIdle(query)) return onMarked ? debts.markAfterFetch(query, onMarked) : debts.refetchAfterFetch(query)
        if (query.state.data === undefined || log.cameAfter(query, until)) return undefined
        return debts.markStale(query, false)
      })
    },
    /** A topic is joined since `at`: data requested before may lack its events, if its key begins with one of `keys`. */
    topicJoined(at: number, keys: readonly QueryKey[] | undefined): void {
      missed(at)
      forEachMapped((query) => {
        if (keys?.every((key) => !startsWith(query.queryKey, key))) return undefined
        if (log.wasRequestedAfter(query, at)) return isIdle(query) ? undefined : debts.coverByFetch(query)
        if (!isIdle(query)) return debts.refetchAfterFetch(query)
        return query.state.data !== undefined ? debts.markStale(query, false) : undefined
      })
    },
    /** These queries were put into the cache just now, so they were not there when the events came. */
    restored(hashes: ReadonlySet<string>): void {
      forEachMapped((query) => {
        if (!hashes.has(query.queryHash) || recent.provesUnchanged(query)) return undefined
        return isIdle(query) ? debts.markStale(query, false) : debts.refetchAfterFetch(query)
      })
    },
  }
}
