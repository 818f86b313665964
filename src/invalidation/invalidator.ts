import type { Environment } from '../environment.js'
import type { EventPair } from '../protocol.js'
import { createMatcher, type Verdict } from './matcher.js'
import type { QueryClientSlice, QuerySlice } from './query-client.js'
import type { Receipt, ServerEvent } from './receipt.js'
import type { CompiledRule } from './rule.js'
import { identify, type NormalTarget, type QueryKey } from './target.js'

export interface InvalidatorOptions {
  readonly client: QueryClientSlice
  readonly rules: ReadonlyMap<string, CompiledRule>
  readonly debounce: { readonly wait: number; readonly maxWait: number }
  /** A resync is spread over this many milliseconds. */
  readonly jitter: number
  readonly environment: {
    readonly clock: Pick<Environment['clock'], 'now'>
    readonly timers: Environment['timers']
    readonly page: Pick<Environment['page'], 'isVisible' | 'on'>
    readonly random: () => number
  }
  readonly onReceipt: (receipt: Receipt) => void
}

/** Collects targets, debounces, applies them to the QueryClient. */
export interface Invalidator {
  push(events: readonly EventPair[]): void
  /** Events may have been missed: what was fetched up to `until` is stale, and so is what is being fetched if `inFlight`. */
  resync(until: number, inFlight: boolean): void
  close(): void
}

/** What a pass decides for one query. */
type Fate = 'refetched' | 'joined' | 'deferred' | 'skipped'

/**
 * `marked` holds the queries that were marked stale and still owe a fetch; `again` those whose fetch was under way when
 * a target matched, or has been cancelled. Both hold hashes, so that a query that leaves the cache costs nothing.
 */
export function createInvalidator(options: InvalidatorOptions): Invalidator {
  const { client, rules, debounce, environment, onReceipt } = options
  const { clock, timers, page, random } = environment

  let events: ServerEvent[] = []
  const targets = new Map<string, NormalTarget>()
  const marked = new Set<string>()
  const again = new Set<string>()
  const settling = new Set<string>()
  let holding: (() => void) | undefined
  let resyncing: (() => void) | undefined
  let closed = false

  const schedule = timers.debounce(flush, debounce.wait, debounce.maxWait)
  const stopLooking = page.on('visible', () => look('visible'))
  // Not TanStack's own mark is asked, which any `setQueryData` clears: only a fetch pays what is owed.
  const stopWatching = client.getQueryCache().subscribe(({ type, query, action }) => {
    if (type === 'updated' && action?.type === 'success' && !action.manual) marked.delete(query.queryHash)
    // Into use again, perhaps with `refetchOnMount: false`; a fetch of TanStack's own has begun by then.
    if (type === 'observerAdded' && marked.has(query.queryHash)) void Promise.resolve().then(() => look('visible'))
  })

  function push(pairs: readonly EventPair[]): void {
    if (closed) return
    let relevant = false
    for (const [name, metadata] of pairs) {
      const rule = rules.get(name)
      if (!rule) continue
      relevant = true
      events.push({ name, metadata: metadata ?? {} })
      for (const target of rule.resolve(metadata)) targets.set(identify(target), target)
    }
    if (relevant) schedule()
  }

  function flush(): void {
    if (holding) return
    if (client.isMutating() === 0) apply()
    else hold()
  }

  /** A refetch during a mutation could overwrite its optimistic state with older data; but it is not waited for endlessly. */
  function hold(): void {
    const release = () => {
      holding?.()
      holding = undefined
      apply()
    }
    const cancel = timers.after(debounce.maxWait, release)
    const unsubscribe = client.getMutationCache().subscribe(() => {
      if (client.isMutating() === 0) release()
    })
    holding = () => {
      cancel()
      unsubscribe()
    }
  }

  function apply(): void {
    const match = createMatcher(targets.values())
    const once = new Set(again)
    const answered = events
    targets.clear()
    again.clear()
    events = []
    const visible = page.isVisible()
    run('events', answered, (query) => {
      const verdict: Verdict = match(query)
      if (verdict === 'hit') return query.state.fetchStatus === 'idle' ? mark(query, visible) : join(query)
      // A fetch that began after the one we waited for has the change already.
      if (once.has(query.queryHash) && query.state.fetchStatus === 'idle') return mark(query, visible)
      return verdict
    })
  }

  /** Marks stale; the fate says whether it is fetched as well. */
  function mark(query: QuerySlice, fetchNow: boolean): Fate | undefined {
    if (query.isStatic?.()) return undefined
    query.invalidate()
    marked.add(query.queryHash)
    return fetchNow && query.isActive() ? 'refetched' : 'deferred'
  }

  /**
   * TanStack would lose this invalidation (query#8530: the fetch's success clears the mark), and a restart of the
   * fetch at every event would never let it finish. So: once more, after it has settled.
   */
  function join(query: QuerySlice): Fate {
    const { queryHash } = query
    if (!settling.has(queryHash)) {
      settling.add(queryHash)
      const settled = () => {
        settling.delete(queryHash)
        owe(queryHash)
      }
      query.fetch(undefined, { cancelRefetch: false }).then(settled, settled)
    }
    return 'joined'
  }

  /** A fetch that the app cancels (before an optimistic update, say) ends without an error, and with the mark still set. */
  function follow(query: QuerySlice): void {
    const ended = () => {
      if (query.state.isInvalidated) owe(query.queryHash)
    }
    query.fetch(undefined, { cancelRefetch: false }).then(ended, () => undefined)
  }

  function owe(queryHash: string): void {
    if (closed) return
    again.add(queryHash)
    schedule()
  }

  function resync(until: number, inFlight: boolean): void {
    if (closed) return
    const match = createMatcher([...rules.values()].flatMap((rule) => rule.reach()))
    run('gap', [], (query) => {
      if (match(query) !== 'hit') return undefined
      if (query.state.fetchStatus !== 'idle') return inFlight ? join(query) : undefined
      const { data, dataUpdatedAt } = query.state
      // A moment that is yet to come is another clock's: the server's that rendered the page.
      const isOlder = dataUpdatedAt <= until || dataUpdatedAt > clock.now()
      return data !== undefined && isOlder ? mark(query, false) : undefined
    })
    if (marked.size === 0) return
    resyncing ??= timers.after(random() * options.jitter, () => {
      resyncing = undefined
      look('gap')
    })
  }

  /** Fetches what owes a fetch and is in use. */
  function look(cause: 'gap' | 'visible'): void {
    if (closed || !page.isVisible() || marked.size === 0) return
    const due = new Set<QuerySlice>()
    for (const hash of marked) {
      const query = client.getQueryCache().get(hash)
      if (!query) marked.delete(hash)
      else if (query.state.fetchStatus === 'idle' && query.isActive()) due.add(query)
    }
    if (due.size > 0) run(cause, [], (query) => (due.has(query) ? mark(query, true) : undefined))
  }

  /**
   * One walk over the cache, whatever the number of targets. It goes through `refetchQueries`, whose predicate is called
   * once for each query inside one `notifyManager` batch, and which leaves disabled and static queries alone.
   */
  function run(
    cause: Receipt['cause'],
    answered: readonly ServerEvent[],
    decide: (query: QuerySlice) => Fate | undefined,
  ): void {
    const fates: Record<Fate, QueryKey[]> = { refetched: [], joined: [], deferred: [], skipped: [] }
    const refetched: QuerySlice[] = []
    const predicate = (query: QuerySlice): boolean => {
      const fate = decide(query)
      if (fate) fates[fate].push(query.queryKey)
      if (fate === 'refetched') refetched.push(query)
      return fate === 'refetched'
    }
    void client.refetchQueries({ predicate }, { cancelRefetch: false })
    refetched.forEach(follow)
    const touched = Object.values(fates).some((keys) => keys.length > 0)
    if (touched || answered.length > 0) onReceipt({ at: clock.now(), cause, events: answered, ...fates })
  }

  function close(): void {
    closed = true
    schedule.cancel()
    holding?.()
    resyncing?.()
    stopLooking()
    stopWatching()
  }

  return { push, resync, close }
}
