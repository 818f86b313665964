import type { Clock } from '../platform/page.js'
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
  readonly environment: { readonly clock: Pick<Clock, 'now'> }
  /** Calls `decide` for each query that a rule can reach. */
  readonly forEachMapped: (decide: Decide) => void
}

/** Marks queries stale that may lack a change which no event will announce. Moments are milliseconds since the Unix epoch. */
export function createDoubts({ debts, log, recent, fetching, environment, forEachMapped }: DoubtsOptions) {
  function missed(untilMs: number): void {
    recent.missed(untilMs)
    fetching.onMissed(untilMs)
  }

  return {
    /** Events may have been missed: data fetched up to `untilMs` is stale, and so are running fetches if `inFlight`. */
    gap(untilMs: number, inFlight: boolean): void {
      missed(untilMs)
      forEachMapped((query) => {
        if (!isIdle(query)) return inFlight ? debts.refetchAfterFetch(query) : undefined
        const { data, dataUpdatedAt } = query.state
        // A future moment comes from another clock: that of the server that rendered the page.
        const isOlder = dataUpdatedAt <= untilMs || dataUpdatedAt > environment.clock.now()
        return data !== undefined && isOlder ? debts.markStale(query, false) : undefined
      })
    },
    /** A topic is joined since `atMs`: data requested before may lack its events, if its key begins with one of `keys`. */
    topicJoined(atMs: number, keys: readonly QueryKey[] | undefined): void {
      missed(atMs)
      forEachMapped((query) => {
        if (keys?.every((key) => !startsWith(query.queryKey, key))) return undefined
        if (log.wasRequestedAfter(query, atMs)) return isIdle(query) ? undefined : debts.coverByFetch(query)
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
