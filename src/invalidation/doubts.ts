import type { Decide } from './apply.js'
import type { createDebts } from './debts.js'
import type { createFetchLog } from './fetch-log.js'
import { isIdle } from './query-client.js'
import type { createRecentTargets } from './recent-targets.js'
import { type QueryKey, startsWith } from './target.js'

interface DoubtsOptions {
  readonly debts: ReturnType<typeof createDebts>
  readonly log: ReturnType<typeof createFetchLog>
  readonly recent: ReturnType<typeof createRecentTargets>
  readonly now: () => number
  /** Asks it of each query that a rule can reach. */
  readonly each: (decide: Decide) => void
  /** Data that was asked for up to that moment may lack something, whatever has been heard since. */
  readonly onDoubt: (moment: number) => void
}

/** Marks what may lack a change that no event will tell of. */
export function createDoubts({ debts, log, recent, now, each, onDoubt }: DoubtsOptions) {
  function missed(until: number): void {
    recent.missed(until)
    onDoubt(until)
  }

  return {
    /** Events may have been missed: what was fetched up to `until` is stale, and so is what is being fetched if `inFlight`. */
    gap(until: number, inFlight: boolean): void {
      missed(until)
      each((query) => {
        if (!isIdle(query)) return inFlight ? debts.join(query) : undefined
        const { data, dataUpdatedAt } = query.state
        // A moment that is yet to come is another clock's: the server's that rendered the page.
        const isOlder = dataUpdatedAt <= until || dataUpdatedAt > now()
        return data !== undefined && isOlder ? debts.mark(query, false) : undefined
      })
    },
    /** A topic has been joined since `at`: what was asked for before may lack its events, if its key begins with one of `keys`. */
    joined(at: number, keys: readonly QueryKey[] | undefined): void {
      missed(at)
      each((query) => {
        if (keys?.every((key) => !startsWith(query.queryKey, key))) return undefined
        if (log.isAfter(query, at)) return isIdle(query) ? undefined : debts.insure(query)
        if (!isIdle(query)) return debts.join(query)
        return query.state.data !== undefined ? debts.mark(query, false) : undefined
      })
    },
    /** What was put into the cache just now was not there when the events came. */
    restored(hashes: ReadonlySet<string>): void {
      each((query) => {
        if (!hashes.has(query.queryHash) || recent.vouchesFor(query)) return undefined
        return isIdle(query) ? debts.mark(query, false) : debts.join(query)
      })
    },
  }
}
