import type { Chosen, Outcome } from './apply.js'
import type { createDebts } from './debts.js'
import type { createFetchLog } from './fetch-log.js'
import type { LogicalClock } from './logical-clock.js'
import type { QuerySlice } from './query-client.js'
import type { Sharing, SharingHooks } from './sharing.js'

interface FetchingOptions {
  readonly debts: ReturnType<typeof createDebts>
  readonly log: ReturnType<typeof createFetchLog>
  readonly order: LogicalClock
  /** Gives the way to share fetches with other tabs, once it is loaded. */
  readonly sharing: ((hooks: SharingHooks) => Promise<Sharing | undefined>) | undefined
  /** What was to be fetched owes its fetch still. */
  readonly onPutOff: () => void
}

/** Says who fetches what is stale, and sees to it: this tab, or one tab for all that need it now. */
export function createFetching({ debts, log, order, sharing: load, onPutOff }: FetchingOptions) {
  let sharing: Sharing | undefined
  /** Data that was asked for up to this moment may lack something, whatever has been heard since. */
  let doubted = Number.NEGATIVE_INFINITY
  let closed = false

  void load?.({
    fetch(query) {
      const fetching = query.fetch(undefined, { cancelRefetch: false })
      debts.follow(query)
      return fetching
    },
    isOwed: debts.has,
    since: () => Math.max(doubted, order.lastAnswer()),
    onTaken(query, place, began) {
      log.took(query, place, began)
      debts.pay(query.queryHash)
    },
    onPutOff,
  }).then((made) => {
    if (closed) made?.close()
    else sharing = made
  })

  return {
    /** Marks stale, and says who is to fetch it. */
    charge(query: QuerySlice, fetchNow: boolean): Outcome | undefined {
      const fate = debts.mark(query, fetchNow)
      return fate === 'refetched' && sharing?.isOn(query) ? 'shared' : fate
    },
    /** What a pass has chosen: what is being fetched is watched, what is to be shared is asked for. */
    see({ refetched, shared }: Chosen): void {
      refetched.forEach(debts.follow)
      const place = order.next()
      for (const query of shared) sharing?.request(query, place)
    },
    /** From then on no other tab's data from before that moment is taken. */
    doubt(moment: number): void {
      doubted = Math.max(doubted, moment)
    },
    close(): void {
      closed = true
      sharing?.close()
    },
  }
}
