import type { QueryClientSlice, QuerySlice } from './query-client.js'
import type { Receipt, ServerEvent } from './receipt.js'
import type { QueryKey } from './target.js'

/** What a pass decides for one query. */
export type Outcome = 'refetched' | 'shared' | 'joined' | 'deferred' | 'skipped' | 'covered'

export interface Chosen {
  readonly refetched: readonly QuerySlice[]
  readonly shared: readonly QuerySlice[]
}

export type Decide = (query: QuerySlice) => Outcome | undefined

/**
 * One walk over the cache, whatever the number of targets. It goes through `refetchQueries`, whose predicate is called
 * once for each query inside one `notifyManager` batch, and which leaves disabled and static queries alone.
 */
export function createApply(client: QueryClientSlice, now: () => number, onReceipt: (receipt: Receipt) => void) {
  /** Gives the queries that are being fetched now, and those that one tab is to fetch for all. Without `decide` no query is asked. */
  return (cause: Receipt['cause'], events: readonly ServerEvent[], decide?: Decide): Chosen => {
    const fates: Record<Outcome, QueryKey[]> = {
      refetched: [],
      shared: [],
      joined: [],
      deferred: [],
      skipped: [],
      covered: [],
    }
    const chosen = { refetched: [] as QuerySlice[], shared: [] as QuerySlice[] }
    if (decide) {
      const predicate = (query: QuerySlice): boolean => {
        const fate = decide(query)
        if (fate) fates[fate].push(query.queryKey)
        if (fate === 'refetched' || fate === 'shared') chosen[fate].push(query)
        return fate === 'refetched'
      }
      void client.refetchQueries({ predicate }, { cancelRefetch: false })
    }
    const touched = Object.values(fates).some((keys) => keys.length > 0)
    if (touched || events.length > 0) onReceipt({ at: now(), cause, events, ...fates })
    return chosen
  }
}
