import type { QueryClientSlice, QuerySlice } from './query-client.js'

/**
 * Removes everything from a QueryClient, running fetches included. Active queries start again without data: TanStack's own
 * `clear` would leave their data on the screen.
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

/** Fetches the active queries without data. They were emptied at a sign-out, and nobody has fetched them since. */
export function fetchEmptied(client: QueryClientSlice): void {
  const isEmpty = (query: QuerySlice) =>
    query.isActive() && query.state.data === undefined && query.state.fetchStatus === 'idle'
  void client.refetchQueries({ predicate: isEmpty }, { cancelRefetch: false })
}
