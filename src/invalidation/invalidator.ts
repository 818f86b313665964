import type { TabEnvironment } from '../platform/page.js'
import type { EventPair } from '../wire/protocol.js'
import { createApply, type Outcome } from './apply.js'
import { createCollection, type Due } from './collection.js'
import { createDebts } from './debts.js'
import { createDoubts } from './doubts.js'
import { createFetchLog } from './fetch-log.js'
import { createFetching } from './fetching.js'
import type { LogicalClock } from './logical-clock.js'
import { createMatcher, type Hit, isHit } from './matcher.js'
import { createMutationHold } from './mutation-hold.js'
import { isIdle, type QueryClientSlice, type QuerySlice } from './query-client.js'
import type { Receipt } from './receipt.js'
import { createRecentTargets } from './recent-targets.js'
import type { CompiledRule } from './rule.js'
import type { Sharing, SharingHooks } from './sharing.js'
import { createSpread } from './spread.js'
import type { QueryKey } from './target.js'

export interface InvalidatorOptions {
  readonly client: QueryClientSlice
  readonly rules: ReadonlyMap<string, CompiledRule>
  readonly debounce: { readonly wait: number; readonly maxWait: number }
  /** A resync is spread over this many milliseconds. */
  readonly jitter: number
  readonly order: LogicalClock
  readonly environment: {
    readonly clock: TabEnvironment['clock']
    readonly timers: TabEnvironment['timers']
    readonly page: Pick<TabEnvironment['page'], 'isVisible' | 'on'>
    readonly random: () => number
  }
  readonly onReceipt: (receipt: Receipt) => void
  /** Whether anybody hears of receipts. */
  readonly isWatched: () => boolean
  /** Gives the way to share fetches with other tabs, once it is loaded. */
  readonly sharing?: ((hooks: SharingHooks) => Promise<Sharing | undefined>) | undefined
}

/** Collects targets, debounces, applies them to the QueryClient. */
export interface Invalidator {
  /** `heard`: their place in the order. Default: the next one. */
  push(events: readonly EventPair[], heard?: number): void
  /** Events may have been missed: what was fetched up to `until` is stale, and so is what is being fetched if `inFlight`. */
  resync(until: number, inFlight: boolean): void
  /** A topic has been joined since `at`: what was asked for before may lack its events, if its key begins with one of `keys`. */
  joined(at: number, keys: readonly QueryKey[] | undefined): void
  /** Fetches what a rule can reach and is in use, if this tab is looked at. */
  poll(): void
  close(): void
}

export function createInvalidator(options: InvalidatorOptions): Invalidator {
  const { client, rules, debounce, environment, order } = options
  const { clock, timers, page, random } = environment

  const restored = new Set<string>()
  let resyncing: (() => void) | undefined
  let closed = false

  const collection = createCollection(order, options.isWatched)
  const spread = createSpread<Due>(environment, (due) => {
    for (const one of due) collection.add(...one)
    schedule()
  })
  const recent = createRecentTargets(clock.now)
  const pass = createApply(client, clock.now, options.onReceipt)
  const hold = createMutationHold(client, timers, debounce.maxWait)
  const schedule = timers.debounce(() => hold.run(flush), debounce.wait, debounce.maxWait)
  const debts = createDebts(() => {
    if (!closed) schedule()
  })
  const stopLooking = page.on('visible', lookAgain)
  const log = createFetchLog(client, order.next, clock, {
    onFetched: ({ queryHash }) => debts.pay(queryHash),
    onUsed(query) {
      // Perhaps with `refetchOnMount: false`. A fetch of TanStack's own has begun by then.
      if (debts.has(query)) void Promise.resolve().then(lookAtUsed)
    },
    onRestored({ queryHash }) {
      // A cache is restored as a whole: one walk when it is done.
      if (restored.size === 0) void Promise.resolve().then(distrust)
      restored.add(queryHash)
    },
  })
  const { charge, see, ...fetching } = createFetching({
    debts,
    log,
    order,
    sharing: options.sharing,
    onPutOff: lookAgain,
  })
  const doubts = createDoubts({
    debts,
    log,
    recent,
    now: clock.now,
    each(decide) {
      const isMapped = reachable()
      pass('gap', [], (query) => (isMapped(query) ? decide(query) : undefined))
      lookLater()
    },
    onDoubt: fetching.doubt,
  })

  function push(pairs: readonly EventPair[], heard = order.next()): void {
    if (closed) return
    const isWatched = options.isWatched()
    let isDue = false
    // By index, not by destructuring: a burst is over before such code is compiled, and until then each iterator and each of
    // its results is an object (a third of a burst's time in a tab was garbage collection).
    pairs.forEach((pair) => {
      const name = pair[0]
      const targets = rules.get(name)?.resolve(pair[1])
      // Most events of many an app make nothing stale: unless somebody watches, they are worth no timer.
      if (!targets || (targets.length === 0 && !isWatched)) return
      const wait = pair[2]?.waitMs ?? 0
      if (wait > 0) spread.add(name, wait, [pair, targets, heard])
      else collection.add(pair, targets, heard)
      isDue ||= wait === 0
    })
    if (isDue) schedule()
  }

  function flush(): void {
    const { events, targets } = collection.take()
    const match = createMatcher(targets)
    const again = debts.takeAgain()
    recent.add(targets)
    const visible = page.isVisible()
    // For receipts alone the cache is not walked.
    if (targets.length === 0 && again.size === 0) return void pass('events', events)
    const chosen = pass('events', events, (query) => {
      const verdict = match(query)
      const isOwed = again.size > 0 && again.has(query.queryHash)
      // Most of a large cache.
      if (verdict === undefined && !isOwed) return undefined
      // Events that its data has already do not pay for a fetch that is owed for something else, a gap perhaps.
      if (isHit(verdict) && !(isOwed && log.has(query, verdict))) return answer(query, verdict, visible)
      if (!isOwed) return isHit(verdict) ? undefined : verdict
      if (isIdle(query)) return charge(query, visible)
      // A fetch that began after the one we waited for has the change already.
      const insured = debts.insure(query)
      return isHit(verdict) ? insured : verdict
    })
    see(chosen)
  }

  function answer(query: QuerySlice, hit: Hit, visible: boolean): Outcome | undefined {
    if (!log.has(query, hit)) return isIdle(query) ? charge(query, visible) : debts.join(query)
    return isIdle(query) ? 'covered' : debts.insure(query)
  }

  function distrust(): void {
    const due = new Set(restored)
    restored.clear()
    if (!closed) doubts.restored(due)
  }

  /** Flapping connections end in one look. */
  function lookLater(): void {
    if (debts.size === 0) return
    resyncing ??= timers.after(random() * options.jitter, () => {
      resyncing = undefined
      hold.run(lookAfterGap)
    })
  }

  function lookAgain(): void {
    hold.run(lookWhenVisible)
  }

  function lookAtUsed(): void {
    hold.run(lookWhenUsed)
  }

  const lookWhenVisible = () => look('visible')
  // A component that is mounted anew whenever a fetch fails must not make a loop of it.
  const lookWhenUsed = () => look('visible', ({ state }) => state.status !== 'error')
  const lookAfterGap = () => look('gap')

  /** Fetches what owes a fetch and is in use. */
  function look(cause: 'gap' | 'visible', which: (query: QuerySlice) => boolean = () => true): void {
    if (closed || !page.isVisible() || debts.size === 0) return
    const due = new Set<QuerySlice>()
    for (const hash of debts.hashes()) {
      const query = client.getQueryCache().get(hash)
      if (!query) debts.pay(hash)
      else if (isIdle(query) && query.isActive() && which(query)) due.add(query)
    }
    if (due.size > 0) fetchNow(cause, (query) => due.has(query))
  }

  function pollNow(): void {
    if (closed || !page.isVisible()) return
    const isMapped = reachable()
    fetchNow('poll', (query) => isIdle(query) && query.isActive() && isMapped(query))
  }

  function fetchNow(cause: Receipt['cause'], which: (query: QuerySlice) => boolean): void {
    // Where there may be no events, nobody can tell what a poll of another tab has in it.
    const decide = cause === 'poll' ? debts.mark : charge
    see(pass(cause, [], (query) => (which(query) ? decide(query, true) : undefined)))
  }

  /** Whether any rule can reach a query. */
  function reachable(): (query: QuerySlice) => boolean {
    const match = createMatcher([...rules.values()].flatMap((rule) => rule.reach()))
    return (query) => isHit(match(query))
  }

  function close(): void {
    closed = true
    spread.close()
    schedule.cancel()
    hold.cancel()
    resyncing?.()
    stopLooking()
    fetching.close()
    log.stop()
  }

  return {
    push,
    resync(until, inFlight) {
      if (!closed) doubts.gap(until, inFlight)
    },
    joined(at, keys) {
      if (!closed) doubts.joined(at, keys)
    },
    poll: () => hold.run(pollNow),
    close,
  }
}
