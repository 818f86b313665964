import type { TabEnvironment } from '../platform/page.js'
import type { Rest } from './cache-watch.js'
import { type CollectOptions, createCollect } from './collect.js'
import { isIdle, liveModeOf, type QuerySlice } from './query-client.js'
import { isStuck, type QueryRecord } from './query-record.js'
import type { createReceipts, Outcome, ReceiptCause } from './receipt.js'
import type { Walk } from './walk.js'

/** One connection that did not hold may be a server that was restarted; so many in a row are a line that flaps. */
const MIN_FLAPS = 2
/** A line that flaps is resynced this often at least. */
const MAX_JITTER_MS = 60_000
interface CollectorOptions extends CollectOptions {
  readonly walk: Walk
  readonly receipts: ReturnType<typeof createReceipts>
  readonly environment: CollectOptions['environment'] & { readonly page: Pick<TabEnvironment['page'], 'on'> }
  readonly jitterMs: number
  /** Calls `collectSoon` after the debounce. */
  readonly scheduleSoon: () => void
}

export type Collector = ReturnType<typeof createCollector>

/**
 * Collects what queries owe: an active query in a visible tab is fetched. It does so when something asks (an event, a gap, a look, a
 * component), and after each fetch that did not pay.
 */
export function createCollector(options: CollectorOptions) {
  const { ledger, walk, receipts, logicalClock, environment, jitterMs } = options
  const { clock, timers, page, random } = environment
  const one = createCollect(options, (record) => collectThese('again', [record]))
  const { collect, mayFetch } = one
  const soon = new Set<QueryRecord>()
  let cancelGapTimer: (() => void) | undefined
  let flaps = 0
  let closed = false

  const stopWatching = page.on('visible', () => collectOwing('visible'))
  const activated = createMicrotaskBatch((records) => collectThese('visible', records, true))
  /**
   * Not while TanStack tells of the end of a fetch, which is not aborted yet: a debounce whose timer is late calls back at once.
   */
  const later = createMicrotaskBatch((records) => {
    if (closed) return
    for (const record of records) soon.add(record)
    options.scheduleSoon()
  })
  const failed = createMicrotaskBatch((records) => {
    if (!closed) apply('failed', records, () => 'failed')
  })

  /** Of these, fetches what can be fetched now. */
  function collectThese(cause: ReceiptCause, records: readonly QueryRecord[], asked = false): void {
    if (closed) return
    apply(cause, records, (record) => {
      const isDue = record.debt && mayFetch(record, asked) && (isIdle(record.query) || isStuck(record, clock))
      return isDue ? collect(record, { asked }) : undefined
    })
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
    onBegin: one.watch,
    afterGap,
    /** Fetches what these queries owe because the app asks for it. */
    refresh: (records: readonly QueryRecord[]) => collectThese('visible', records, true),
    collectLater: later.add,
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
    /** Fetches these queries, which are in use, whatever they owe. */
    poll(queries: readonly QuerySlice[]): void {
      if (closed || !page.isVisible()) return
      apply('poll', queries.map(ledger.recordOf), (record) => {
        const { query } = record
        if (!isIdle(query) || liveModeOf(query) === 'manual' || !query.isActive()) return undefined
        ledger.owe(record, logicalClock.next())
        // While events may be missing, nobody can tell what another tab's poll contains.
        return collect(record, { canShare: false })
      })
    },
    /** A query that owes has come into use. A fetch of TanStack's own has started by the time when this collects. */
    onActive(record: QueryRecord): void {
      // A component that is mounted again whenever a fetch fails must not make a loop of it.
      if (!record.debt?.misses || !record.debt.cancelTimer) activated.add(record)
    },
    onRest(record: QueryRecord, how: Rest): void {
      const { debt } = record
      if (closed || !debt) return
      one.stopTimer(record)
      debt.misses = how === 'too-early' ? 0 : debt.misses + 1
      if (how === 'failed') failed.add(record)
      // An app that cancels each fetch must not make a loop of it either.
      if (how === 'failed' || debt.misses > 1) one.pause(record, debt.misses)
      else if (debt.isFromGap) afterGap()
      else later.add(record)
    },
    close(): void {
      closed = true
      cancelGapTimer?.()
      stopWatching()
    },
  }
}

/** Calls `run` once with all that was added in one task. */
function createMicrotaskBatch(run: (records: readonly QueryRecord[]) => void) {
  const added = new Set<QueryRecord>()
  function flush(): void {
    const records = [...added]
    added.clear()
    run(records)
  }
  return {
    add(record: QueryRecord): void {
      if (added.size === 0) void Promise.resolve().then(flush)
      added.add(record)
    },
  }
}
