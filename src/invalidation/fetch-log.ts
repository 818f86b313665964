import type { Clock } from '../platform/page.js'
import type { Hit } from './matcher.js'
import type { QueryCacheEvent, QueryClientSlice, QuerySlice } from './query-client.js'

interface Handlers {
  /** A fetch has brought data. */
  onFetched(query: QuerySlice): void
  /** Somebody uses the query from now on. */
  onUsed(query: QuerySlice): void
  /** Its data came from elsewhere: from disk, or from the server that rendered the page. */
  onRestored(query: QuerySlice): void
}

/**
 * Watches the query cache: when each fetch began, in the order of `tick`, so that it can be told whether a query's data
 * is younger than a change; and what was put into the cache without a fetch.
 */
export function createFetchLog(client: QueryClientSlice, tick: () => number, clock: Clock, handlers: Handlers) {
  const begun = new WeakMap<QuerySlice, number>()
  const fetched = new WeakMap<QuerySlice, number>()
  /** The same two by the clock. Milliseconds since the Unix epoch. */
  const begunAt = new WeakMap<QuerySlice, number>()
  const fetchedAt = new WeakMap<QuerySlice, number>()
  const set = new WeakMap<QuerySlice, number>()
  /** Of what moment the data is: when that changes without a fetch, it was restored. A cancelled fetch puts back the same. */
  const dated = new WeakMap<QuerySlice, number>()

  function updated(query: QuerySlice, { type, manual }: NonNullable<QueryCacheEvent['action']>): void {
    if (query.state.fetchMeta?.fetchMore && !manual && (type === 'fetch' || type === 'success')) {
      // One more page of an infinite query says nothing of the pages that were there before.
    } else if (type === 'fetch') {
      begun.set(query, tick())
      begunAt.set(query, clock.now())
    } else if (type === 'success' && manual) set.set(query, tick())
    else if (type === 'success') {
      fetched.set(query, begun.get(query) ?? 0)
      fetchedAt.set(query, begunAt.get(query) ?? 0)
      // A fetch replaces it, also one that began before.
      set.delete(query)
      handlers.onFetched(query)
    }
    const { data, dataUpdatedAt } = query.state
    const before = dated.get(query)
    dated.set(query, dataUpdatedAt)
    if (type === 'setState' && data !== undefined && before !== dataUpdatedAt) handlers.onRestored(query)
  }

  const stop = client.getQueryCache().subscribe(({ type, query, action }) => {
    if (type === 'updated' && action) updated(query, action)
    else if (type === 'observerAdded') handlers.onUsed(query)
    else if (type === 'added') {
      dated.set(query, query.state.dataUpdatedAt)
      // With `initialData` the app says itself how old it is.
      if (query.state.data !== undefined && query.options?.initialData === undefined) handlers.onRestored(query)
    }
  })

  /** The earliest moment at which data may have been asked for whose fetch was not seen. Milliseconds since the Unix epoch. */
  function earliest(query: QuerySlice): number {
    const { dataUpdatedAt } = query.state
    // Nobody knows what the app has set it from. A moment that is yet to come is another clock's.
    if (set.has(query) || dataUpdatedAt > clock.now()) return 0
    // It was fetched before this log began, or is older than the page.
    return Math.min(dataUpdatedAt, clock.origin)
  }

  return {
    /**
     * Whether what the query has, or is being given, has the change. What the app has set (`setQueryData`) may be a guess, and
     * says nothing of other people's changes; of its own requests it is taken for the answer.
     */
    has(query: QuerySlice, { after, own }: Hit): boolean {
      if (query.state.fetchStatus !== 'idle') return (begun.get(query) ?? 0) > after
      return (fetched.get(query) ?? 0) > after || isBetween(set.get(query) ?? 0, after, own)
    },
    /** It was given what another tab had asked for after that place, and at that moment. */
    took(query: QuerySlice, place: number, began: number): void {
      fetched.set(query, place)
      fetchedAt.set(query, began)
      set.delete(query)
    },
    /**
     * Whether what the query has, or is being given, was asked for after that moment. What the app has set since a fetch says
     * nothing of what others did before it.
     */
    isAfter(query: QuerySlice, moment: number): boolean {
      if (query.state.fetchStatus !== 'idle') return (begunAt.get(query) ?? 0) > moment
      return (fetchedAt.get(query) ?? earliest(query)) > moment
    },
    stop,
  }
}

const isBetween = (place: number, after: number, until: number): boolean => place > after && place <= until
