import type { QueryClientSlice, QuerySlice } from './query-client.js'
import type { Receipt, ServerEvent } from './receipt.js'
import type { QueryKey } from './target.js'

/** What happens to one query. */
export type Outcome = 'refetched' | 'shared' | 'joined' | 'deferred' | 'skipped' | 'covered'

/** The queries that are fetched now, and those that one tab fetches for all. */
export interface Selection {
  readonly refetched: readonly QuerySlice[]
  readonly shared: readonly QuerySlice[]
}

export type Decide = (query: QuerySlice) => Outcome | undefined

export type Apply = ReturnType<typeof createApply>

/**
 * Walks the cache once, whatever the number of targets. It uses `refetchQueries`: that calls the predicate once per query
 * inside one `notifyManager` batch, and leaves disabled and static queries alone.
 */
export function createApply(client: QueryClientSlice, now: () => number, onReceipt: (receipt: Receipt) => void) {
  /** Without `decide` the cache is not walked. */
  return (cause: Receipt['cause'], events: readonly ServerEvent[], decide?: Decide): Selection => {
    const outcomes: Record<Outcome, QueryKey[]> = {
      refetched: [],
      shared: [],
      joined: [],
      deferred: [],
      skipped: [],
      covered: [],
    }
    const selection = { refetched: [] as QuerySlice[], shared: [] as QuerySlice[] }
    if (decide) {
      const predicate = (query: QuerySlice): boolean => {
        const outcome = decide(query)
        if (outcome) outcomes[outcome].push(query.queryKey)
        if (outcome === 'refetched' || outcome === 'shared') selection[outcome].push(query)
        return outcome === 'refetched'
      }
      void client.refetchQueries({ predicate }, { cancelRefetch: false })
    }
    const touched = Object.values(outcomes).some((keys) => keys.length > 0)
    if (touched || events.length > 0) onReceipt({ at: now(), cause, events, ...outcomes })
    return selection
  }
}
