import type { QueryClientSlice, QuerySlice } from './query-client.js'

/**
 * Takes everything that a QueryClient holds away, fetches under way included. What is on the screen starts anew without
 * data: TanStack's own `clear` would leave it there.
 */
export function clearClient(client: QueryClientSlice, refetch: boolean): void {
  const cache = client.getQueryCache()
  for (const query of cache.getAll()) {
    if (query.getObserversCount() > 0) query.reset()
    else cache.remove(query as never)
  }
  client.getMutationCache().clear()
  if (refetch) void client.refetchQueries({ predicate: () => true }, { cancelRefetch: false })
}

/** Fetches what is on the screen without data: it was emptied while nobody was signed in, and waits for whoever comes. */
export function fetchEmptied(client: QueryClientSlice): void {
  const isEmpty = (query: QuerySlice) =>
    query.isActive() && query.state.data === undefined && query.state.fetchStatus === 'idle'
  void client.refetchQueries({ predicate: isEmpty }, { cancelRefetch: false })
}
