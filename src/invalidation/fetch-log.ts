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
export function createFetchLog(client: QueryClientSlice, tick: () => number, handlers: Handlers) {
  const begun = new WeakMap<QuerySlice, number>()
  const fresh = new WeakMap<QuerySlice, number>()
  /** Of what moment the data is: when that changes without a fetch, it was restored. A cancelled fetch puts back the same. */
  const dated = new WeakMap<QuerySlice, number>()

  function updated(query: QuerySlice, { type, manual }: NonNullable<QueryCacheEvent['action']>): void {
    if (type === 'fetch') begun.set(query, tick())
    else if (type === 'success') {
      // The app's own word (`setQueryData`) is as of now; but it pays no debts, which only a fetch does.
      fresh.set(query, manual ? tick() : (begun.get(query) ?? 0))
      if (!manual) handlers.onFetched(query)
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

  return {
    /** Whether what the query has, or is being given, was asked for after that place in the order. */
    isYounger: (query: QuerySlice, place: number): boolean =>
      ((query.state.fetchStatus === 'idle' ? fresh : begun).get(query) ?? 0) > place,
    stop,
  }
}
