import type { TabEnvironment } from '../platform/page.js'
import type { Guesses } from './guesses.js'
import type { Ledger, Rest } from './ledger.js'
import type { LogicalClock } from './logical-clock.js'
import { isIdle, liveModeOf } from './query-client.js'
import { isStuck, type QueryRecord, runningFetch, willSettle } from './query-record.js'
import type { createReceipts, Outcome, ReceiptCause } from './receipt.js'
import type { Sharing } from './sharing.js'
import type { Walk } from './walk.js'

/** One connection that did not hold may be a server that was restarted; so many in a row are a line that flaps. */
const MIN_FLAPS = 2
/** A line that flaps is resynced this often at least. */
const MAX_JITTER_MS = 60_000
/** After a fetch that failed: the first pause, and the longest one, of which half is jitter. Milliseconds. */
const RETRY_PAUSE_MS = { first: 5_000, max: 200_000 }

interface CollectorOptions {
  readonly ledger: Ledger
  readonly guesses: Guesses
  readonly walk: Walk
  readonly receipts: ReturnType<typeof createReceipts>
  readonly logicalClock: LogicalClock
  readonly environment: {
    readonly clock: Pick<TabEnvironment['clock'], 'monotonic'>
    readonly timers: Pick<TabEnvironment['timers'], 'after'>
    readonly page: Pick<TabEnvironment['page'], 'isVisible' | 'on'>
    readonly random: () => number
  }
  readonly jitterMs: number
  readonly sharing: () => Sharing | undefined
  /** Calls `collectSoon` after the debounce. */
  readonly scheduleSoon: () => void
}

export type Collector = ReturnType<typeof createCollector>

/**
 * Collects what queries owe: an active query in a visible tab is fetched. It does so when something asks (an event, a gap, a look, a
 * component), and after each fetch that did not pay.
 */
export function createCollector(options: CollectorOptions) {
  const { ledger, guesses, walk, receipts, logicalClock, environment, jitterMs, sharing } = options
  const { clock, timers, page, random } = environment
  const soon = new Set<QueryRecord>()
  const activated = new Set<QueryRecord>()
  const failed = new Set<QueryRecord>()
  let cancelGapTimer: (() => void) | undefined
  let flaps = 0
  let closed = false

  const stopWatching = page.on('visible', () => collectOwing('visible'))

  /** `asked`: by the app or its user, not by an event. */
  function mayFetch(record: QueryRecord, asked: boolean): boolean {
    const { query } = record
    const mode = liveModeOf(query)
    if ((mode === 'manual' && !asked) || mode === 'off' || guesses.isHeld(record)) return false
    return query.isActive() && (mode === 'always' || page.isVisible())
  }

  /** Fetches what a query owes, if that is possible now. Undefined: it owes nothing. */
  function collect(record: QueryRecord, { canShare = true, asked = false } = {}): Outcome | undefined {
    const { query, debt } = record
    if (!debt) return undefined
    const isAllowed = mayFetch(record, asked)
    const running = runningFetch(record, clock)
    if (running && !(isAllowed && isStuck(record, clock))) {
      watch(record)
      return willSettle(record) ? 'covered' : 'joined'
    }
    ledger.mark(record)
    if (!isAllowed) return 'deferred'
    const shared = canShare && !running ? sharing() : undefined
    if (shared?.isOn(query)) {
      stopTimer(record)
      shared.request(query, logicalClock.next())
      return 'shared'
    }
    if (running) ledger.restart(record)
    else query.fetch(undefined, { cancelRefetch: false }).catch(() => undefined)
    watch(record)
    return 'refetched'
  }

  function stopTimer({ debt }: QueryRecord): void {
    debt?.cancelTimer?.()
    if (debt) debt.cancelTimer = undefined
  }

  function later(record: QueryRecord, ms: number, run: () => void): void {
    stopTimer(record)
    if (!record.debt || closed) return
    const { debt } = record
    debt.cancelTimer = timers.after(ms, () => {
      debt.cancelTimer = undefined
      run()
    })
  }

  /** A request that never answers would keep the query stale. */
  function watch(record: QueryRecord): void {
    const running = runningFetch(record, clock)
    if (!running) return
    const restMs = running.silentSince + record.patienceMs - clock.monotonic()
    later(record, Math.max(restMs, 0) || record.patienceMs, () => {
      if (isStuck(record, clock)) collectThese('again', [record])
      else watch(record)
    })
  }

  function pause(record: QueryRecord, misses: number): void {
    const { first, max } = RETRY_PAUSE_MS
    const ms = Math.min(max, first * 2 ** (misses - 1)) * (1 + random() / 2)
    later(record, ms, () => collectThese('again', [record]))
  }

  /** Of these, fetches what can be fetched now. */
  function collectThese(cause: ReceiptCause, records: readonly QueryRecord[], asked = false): void {
    if (closed) return
    const due = records.filter((record) => {
      // It may have become static since.
      if (record.query.isStatic?.()) ledger.settle(record)
      return record.debt && mayFetch(record, asked) && (isIdle(record.query) || isStuck(record, clock))
    })
    apply(cause, due, (record) => collect(record, { asked }))
  }

  const collectOwing = (cause: ReceiptCause) => collectThese(cause, ledger.owing())

  /** Says in one receipt what became of these queries. */
  function apply(
    cause: ReceiptCause,
    records: readonly QueryRecord[],
    decide: (record: QueryRecord) => Outcome | undefined,
  ): void {
    if (records.length === 0) return
    const receipt = receipts(cause)
    const act = (record: QueryRecord) => {
      const outcome = decide(record)
      if (outcome) receipt.add(outcome, record.query, record)
    }
    walk.run(records, act, receipt.send)
  }

  function collectLater(record: QueryRecord): void {
    if (closed) return
    soon.add(record)
    options.scheduleSoon()
  }

  function jitter(): number {
    if (flaps < MIN_FLAPS) return random() * jitterMs
    // Never at once: the next gap is near.
    return Math.max(jitterMs, Math.min(MAX_JITTER_MS, jitterMs * 2 ** (flaps - 1))) * (0.5 + random() / 2)
  }

  /** Repeated gaps within the jitter end in one refetch. A line that flaps refetches ever less often. */
  function afterGap(): void {
    if (closed || ledger.size() === 0) return
    cancelGapTimer ??= timers.after(jitter(), () => {
      cancelGapTimer = undefined
      collectOwing('gap')
    })
  }

  return {
    collect,
    afterGap,
    /** Fetches what these queries owe because the app asks for it. */
    refresh: (records: readonly QueryRecord[]) => collectThese('visible', records, true),

    collectLater,
    /** So many connections in a row did not hold. */
    flapped(count: number): void {
      flaps = count
    },
    /** The debounce is over. What `dealtWith` names has been collected for another cause. */
    collectSoon(dealtWith: (record: QueryRecord) => boolean): void {
      const records = [...soon].filter((record) => !dealtWith(record))
      soon.clear()
      apply('again', records, (record) => {
        const outcome = collect(record)
        // Something else has begun to fetch it.
        return outcome === 'covered' ? undefined : outcome
      })
    },
    /** A query that owes has come into use. A fetch of TanStack's own has started by the time when this collects. */
    onActive(record: QueryRecord): void {
      // A component that is mounted again whenever a fetch fails must not make a loop of it.
      if (record.debt && record.debt.misses > 0 && record.debt.cancelTimer) return
      if (activated.size === 0) {
        void Promise.resolve().then(() => {
          const records = [...activated]
          activated.clear()
          collectThese('visible', records, true)
        })
      }
      activated.add(record)
    },
    onRest(record: QueryRecord, how: Rest): void {
      const { debt } = record
      if (closed || !debt) return
      stopTimer(record)
      debt.misses = how === 'too-early' ? 0 : debt.misses + 1
      if (how === 'failed') tellFailed(record)
      // An app that cancels each fetch must not make a loop of it either.
      if (how === 'failed' || debt.misses > 1) pause(record, debt.misses)
      else if (debt.isFromGap) afterGap()
      else collectLater(record)
    },
    close(): void {
      closed = true
      cancelGapTimer?.()
      stopWatching()
    },
  }

  function tellFailed(record: QueryRecord): void {
    if (failed.size === 0) {
      void Promise.resolve().then(() => {
        const records = [...failed]
        failed.clear()
        if (!closed) apply('failed', records, () => 'failed')
      })
    }
    failed.add(record)
  }
}
