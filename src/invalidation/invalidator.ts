import type { TabEnvironment } from '../platform/page.js'
import type { EventPair } from '../wire/protocol.js'
import { createApply } from './apply.js'
import { createCollection } from './collection.js'
import { createDebts } from './debts.js'
import { createDoubts } from './doubts.js'
import { createFetchLog } from './fetch-log.js'
import { createFetching } from './fetching.js'
import { createFlush } from './flush.js'
import type { LogicalClock } from './logical-clock.js'
import { createMatcher, isHit } from './matcher.js'
import { createMutationHold } from './mutation-hold.js'
import { createPendingRefetches, MIN_FLAPS } from './pending-refetches.js'
import type { QueryClientSlice, QuerySlice } from './query-client.js'
import type { Receipt } from './receipt.js'
import { createRecentTargets } from './recent-targets.js'
import type { CompiledRule } from './rule.js'
import { anyNames, DEFAULT_ANY_VALUES } from './scope.js'
import type { Sharing, SharingHooks } from './sharing.js'
import type { QueryKey } from './target.js'

export interface InvalidatorOptions {
  readonly client: QueryClientSlice
  readonly rules: ReadonlyMap<string, CompiledRule>
  readonly debounce: { readonly waitMs: number; readonly maxWaitMs: number }
  /** What means "any" in a scope, besides null and ''. */
  readonly anyValues?: readonly unknown[] | undefined
  /** A resync is spread over this time. */
  readonly jitterMs: number
  readonly logicalClock: LogicalClock
  readonly environment: {
    readonly clock: TabEnvironment['clock']
    readonly timers: TabEnvironment['timers']
    readonly page: Pick<TabEnvironment['page'], 'isVisible' | 'on'>
    readonly random: () => number
  }
  readonly onReceipt: (receipt: Receipt) => void
  /** Whether anybody listens to receipts. */
  readonly isWatched: () => boolean
  /** Loads the code that shares fetches with other tabs. */
  readonly sharing?: ((hooks: SharingHooks) => Promise<Sharing | undefined>) | undefined
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
  close(): void
}

export function createInvalidator(options: InvalidatorOptions): Invalidator {
  const { client, rules, debounce, environment, logicalClock, isWatched } = options
  const { clock, timers } = environment

  const restored = new Set<string>()
  let closed = false

  const any = anyNames(options.anyValues ?? DEFAULT_ANY_VALUES)
  const recent = createRecentTargets(clock, any)
  const apply = createApply(client, clock.now, options.onReceipt)
  const mutationHold = createMutationHold(client, timers, debounce.maxWaitMs)
  const scheduleFlush = timers.debounce(() => mutationHold.run(flush), debounce.waitMs, debounce.maxWaitMs)
  const collection = createCollection({ logicalClock, timers, isWatched, onDelayOver: scheduleFlush })
  const debts = createDebts(() => {
    if (!closed) scheduleFlush()
  })
  const log = createFetchLog({
    client,
    logicalClock,
    clock,
    onFetched: ({ queryHash }) => debts.settle(queryHash),
    onObserved(query) {
      // Perhaps with `refetchOnMount: false`. A fetch of TanStack's own has started by then.
      if (debts.isPending(query)) void Promise.resolve().then(pending.whenObserved)
    },
    onRestored({ queryHash }) {
      // A cache is restored as a whole: one walk when that is done.
      if (restored.size === 0) void Promise.resolve().then(checkRestored)
      restored.add(queryHash)
    },
  })
  const fetching = createFetching({
    debts,
    log,
    logicalClock,
    sharing: options.sharing,
    onDeferred: () => pending.whenVisible(),
  })
  const { jitterMs } = options
  const parts = {
    client,
    environment,
    jitterMs,
    collection,
    debts,
    log,
    recent,
    fetching,
    apply,
    mutationHold,
    anyNames: any,
  }
  const flush = createFlush(parts)
  const pending = createPendingRefetches(parts, mappedQueries)
  const doubts = createDoubts({
    ...parts,
    forEachMapped(decide) {
      const isMapped = mappedQueries()
      apply('gap', [], (query) => (isMapped(query) ? decide(query) : undefined))
      pending.afterGap()
    },
  })

  function push(pairs: readonly EventPair[], timestamp = logicalClock.next()): void {
    if (closed) return
    const watched = isWatched()
    let isDue = false
    // By index, not by destructuring: a burst is over before such code is compiled, and until then each iterator and each of
    // its results is an object (a third of a burst's time in a tab was garbage collection).
    pairs.forEach((pair) => {
      const targets = rules.get(pair[0])?.resolve(pair[1])
      // In many apps most events make nothing stale. Unless somebody listens to receipts, they need no timer.
      if (!targets || (targets.length === 0 && !watched)) return
      if (collection.add(pair, targets, timestamp)) isDue = true
    })
    if (isDue) scheduleFlush()
  }

  function checkRestored(): void {
    const hashes = new Set(restored)
    restored.clear()
    if (!closed) doubts.restored(hashes)
  }

  /** Returns the test whether a rule can reach a query. */
  function mappedQueries(): (query: QuerySlice) => boolean {
    const matchOf = createMatcher(
      [...rules.values()].flatMap((rule) => rule.reach()),
      any,
    )
    return (query) => isHit(matchOf(query))
  }

  return {
    push,
    resync(until, inFlight, flaps = 0) {
      pending.flapped(flaps)
      if (!closed) doubts.gap(until, inFlight, flaps >= MIN_FLAPS ? pending.afterGap : undefined)
    },
    topicJoined(at, keys) {
      if (!closed) doubts.topicJoined(at, keys)
    },
    poll: pending.poll,
    close() {
      closed = true
      collection.close()
      scheduleFlush.cancel()
      mutationHold.cancel()
      pending.close()
      fetching.close()
      log.stop()
    },
  }
}
