import type { Clock } from '../platform/page.js'
import type { Guesses } from './guesses.js'
import type { LogicalClock } from './logical-clock.js'
import { isIdle, liveModeOf, type QueryCacheEvent, type QueryClientSlice, type QuerySlice } from './query-client.js'
import { type DataRequest, type QueryRecord, type RunningFetch, runningFetch } from './query-record.js'

/** A fetch that has not answered for this long is given up when somebody asks for the query. Milliseconds. */
const MAX_PATIENCE_MS = 300_000
/** Data that the app sets without a date is dated when it comes; this much later (ms), the date is one that was given. */
const SET_NOW_MS = 50

/**
 * How a fetch ended that has not settled the debt: it brought data that was requested too early, it failed, or it was cancelled.
 * `superseded`: it ended without data, and was requested too early as well.
 */
export type Rest = 'too-early' | 'superseded' | 'failed' | 'cancelled'

interface LedgerOptions {
  readonly client: QueryClientSlice
  readonly logicalClock: LogicalClock
  readonly clock: Clock
  readonly patienceMs: number
  readonly guesses: Guesses
  /** The query owes a fetch, and none is under way any more. */
  readonly onRest: (record: QueryRecord, how: Rest) => void
  /** A query that owes a fetch has come into use. */
  readonly onActive: (record: QueryRecord) => void
  /** Its data was not fetched here: it comes from disk, from the server that rendered the page, or from other data of the app. */
  readonly onRestored: (record: QueryRecord) => void
  /** What is owed has changed. */
  readonly onChange: () => void
}

export type Ledger = ReturnType<typeof createLedger>

/**
 * One record for each query: where its data comes from, what fetch is under way, and what it owes. It is driven by what the query
 * cache tells, never by a fetch's promise: before TanStack Query 5.106 that does not tell of cancelled fetches.
 *
 * The rule: a query that owes, and comes to rest without a success that was requested late enough, still owes.
 */
export function createLedger(options: LedgerOptions) {
  const { client, logicalClock, clock, guesses, onChange } = options
  const records = new WeakMap<QuerySlice, QueryRecord>()
  const owing = new Map<QuerySlice, QueryRecord>()
  /** The data that a query is being given was requested by another tab. */
  let taken: { readonly query: QuerySlice; readonly request: DataRequest } | undefined
  /** The fetch that begins takes the place of this query's running one. */
  let restarting: QuerySlice | undefined

  function recordOf(query: QuerySlice): QueryRecord {
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
      patienceMs: options.patienceMs,
    }
    records.set(query, record)
    return record
  }

  function owe(record: QueryRecord, needs: number, isFromGap = false): void {
    const { query, guess } = record
    if (query.isStatic?.()) return
    if (guess) guess.isOutdated = true
    const { debt } = record
    if (debt) {
      debt.needs = Math.max(debt.needs, needs)
      debt.isFromGap = isFromGap
      debt.causes++
      return
    }
    record.debt = {
      needs,
      since: clock.now(),
      causes: 1,
      isFromGap,
      receipts: [],
      misses: 0,
      wasActive: query.isActive(),
      cancelTimer: undefined,
    }
    owing.set(query, record)
    onChange()
  }

  function settle(record: QueryRecord): void {
    if (!record.debt) return
    record.debt.cancelTimer?.()
    record.debt = undefined
    owing.delete(record.query)
    onChange()
  }

  /** TanStack drops its mark at a `setQueryData` and at a cancelled fetch. With it, `fetchQuery` and a new observer fetch, too. */
  function mark(record: QueryRecord): void {
    const { query, debt } = record
    if (!debt || query.state.isInvalidated || !isIdle(query)) return
    if (guesses.isHeld(record) || liveModeOf(query) === 'manual') return
    query.invalidate()
  }

  function rest(record: QueryRecord, how: Rest): void {
    record.running = undefined
    if (record.debt && restarting !== record.query) options.onRest(record, how)
  }

  function endWithoutData(record: QueryRecord, how: 'failed' | 'cancelled'): void {
    const { running, debt } = record
    const wasDue = running?.kind === 'whole' && running.timestamp > (debt?.needs ?? 0)
    rest(record, wasDue ? how : 'superseded')
  }

  function onFetch(record: QueryRecord): void {
    const { query } = record
    const isWhole = !query.state.fetchMeta?.fetchMore
    // Without a function the data comes from a promise that was made elsewhere: the server began to read before the page knew of it.
    const isHydrated = query.options?.queryFn === undefined
    record.running = {
      kind: isWhole ? 'whole' : 'page',
      timestamp: isHydrated ? 0 : logicalClock.next(),
      at: isHydrated ? Number.NEGATIVE_INFINITY : clock.monotonic(),
      silentSince: clock.monotonic(),
      isRetrying: false,
      isRestart: restarting === query,
      isHydrated,
    }
  }

  /** A request begins after this, or is about to: what happened before will be in its data. */
  function onAttempt(record: QueryRecord, isRetrying: boolean): void {
    const running = runningFetch(record, clock)
    if (!running) return
    const at = clock.monotonic()
    record.running = { ...running, timestamp: logicalClock.next(), at, silentSince: at, isRetrying }
  }

  function onFetched(record: QueryRecord, running: RunningFetch): void {
    const tookMs = clock.monotonic() - running.silentSince
    // A query that is always slow is not given up each time.
    record.patienceMs = Math.min(MAX_PATIENCE_MS, Math.max(options.patienceMs, 2 * tookMs))
    record.running = undefined
    record.fetched = running
    // A fetch replaces what the app has set, even if it began before.
    record.set = undefined
    if (record.debt && running.timestamp > record.debt.needs) settle(record)
    else if (record.debt) options.onRest(record, 'too-early')
    // Nobody knows when a render on the server began to read.
    if (running.isHydrated) options.onRestored(record)
  }

  /** The pages that were there are those of the moment when it was requested. */
  function onPage(record: QueryRecord, running: RunningFetch): void {
    if (record.set && record.set.timestamp > running.timestamp) record.set = undefined
    rest(record, 'too-early')
  }

  function onSet(record: QueryRecord): void {
    const { query } = record
    if (taken?.query === query) {
      record.fetched = taken.request
      record.set = undefined
      if (record.debt && taken.request.timestamp > record.debt.needs) settle(record)
      return
    }
    const timestamp = logicalClock.next()
    record.set = { timestamp, writtenBy: guesses.onSet(record) }
    // A mutation that fails brings back what was there before the change.
    if (record.guess?.isOutdated) owe(record, timestamp)
    // The app says how old it is, and so that it comes from other data.
    if (clock.now() - query.state.dataUpdatedAt > SET_NOW_MS) options.onRestored(record)
  }

  function onUpdated(record: QueryRecord, action: NonNullable<QueryCacheEvent['action']>): void {
    const { query } = record
    const { state } = query
    const { running, updatedAt } = record
    record.updatedAt = state.dataUpdatedAt
    switch (action.type) {
      case 'fetch':
        onFetch(record)
        break
      case 'failed':
      case 'continue':
        onAttempt(record, action.type === 'failed')
        break
      case 'success':
        record.cameAt = clock.monotonic()
        if (action.manual) onSet(record)
        else if (running?.kind === 'page') onPage(record, running)
        else onFetched(record, running ?? UNSEEN)
        break
      case 'error':
        // Before TanStack Query 5.8x this also tells of a cancelled fetch.
        endWithoutData(record, state.error === action.error ? 'failed' : 'cancelled')
        break
      case 'setState':
        if (state.data !== undefined && updatedAt !== state.dataUpdatedAt) {
          record.cameAt = undefined
          options.onRestored(record)
        }
        if (running && isIdle(query)) endWithoutData(record, 'cancelled')
    }
    mark(record)
  }

  /** Each rendering of a component comes here, and most queries owe nothing. */
  function onObserved(query: QuerySlice): void {
    const record = owing.get(query)
    if (!record?.debt) return
    const { wasActive } = record.debt
    record.debt.wasActive = query.isActive()
    if (record.debt.wasActive === wasActive) return
    onChange()
    // Perhaps with `refetchOnMount: false`, or its app has enabled it.
    if (!wasActive) options.onActive(record)
  }

  const stop = client.getQueryCache().subscribe(({ type, query, action }) => {
    if (type === 'updated' && action) onUpdated(recordOf(query), action)
    else if (type === 'observerAdded' || type === 'observerRemoved' || type === 'observerOptionsUpdated')
      onObserved(query)
    else if (type === 'added') {
      const record = recordOf(query)
      if (query.state.data !== undefined) options.onRestored(record)
    } else if (type === 'removed') {
      const record = records.get(query)
      if (!record) return
      settle(record)
      guesses.forget(record)
    }
  })

  return {
    recordOf,
    owe,
    settle,
    mark,
    /** Those that owe a fetch. */
    owing: (): readonly QueryRecord[] => [...owing.values()],
    size: (): number => owing.size,
    isOwing: (query: QuerySlice): boolean => owing.has(query),
    /** Gives the query data that another tab requested. Throws what `give` throws. */
    take(query: QuerySlice, request: DataRequest, give: () => void): void {
      taken = { query, request }
      try {
        give()
      } finally {
        taken = undefined
      }
    },
    /** Begins a fetch in the place of one that does not answer. Each time it is waited for twice as long. */
    restart(record: QueryRecord): void {
      const { query } = record
      if (!record.running?.isRetrying) record.patienceMs = Math.min(MAX_PATIENCE_MS, 2 * record.patienceMs)
      restarting = query
      try {
        // TanStack replaces no first load.
        if (!query.state.dataUpdatedAt) void query.cancel({ revert: true })
        query.fetch(undefined, { cancelRefetch: true }).catch(() => undefined)
      } finally {
        restarting = undefined
      }
    },
    close(): void {
      stop()
      for (const record of owing.values()) record.debt?.cancelTimer?.()
    },
  }
}

/** A fetch whose begin this ledger did not see. */
const UNSEEN: RunningFetch = {
  kind: 'whole',
  timestamp: 0,
  at: Number.NEGATIVE_INFINITY,
  silentSince: Number.POSITIVE_INFINITY,
  isRetrying: false,
  isRestart: false,
  isHydrated: false,
}
