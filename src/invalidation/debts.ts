import type { QuerySlice } from './query-client.js'

export type Debts = ReturnType<typeof createDebts>

/**
 * The pending refetches. All sets hold query hashes, so that a query that leaves the cache costs nothing.
 * @param onRepeat A query has to be fetched once more.
 */
export function createDebts(onRepeat: () => void) {
  /** Marked stale, and not fetched since. */
  const stale = new Set<string>()
  /** To be fetched once more: a change came while a fetch was running, or a fetch was cancelled. */
  const repeats = new Set<string>()
  /** The end of their running fetch is awaited. */
  const awaited = new Set<string>()
  const awaitedByGap = new Set<string>()

  function repeat(queryHash: string): void {
    repeats.add(queryHash)
    onRepeat()
  }

  /** The outcome says whether the query is to be fetched now as well. */
  function markStale(query: QuerySlice, fetchNow: boolean): 'refetched' | 'deferred' | undefined {
    if (query.isStatic?.()) return undefined
    query.invalidate()
    stale.add(query.queryHash)
    return fetchNow && query.isActive() ? 'refetched' : 'deferred'
  }

  /** The app may cancel the fetch, before an optimistic update for example. That ends it without an error, and still stale. */
  function watchFetch(query: QuerySlice): void {
    const ended = () => {
      // Also if the query was marked stale after the fetch had started: a cancelled fetch restores the state before it, unmarked.
      if (query.state.isInvalidated || stale.has(query.queryHash)) repeat(query.queryHash)
    }
    query.fetch(undefined, { cancelRefetch: false }).then(ended, () => undefined)
  }

  return {
    markStale,
    watchFetch,
    get size() {
      return stale.size
    },
    hashes: (): readonly string[] => [...stale],
    isPending: ({ queryHash }: QuerySlice): boolean => stale.has(queryHash),
    /** Only a fetch ends a pending refetch: any `setQueryData` clears TanStack's own mark. */
    settle: (queryHash: string): void => void stale.delete(queryHash),
    /** The queries that have to be fetched once more. The caller remembers them from now on. */
    takeRepeats(): ReadonlySet<string> {
      const taken = new Set(repeats)
      repeats.clear()
      return taken
    },
    /**
     * TanStack would lose this invalidation (query#8530: the fetch's success clears the mark), and a restart of the
     * fetch at every event would never let it finish. So the query is fetched once more, after the fetch has settled.
     */
    refetchAfterFetch(query: QuerySlice): 'joined' {
      const { queryHash } = query
      if (!awaited.has(queryHash)) {
        awaited.add(queryHash)
        const settled = () => {
          awaited.delete(queryHash)
          repeat(queryHash)
        }
        query.fetch(undefined, { cancelRefetch: false }).then(settled, settled)
      }
      return 'joined'
    },
    /** The same for a gap of a line that flaps: the other fetch has to wait for its turn. `onMarked`: it is pending. */
    markAfterFetch(query: QuerySlice, onMarked: () => void): 'joined' {
      const { queryHash } = query
      if (!awaitedByGap.has(queryHash)) {
        awaitedByGap.add(queryHash)
        const settled = () => {
          awaitedByGap.delete(queryHash)
          if (markStale(query, false)) onMarked()
        }
        query.fetch(undefined, { cancelRefetch: false }).then(settled, settled)
      }
      return 'joined'
    },
    /** The running fetch will contain the change. But it may fail, so the query is stale until then. */
    coverByFetch(query: QuerySlice): 'covered' {
      if (markStale(query, false)) watchFetch(query)
      return 'covered'
    },
  }
}
