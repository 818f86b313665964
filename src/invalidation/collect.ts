import type { TabEnvironment } from '../platform/page.js'
import type { CacheWatch } from './cache-watch.js'
import type { Guesses } from './guesses.js'
import type { Ledger } from './ledger.js'
import type { LogicalClock } from './logical-clock.js'
import { liveModeOf, type Pages, pagesOf, type QuerySlice } from './query-client.js'
import { isStuck, MAX_PATIENCE_MS, type QueryRecord, runningFetch, willSettle } from './query-record.js'
import type { Outcome } from './receipt.js'
import type { Sharing } from './sharing.js'

/** Where nobody asks, a fetch that does not answer is given up so many times later. */
const UNASKED = 6

/** After a fetch that failed: the first pause and the longest one, before their jitter. Milliseconds. */
const FAILED_PAUSE_MS = { first: 5_000, max: 200_000 }

export interface CollectOptions {
  readonly ledger: Ledger
  readonly guesses: Guesses
  readonly cacheWatch: CacheWatch
  readonly logicalClock: LogicalClock
  readonly environment: {
    readonly clock: Pick<TabEnvironment['clock'], 'monotonic'>
    readonly timers: Pick<TabEnvironment['timers'], 'after'>
    readonly page: Pick<TabEnvironment['page'], 'isVisible'>
    readonly random: () => number
  }
  readonly sharing: () => Sharing | undefined
}

/** Sees to the fetch of one query that owes it. `onDue`: it is to be collected again. */
export function createCollect(options: CollectOptions, onDue: (record: QueryRecord) => void) {
  const { ledger, guesses, cacheWatch, logicalClock, environment, sharing } = options
  const { clock, timers, page, random } = environment

  /** `asked`: by the app or its user, not by an event. */
  function mayFetch(record: QueryRecord, asked: boolean): boolean {
    const { query } = record
    const mode = liveModeOf(query)
    if ((mode === 'manual' && !asked) || mode === 'off' || guesses.isHeld(record)) return false
    return query.isActive() && (mode === 'always' || page.isVisible())
  }

  /** TanStack fetches all pages that are there. */
  function dropPages(query: QuerySlice): void {
    const all = pagesOf(query)
    if (!all || all.pages.length < 2) return
    const first: Pages = { pages: all.pages.slice(0, 1), pageParams: all.pageParams.slice(0, 1) }
    const { dataUpdatedAt: updatedAt } = query.state
    try {
      cacheWatch.take(query, undefined, () => query.setData(first, { updatedAt, manual: true }))
    } catch {
      // The app's own `structuralSharing` may throw. Then all pages are fetched.
    }
  }

  /** Each time the query is waited for twice as long, so that a slow one does end. */
  function restart(record: QueryRecord): void {
    const { query } = record
    if (!record.running?.isRetrying) record.patienceMs = Math.min(MAX_PATIENCE_MS, 2 * record.patienceMs)
    cacheWatch.replace(query, () => {
      // TanStack replaces no first load.
      if (!query.state.dataUpdatedAt) void query.cancel({ revert: true })
      query.fetch(undefined, { cancelRefetch: true }).catch(() => undefined)
    })
  }

  function stopTimer({ debt }: QueryRecord): void {
    debt?.cancelTimer?.()
    if (debt) debt.cancelTimer = undefined
  }

  function later(record: QueryRecord, ms: number, run: () => void): void {
    stopTimer(record)
    const { debt } = record
    if (!debt) return
    debt.cancelTimer = timers.after(ms, () => {
      debt.cancelTimer = undefined
      run()
    })
  }

  /** A request that never answers would keep the query stale where nobody asks for it again. */
  function watch(record: QueryRecord): void {
    const running = runningFetch(record, clock)
    if (!running) return
    const waitMs = Math.min(MAX_PATIENCE_MS, UNASKED * record.patienceMs)
    const restMs = running.silentSince + waitMs - clock.monotonic()
    // Past that, it can't be fetched now: the tab is hidden, say, or the network is away.
    later(record, restMs > 0 ? restMs : waitMs, () => {
      if (isStuck(record, clock)) onDue(record)
      else watch(record)
    })
  }

  return {
    mayFetch,
    stopTimer,
    watch,
    /** Fetches what a query owes, if that is possible now. Undefined: it owes nothing. */
    collect(record: QueryRecord, { canShare = true, asked = false } = {}): Outcome | undefined {
      const { query, debt } = record
      if (!debt) return undefined
      // Its first load was under way when it came to owe, or it has become static since.
      if (query.isStatic?.()) {
        ledger.settle(record)
        return undefined
      }
      const isAllowed = mayFetch(record, asked)
      const running = runningFetch(record, clock)
      if (running && !(isAllowed && isStuck(record, clock))) {
        watch(record)
        if (willSettle(record)) return 'covered'
        return isAllowed ? 'joined' : 'deferred'
      }
      ledger.mark(record)
      if (!isAllowed) return 'deferred'
      // A hidden tab takes part in no shared fetch.
      const shared = canShare && !running && page.isVisible() ? sharing() : undefined
      if (shared?.isOn(query)) {
        stopTimer(record)
        shared.request(query, logicalClock.next())
        return 'shared'
      }
      if (liveModeOf(query) === 'first-page') dropPages(query)
      if (running) restart(record)
      else query.fetch(undefined, { cancelRefetch: false }).catch(() => undefined)
      return 'refetched'
    },
    /** The query's fetch has failed so many times in a row. */
    pause(record: QueryRecord, failures: number): void {
      const { first, max } = FAILED_PAUSE_MS
      later(record, Math.min(max, first * 2 ** (failures - 1)) * (1 + random() / 2), () => onDue(record))
    },
  }
}
