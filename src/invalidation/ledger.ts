import type { Clock } from '../platform/page.js'
import type { Guesses } from './guesses.js'
import { isIdle, liveModeOf, type QuerySlice } from './query-client.js'
import type { QueryRecord } from './query-record.js'

interface LedgerOptions {
  readonly clock: Clock
  /** For each query at first. */
  readonly patienceMs: number
  readonly guesses: Pick<Guesses, 'isHeld' | 'forget'>
  /** Whether a query has not left the cache. */
  readonly isInCache: (query: QuerySlice) => boolean
  /** What is owed has changed. */
  readonly onChange: () => void
}

const NONE: readonly number[] = []

export type Ledger = ReturnType<typeof createLedger>

/**
 * One record for each query: where its data comes from, what fetch is under way, and what it owes. A query that owes, and comes to
 * rest without a success that was requested late enough, still owes.
 */
export function createLedger({ clock, patienceMs, guesses, isInCache, onChange }: LedgerOptions) {
  const records = new WeakMap<QuerySlice, QueryRecord>()
  const owing = new Map<QuerySlice, QueryRecord>()
  /** Those of them that components use. */
  const inUse = new Set<QueryRecord>()

  function settle(record: QueryRecord): void {
    if (!record.debt) return
    record.debt.cancelTimer?.()
    record.debt = undefined
    owing.delete(record.query)
    inUse.delete(record)
    onChange()
  }

  return {
    patienceMs,
    recordOf(query: QuerySlice): QueryRecord {
      const known = records.get(query)
      if (known) return known
      const record: QueryRecord = {
        query,
        running: undefined,
        fetched: undefined,
        set: undefined,
        cameAt: undefined,
        updatedAt: query.state.dataUpdatedAt,
        guess: undefined,
        debt: undefined,
        patienceMs,
      }
      records.set(query, record)
      return record
    },
    /** Only data that is requested after the logical timestamp `needs` will settle it. `events`: the numbers of those that ask for it. */
    owe(record: QueryRecord, needs: number, { isFromGap = false, events = NONE } = {}): void {
      const { query, guess, debt } = record
      // It may have left the cache while a long walk went on.
      if (query.isStatic?.() || !isInCache(query)) return
      if (guess) guess.isOutdated = true
      if (debt) {
        debt.needs = Math.max(debt.needs, needs)
        debt.isFromGap = isFromGap
        debt.hasGap ||= isFromGap
        if (events.length > 0) debt.events ??= new Set()
        for (const event of events) debt.events?.add(event)
        // Somebody may count the changes.
        if (liveModeOf(query) === 'manual') onChange()
        return
      }
      record.debt = {
        needs,
        since: clock.now(),
        events: events.length > 0 ? new Set(events) : undefined,
        isFromGap,
        hasGap: isFromGap,
        receipts: [],
        misses: 0,
        wasActive: query.isActive(),
        cancelTimer: undefined,
      }
      owing.set(query, record)
      if (record.debt.wasActive) inUse.add(record)
      onChange()
    },
    settle,
    /** TanStack drops its mark at a `setQueryData` and at a cancelled fetch. With it, `fetchQuery` and a new observer fetch, too. */
    mark(record: QueryRecord): void {
      const { query, debt } = record
      if (!debt || query.state.isInvalidated || !isIdle(query)) return
      if (guesses.isHeld(record) || liveModeOf(query) === 'manual') return
      query.invalidate()
    },
    /** The query has left the cache. */
    remove(query: QuerySlice): void {
      const record = records.get(query)
      if (!record) return
      settle(record)
      guesses.forget(record)
    },
    /** Those that owe a fetch. */
    owing: (): readonly QueryRecord[] => [...owing.values()],
    /** Those of them that components use. */
    owingInUse: (): readonly QueryRecord[] => [...inUse],
    /** A component has begun or ceased to use a query that owes. */
    use(record: QueryRecord, isActive: boolean): void {
      if (isActive) inUse.add(record)
      else inUse.delete(record)
      onChange()
    },
    size: (): number => owing.size,
    /** Undefined if the query owes nothing. */
    debtorOf: (query: QuerySlice): QueryRecord | undefined => owing.get(query),
    close(): void {
      for (const { debt } of owing.values()) debt?.cancelTimer?.()
    },
  }
}
