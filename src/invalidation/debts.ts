import type { QuerySlice } from './query-client.js'

/**
 * Which queries owe a fetch. `marked`: stale, and not fetched since. `again`: a fetch was under way when a change
 * came, or has been cancelled, so there has to be one more. Both hold hashes, so that a query that leaves the cache
 * costs nothing.
 */
export function createDebts(onOwed: () => void) {
  const marked = new Set<string>()
  const again = new Set<string>()
  const settling = new Set<string>()

  function owe(queryHash: string): void {
    again.add(queryHash)
    onOwed()
  }

  /** Marks stale; the fate says whether it is to be fetched as well. */
  function mark(query: QuerySlice, fetchNow: boolean): 'refetched' | 'deferred' | undefined {
    if (query.isStatic?.()) return undefined
    query.invalidate()
    marked.add(query.queryHash)
    return fetchNow && query.isActive() ? 'refetched' : 'deferred'
  }

  /** A fetch that the app cancels (before an optimistic update, say) ends without an error, and with the mark still set. */
  function follow(query: QuerySlice): void {
    const ended = () => {
      // Also where the mark came after the fetch had begun: a cancelled fetch puts back what was before it, unmarked.
      if (query.state.isInvalidated || marked.has(query.queryHash)) owe(query.queryHash)
    }
    query.fetch(undefined, { cancelRefetch: false }).then(ended, () => undefined)
  }

  return {
    mark,
    follow,
    get size() {
      return marked.size
    },
    hashes: (): readonly string[] => [...marked],
    has: ({ queryHash }: QuerySlice): boolean => marked.has(queryHash),
    /** Only a fetch pays: TanStack's own mark is cleared by any `setQueryData`. */
    pay: (queryHash: string): void => void marked.delete(queryHash),
    /** The queries whose fetch had to be waited for; from now on they are somebody else's to remember. */
    takeAgain(): ReadonlySet<string> {
      const due = new Set(again)
      again.clear()
      return due
    },
    /**
     * TanStack would lose this invalidation (query#8530: the fetch's success clears the mark), and a restart of the
     * fetch at every event would never let it finish. So: once more, after it has settled.
     */
    join(query: QuerySlice): 'joined' {
      const { queryHash } = query
      if (!settling.has(queryHash)) {
        settling.add(queryHash)
        const settled = () => {
          settling.delete(queryHash)
          owe(queryHash)
        }
        query.fetch(undefined, { cancelRefetch: false }).then(settled, settled)
      }
      return 'joined'
    },
    /** The fetch that is under way will have the change. But it may fail on the way. */
    insure(query: QuerySlice): 'covered' {
      if (mark(query, false)) follow(query)
      return 'covered'
    },
  }
}
