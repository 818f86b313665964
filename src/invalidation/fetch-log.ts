import type { Clock } from '../platform/page.js'
import type { LogicalClock } from './logical-clock.js'
import type { Hit } from './matcher.js'
import type { QueryCacheEvent, QueryClientSlice, QuerySlice } from './query-client.js'

interface FetchLogOptions {
  readonly client: QueryClientSlice
  readonly logicalClock: LogicalClock
  readonly clock: Clock
  /** A fetch has brought data. */
  onFetched(query: QuerySlice): void
  /** The query has got an observer. */
  onObserved(query: QuerySlice): void
  /** Its data was not fetched here: it comes from disk, or from the server that rendered the page. */
  onRestored(query: QuerySlice): void
}

export type FetchLog = ReturnType<typeof createFetchLog>

/**
 * Watches the query cache. It records when each fetch started, by the logical clock, which tells whether a query's data is
 * younger than a change. And it reports data that came into the cache without a fetch.
 */
export function createFetchLog({ client, logicalClock, clock, onFetched, onObserved, onRestored }: FetchLogOptions) {
  /** Logical timestamps: the start of the last fetch, and the start of the fetch that brought the data. */
  const started = new WeakMap<QuerySlice, number>()
  const fetched = new WeakMap<QuerySlice, number>()
  /** The same two, and when the data came, by the monotonic clock. Milliseconds. */
  const startedAt = new WeakMap<QuerySlice, number>()
  const fetchedAt = new WeakMap<QuerySlice, number>()
  const cameAt = new WeakMap<QuerySlice, number>()
  /** The logical timestamp of the app's last `setQueryData`. */
  const set = new WeakMap<QuerySlice, number>()
  /** The last `dataUpdatedAt`. If it changes without a fetch, the data was restored. A cancelled fetch restores the same one. */
  const updatedAt = new WeakMap<QuerySlice, number>()

  function onUpdated(query: QuerySlice, { type, manual }: NonNullable<QueryCacheEvent['action']>): void {
    if (query.state.fetchMeta?.fetchMore && !manual && (type === 'fetch' || type === 'success')) {
      // One more page of an infinite query says nothing about the pages that were there before.
    } else if (type === 'fetch') {
      started.set(query, logicalClock.next())
      startedAt.set(query, clock.monotonic())
    } else if (type === 'success' && manual) set.set(query, logicalClock.next())
    else if (type === 'success') {
      fetched.set(query, started.get(query) ?? 0)
      fetchedAt.set(query, startedAt.get(query) ?? Number.NEGATIVE_INFINITY)
      // A fetch replaces what the app has set, even if the fetch started before.
      set.delete(query)
      onFetched(query)
    }
    if (type === 'success') cameAt.set(query, clock.monotonic())
    const { data, dataUpdatedAt } = query.state
    const before = updatedAt.get(query)
    updatedAt.set(query, dataUpdatedAt)
    if (type === 'setState' && data !== undefined && before !== dataUpdatedAt) {
      cameAt.delete(query)
      onRestored(query)
    }
  }

  const stop = client.getQueryCache().subscribe(({ type, query, action }) => {
    if (type === 'updated' && action) onUpdated(query, action)
    else if (type === 'observerAdded') onObserved(query)
    else if (type === 'added') {
      updatedAt.set(query, query.state.dataUpdatedAt)
      // With `initialData` the app itself says how old the data is.
      if (query.state.data !== undefined && query.options?.initialData === undefined) onRestored(query)
    }
  })

  /** The earliest moment at which data was requested, if this log did not see its fetch. 0 is when the page began to load. */
  function earliestRequest(query: QuerySlice): number {
    const { dataUpdatedAt } = query.state
    // The source of data that the app has set is unknown. A future moment comes from another clock.
    if (set.has(query) || dataUpdatedAt > clock.now()) return Number.NEGATIVE_INFINITY
    // It was fetched before this log started, or is older than the page.
    return Math.min(dataUpdatedAt - clock.origin, 0)
  }

  return {
    /**
     * Whether the query's data, or its running fetch, contains the change. Data that the app has set (`setQueryData`) may be a
     * guess, and says nothing about other people's changes. For this tab's own writes it counts as the answer.
     */
    hasChange(query: QuerySlice, { after, own }: Hit): boolean {
      if (query.state.fetchStatus !== 'idle') return (started.get(query) ?? 0) > after
      return (fetched.get(query) ?? 0) > after || isBetween(set.get(query) ?? 0, after, own)
    },
    /** The query got data that another tab had requested after that logical timestamp, at the moment `requestedAt`. */
    onTaken(query: QuerySlice, timestamp: number, requestedAt: number): void {
      fetched.set(query, timestamp)
      fetchedAt.set(query, requestedAt)
      set.delete(query)
    },
    /** Whether the query's data came after that moment. What this log did not see come is judged by the date that it has. */
    cameAfter(query: QuerySlice, moment: number): boolean {
      const seenAt = cameAt.get(query)
      if (seenAt !== undefined) return seenAt > moment
      const { dataUpdatedAt } = query.state
      // The wall clock may have been set since. A future moment comes from another clock, as that of a server that renders pages.
      const now = clock.now()
      const date = Math.max(clock.origin + moment, now - (clock.monotonic() - moment))
      return dataUpdatedAt > date && dataUpdatedAt <= now
    },
    /**
     * Whether the query's data, or its running fetch, was requested after that moment. Milliseconds of the monotonic clock. What the app has set since a fetch says
     * nothing about the changes of others before it.
     */
    wasRequestedAfter(query: QuerySlice, moment: number): boolean {
      if (query.state.fetchStatus !== 'idle') return (startedAt.get(query) ?? Number.NEGATIVE_INFINITY) > moment
      return (fetchedAt.get(query) ?? earliestRequest(query)) > moment
    },
    stop,
  }
}

const isBetween = (timestamp: number, after: number, until: number): boolean => timestamp > after && timestamp <= until
