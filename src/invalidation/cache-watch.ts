import type { Clock } from '../platform/page.js'
import type { Guesses } from './guesses.js'
import type { Ledger } from './ledger.js'
import type { LogicalClock } from './logical-clock.js'
import { isIdle, isInfinite, type QueryCacheEvent, type QueryClientSlice, type QuerySlice } from './query-client.js'
import { type DataRequest, MAX_PATIENCE_MS, type QueryRecord, type RunningFetch, runningFetch } from './query-record.js'

/** A date that the app gives with data: one that is older than this (ms) is another moment than that of its coming. */
const SET_NOW_MS = 50

/**
 * How a fetch ended that has not settled the debt: it brought data that was requested too early, it failed, or it was cancelled.
 * `superseded`: it ended without data, and was requested too early as well.
 */
export type Rest = 'too-early' | 'superseded' | 'failed' | 'cancelled'

interface CacheWatchOptions {
  readonly client: QueryClientSlice
  readonly ledger: Ledger
  readonly guesses: Guesses
  readonly logicalClock: LogicalClock
  readonly clock: Clock
  /** A query that owes a fetch is being fetched, by the library, the app or TanStack. */
  readonly onBegin: (record: QueryRecord) => void
  /** The query owes a fetch, and none is under way any more. */
  readonly onRest: (record: QueryRecord, how: Rest) => void
  /** A query that owes a fetch has come into use. */
  readonly onActive: (record: QueryRecord) => void
  /** Its data was not fetched here: it comes from disk, from the server that rendered the page, or from other data of the app. */
  readonly onRestored: (record: QueryRecord) => void
}

export type CacheWatch = ReturnType<typeof watchCache>

/**
 * Keeps the ledger's records by what the query cache tells, never by a fetch's promise: before TanStack Query 5.106 that does not
 * tell of cancelled fetches.
 */
export function watchCache(options: CacheWatchOptions) {
  const { client, ledger, guesses, logicalClock, clock } = options
  /** The data that a query is being given was requested by another tab, or is a part of what it has. */
  let taken: { readonly query: QuerySlice; readonly request: DataRequest | undefined } | undefined
  /** The fetch that begins takes the place of this query's running one. */
  let restarting: QuerySlice | undefined

  function rest(record: QueryRecord, how: Rest): void {
    record.running = undefined
    if (record.debt && restarting !== record.query) options.onRest(record, how)
  }

  function arrived(record: QueryRecord, request: DataRequest): void {
    record.cameAt = clock.monotonic()
    record.fetched = request
    // A fetch replaces what the app has set, even if it began before.
    record.set = undefined
    if (record.debt && request.timestamp > record.debt.needs) ledger.settle(record)
  }

  function onFetched(record: QueryRecord, running: RunningFetch): void {
    // A query that is always slow is not given up each time.
    const tookMs = clock.monotonic() - running.silentSince
    record.patienceMs = Math.min(MAX_PATIENCE_MS, Math.max(ledger.patienceMs, 2 * tookMs))
    record.running = undefined
    arrived(record, running)
    if (record.debt) options.onRest(record, 'too-early')
    // Nobody knows when a render on the server began to read.
    if (running.isHydrated) options.onRestored(record)
  }

  /** Its data is not that of a fetch any more, and has a date of its own. */
  function restored(record: QueryRecord): void {
    record.cameAt = undefined
    record.fetched = undefined
    record.set = undefined
    options.onRestored(record)
  }

  /** `givenAt`: the app says how old it is. What TanStack dates itself is new, however long a busy page takes to tell of it. */
  function onSet(record: QueryRecord, givenAt: number | undefined): void {
    if (taken?.query === record.query) {
      if (taken.request) arrived(record, taken.request)
      return
    }
    record.cameAt = clock.monotonic()
    const timestamp = logicalClock.next()
    record.set = { timestamp, writtenBy: guesses.onSet(record) }
    // A mutation that fails brings back what was there before the change.
    if (record.guess?.isOutdated) ledger.owe(record, timestamp)
    if (givenAt !== undefined && clock.now() - givenAt > SET_NOW_MS) restored(record)
  }

  function onUpdated(record: QueryRecord, action: NonNullable<QueryCacheEvent['action']>): void {
    const { query, running, updatedAt } = record
    record.updatedAt = query.state.dataUpdatedAt
    switch (action.type) {
      case 'fetch':
        record.running = beginning(query, logicalClock, clock, restarting === query)
        if (record.debt) options.onBegin(record)
        break
      case 'failed':
      case 'continue':
        record.running = nextAttempt(record, logicalClock, clock, action.type === 'failed')
        break
      case 'success':
        if (action.manual) onSet(record, action.dataUpdatedAt)
        else if (running?.kind === 'page') {
          keepPages(record, running, updatedAt, clock)
          rest(record, 'too-early')
        } else onFetched(record, running ?? UNSEEN)
        break
      case 'error':
        // In use, and nothing can fetch it: the app sets its data. Another query may get a function with its first component.
        if (query.options?.queryFn === undefined && query.isActive()) ledger.settle(record)
        // Older versions tell of a cancelled fetch by this as well.
        rest(record, endOf(record, query.state.error === action.error ? 'failed' : 'cancelled'))
        break
      case 'setState':
        if (query.state.data !== undefined && updatedAt !== query.state.dataUpdatedAt) restored(record)
        if (running && isIdle(query)) rest(record, endOf(record, 'cancelled'))
    }
    ledger.mark(record)
  }

  // From now on a date that changes is told from one that was there.
  client.getQueryCache().getAll().forEach(ledger.recordOf)
  const stop = client.getQueryCache().subscribe(({ type, query, action }) => {
    if (type === 'updated' && action) onUpdated(ledger.recordOf(query), action)
    else if (type === 'added') onAdded(ledger.recordOf(query), options)
    else if (type === 'removed') ledger.remove(query)
    else if (type.startsWith('observer') && type !== 'observerResultsUpdated')
      onObserved(ledger.debtorOf(query), options)
  })

  return {
    /**
     * Gives the query data that another tab requested; without `request`, a part of the data that it has. Throws what `give`
     * throws.
     */
    take(query: QuerySlice, request: DataRequest | undefined, give: () => void): void {
      taken = { query, request }
      try {
        give()
      } finally {
        taken = undefined
      }
    },
    /** The fetch that `begin` starts takes the place of the running one. */
    replace(query: QuerySlice, begin: () => void): void {
      restarting = query
      try {
        begin()
      } finally {
        restarting = undefined
      }
    },
    stop,
  }
}

/** One more page is there. The others are those of the moment when it was requested, and as old as they were. */
function keepPages(record: QueryRecord, running: RunningFetch, updatedAt: number, clock: Clock): void {
  if (record.set && record.set.timestamp > running.timestamp) record.set = undefined
  const ageMs = clock.now() - updatedAt
  record.cameAt ??= ageMs < 0 ? Number.NEGATIVE_INFINITY : clock.monotonic() - ageMs
}

/** A fetch ends without data. */
function endOf({ running, debt }: QueryRecord, how: 'failed' | 'cancelled'): Rest {
  const wasDue = running?.kind === 'whole' && running.timestamp > (debt?.needs ?? 0)
  return wasDue ? how : 'superseded'
}

function onAdded(record: QueryRecord, { onRestored }: CacheWatchOptions): void {
  if (record.query.state.data !== undefined) onRestored(record)
}

/** Each rendering of a component comes here, and most queries owe nothing. */
function onObserved(record: QueryRecord | undefined, { ledger, onActive }: CacheWatchOptions): void {
  if (!record?.debt) return
  const { wasActive } = record.debt
  record.debt.wasActive = record.query.isActive()
  if (record.debt.wasActive === wasActive) return
  ledger.use(record, !wasActive)
  // Perhaps with `refetchOnMount: false`, or its app has enabled it.
  if (!wasActive) onActive(record)
}

/** A fetch whose begin was not seen. */
const UNSEEN: RunningFetch = {
  kind: 'whole',
  timestamp: 0,
  at: Number.NEGATIVE_INFINITY,
  silentSince: Number.POSITIVE_INFINITY,
  isRetrying: false,
  isRestart: false,
  isHydrated: false,
}

function beginning(query: QuerySlice, logicalClock: LogicalClock, clock: Clock, isRestart: boolean): RunningFetch {
  // Without a function the data comes from a promise that was made elsewhere: the server began to read before the page knew of it.
  const isHydrated = query.options?.queryFn === undefined
  const silentSince = clock.monotonic()
  return {
    kind: query.state.fetchMeta?.fetchMore ? 'page' : 'whole',
    timestamp: isHydrated ? 0 : logicalClock.next(),
    at: isHydrated ? Number.NEGATIVE_INFINITY : silentSince,
    silentSince,
    isRetrying: false,
    isRestart,
    isHydrated,
  }
}

/**
 * A request begins now or later, so what happened before will be in its data. But a retry of an infinite query goes on with the page
 * that has failed, and keeps those that came before.
 */
function nextAttempt(
  record: QueryRecord,
  logicalClock: LogicalClock,
  clock: Clock,
  isRetrying: boolean,
): RunningFetch | undefined {
  const running = runningFetch(record, clock)
  if (!running) return undefined
  const silentSince = clock.monotonic()
  const keepsPages = isInfinite(record.query) && record.query.state.fetchFailureCount > 0
  const request = keepsPages ? {} : { timestamp: logicalClock.next(), at: silentSince }
  return { ...running, ...request, silentSince, isRetrying }
}
