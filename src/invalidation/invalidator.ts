import type { TabEnvironment } from '../platform/page.js'
import type { EventPair } from '../wire/protocol.js'
import { watchCache } from './cache-watch.js'
import { createCollection } from './collection.js'
import { createCollector } from './collector.js'
import { createDoubts } from './doubts.js'
import { createFlush } from './flush.js'
import { createGuesses } from './guesses.js'
import { createLedger } from './ledger.js'
import type { LogicalClock } from './logical-clock.js'
import { createMatcher, isHit } from './matcher.js'
import { createPending, type PendingChanges, type PendingFetches } from './pending.js'
import { liveModeOf, type QueryClientSlice, type QuerySlice } from './query-client.js'
import type { QueryRecord } from './query-record.js'
import { createReceipts, type Receipt } from './receipt.js'
import { createRecentTargets } from './recent-targets.js'
import type { CompiledRule } from './rule.js'
import { anyNames, DEFAULT_ANY_VALUES } from './scope.js'
import { createSecondLook } from './second-look.js'
import { createSharedFetches, type SharedFetchesOptions } from './shared-fetches.js'
import type { NormalTarget, QueryKey } from './target.js'
import { createWalk } from './walk.js'

export interface InvalidatorOptions {
  readonly client: QueryClientSlice
  readonly rules: ReadonlyMap<string, CompiledRule>
  readonly debounce: { readonly waitMs: number; readonly maxWaitMs: number }
  /** What means "any" in a scope, besides null and ''. */
  readonly anyValues?: readonly unknown[] | undefined
  /** A resync is spread over this time. */
  readonly jitterMs: number
  /** A fetch that has not answered for this long is restarted when somebody asks for its query. */
  readonly restartFetchAfterMs: number
  readonly logicalClock: LogicalClock
  readonly environment: {
    readonly clock: TabEnvironment['clock']
    readonly timers: TabEnvironment['timers']
    readonly page: Pick<TabEnvironment['page'], 'isVisible' | 'on'>
    readonly random: () => number
  }
  readonly onReceipt: (receipt: Receipt) => void
  /** What is owed has changed: by queries in use, or by those that are fetched on demand. */
  readonly onPending?: (pending: PendingFetches) => void
  /** The app's own code threw while a query was dealt with. */
  readonly onThrown?: (thrown: unknown) => void
  /** Whether anybody listens to receipts. */
  readonly isWatched: () => boolean
  /** Loads the code that shares fetches with other tabs. */
  readonly sharing?: SharedFetchesOptions['load']
}

/** Collects targets, debounces them, applies them to the QueryClient. Moments are milliseconds of the monotonic clock. */
export interface Invalidator {
  /** `timestamp`: the logical timestamp of their arrival. Default: the next one. */
  push(events: readonly EventPair[], timestamp?: number): void
  /**
   * Events may have been missed: data that came up to `until` is stale, and so are running fetches if `inFlight`. `flaps`: how many
   * connections in a row did not hold; from the second on, each doubles the time over which resyncs are spread.
   */
  resync(until: number, inFlight: boolean, flaps?: number): void
  /** A topic is joined since `at`: data requested before may lack its events, if its key begins with one of `keys`. */
  topicJoined(at: number, keys: readonly QueryKey[] | undefined): void
  /** Fetches the active queries that a rule can reach, if this tab is visible. */
  poll(): void
  /** What the queries owe whose key begins with that one. */
  pendingChanges(queryKey: QueryKey): PendingChanges
  /** Fetches that, if they are in use. */
  refresh(queryKey: QueryKey): void
  /** For an inspector: the matcher of a flush, and what a query owes. */
  matcherOf(targets: readonly NormalTarget[]): ReturnType<typeof createMatcher>
  debtorOf(query: QuerySlice): QueryRecord | undefined
  close(): void
}

export function createInvalidator(options: InvalidatorOptions): Invalidator {
  const { client, rules, debounce, environment, logicalClock, isWatched } = options
  const { clock, timers } = environment
  const cache = client.getQueryCache()
  let closed = false

  const walk = createWalk({ client, clock, timers, onThrown: options.onThrown ?? (() => undefined) })
  const any = anyNames(options.anyValues ?? DEFAULT_ANY_VALUES)
  const recent = createRecentTargets(clock, any)
  const receipts = createReceipts(clock.now, options.onReceipt)
  const scheduleFlush = timers.debounce(() => flush(), debounce.waitMs, debounce.maxWaitMs)
  const collection = createCollection({
    logicalClock,
    clock,
    timers,
    isWatched,
    maxWaitMs: debounce.maxWaitMs,
    onDue: scheduleFlush,
  })
  const guesses = createGuesses({
    client,
    logicalClock,
    timers,
    onReleased: (record) => record.debt && collector.collectLater(record),
  })
  const ledger = createLedger({
    clock,
    guesses,
    patienceMs: options.restartFetchAfterMs,
    isInCache: (query) => cache.get(query.queryHash) === query,
    onChange: () => pending.changed(),
  })
  const pending = createPending(ledger, options.onPending)
  const cacheWatch = watchCache({
    client,
    ledger,
    guesses,
    logicalClock,
    clock,
    onBegin: (record) => collector.onBegin(record),
    onRest: (record, how) => collector.onRest(record, how),
    onActive: (record) => collector.onActive(record),
    onRestored: (record) => doubts.onRestored(record),
  })
  const shared = createSharedFetches({ ledger, guesses, cacheWatch, logicalClock, load: options.sharing })
  const { jitterMs } = options
  const parts = { ledger, guesses, cacheWatch, walk, receipts, recent, logicalClock, environment, jitterMs }
  const collector = createCollector({ ...parts, sharing: shared.get, scheduleSoon: scheduleFlush })
  const secondLook = createSecondLook({ ...parts, client, timers, collector, anyNames: any })
  const flush = createFlush({ ...parts, client, collection, collector, secondLook, anyNames: any })
  const doubts = createDoubts({ ...parts, collector, mappedQueries })

  function push(pairs: readonly EventPair[], timestamp = logicalClock.next()): void {
    if (closed) return
    const watched = isWatched()
    let isDue = false
    // By index, not by destructuring. A burst is over before such code is compiled, and until then each iterator and each of
    // its results is an object. A third of a burst's time in a tab was garbage collection.
    pairs.forEach((pair) => {
      const rule = rules.get(pair[0])
      const targets = rule?.resolve(pair[1])
      // In many apps most events make nothing stale. Unless somebody listens to receipts, they need no timer.
      if (!rule || !targets || (targets.length === 0 && !watched)) return
      if (collection.add(pair, targets, timestamp, rule.againMs)) isDue = true
    })
    if (isDue) scheduleFlush()
  }

  function mappedQueries(among = cache.getAll()): readonly QuerySlice[] {
    const matchOf = createMatcher(
      [...rules.values()].flatMap((rule) => rule.reach()),
      any,
    )
    return among.filter((query) => isHit(matchOf(query)) && liveModeOf(query) !== 'off')
  }

  return {
    push,
    poll: () => collector.poll(mappedQueries()),
    resync(until, inFlight, flaps = 0) {
      if (closed) return
      collector.flapped(flaps)
      shared.onMissed(until)
      doubts.gap(until, inFlight)
    },
    topicJoined(at, keys) {
      if (closed) return
      shared.onMissed(at)
      doubts.topicJoined(at, keys)
    },
    pendingChanges: pending.changes,
    refresh: (queryKey) => collector.refresh(pending.owingUnder(queryKey)),
    matcherOf: (targets) => createMatcher(targets, any),
    debtorOf: ledger.debtorOf,
    close() {
      closed = true
      collection.close()
      scheduleFlush.cancel()
      walk.close()
      secondLook.close()
      pending.close()
      doubts.close()
      collector.close()
      shared.close()
      guesses.close()
      cacheWatch.stop()
      ledger.close()
    },
  }
}
