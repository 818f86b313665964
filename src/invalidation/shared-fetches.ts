import type { CacheWatch } from './cache-watch.js'
import type { Guesses } from './guesses.js'
import type { Ledger } from './ledger.js'
import type { LogicalClock } from './logical-clock.js'
import type { Sharing, SharingHooks } from './sharing.js'

export interface SharedFetchesOptions {
  readonly ledger: Ledger
  readonly guesses: Guesses
  readonly cacheWatch: CacheWatch
  readonly logicalClock: LogicalClock
  /** Loads the code that shares fetches with other tabs. */
  readonly load: ((hooks: SharingHooks) => Promise<Sharing | undefined>) | undefined
}

/** Loads the code that shares fetches with other tabs, and gives it what the ledger knows. */
export function createSharedFetches({ ledger, guesses, cacheWatch, logicalClock, load }: SharedFetchesOptions) {
  let sharing: Sharing | undefined
  /** Data requested up to this moment may lack a change, whatever events came since. Milliseconds of the monotonic clock. */
  let missedUntil = Number.NEGATIVE_INFINITY
  let closed = false

  void load?.({
    isPending: (query) => ledger.debtorOf(query) !== undefined,
    isHeld: (query) => guesses.isHeld(ledger.recordOf(query)),
    distrustedUntil: () => Math.max(missedUntil, logicalClock.lastAnswer()),
    take: cacheWatch.take,
  }).then((loaded) => {
    if (closed) loaded?.close()
    else sharing = loaded
  })

  return {
    /** Undefined while nothing is shared. */
    get: (): Sharing | undefined => sharing,
    /** From now on no other tab's data from before this moment is taken. */
    onMissed(until: number): void {
      missedUntil = Math.max(missedUntil, until)
    },
    close(): void {
      closed = true
      sharing?.close()
    },
  }
}
