import { tryLock } from '../platform/locks.js'
import type { TabEnvironment } from '../platform/page.js'
import { withTimeout } from '../platform/timeouts.js'
import { messageOf, type Report } from '../util/errors.js'
import { isIdle, pagesOf, type QueryClientSlice, type QuerySlice } from './query-client.js'
import type { DataRequest } from './query-record.js'
import { createSharedResults, NO_VERSION, type ReceivedVersion } from './shared-results.js'

/** What the invalidator does for shared fetches. Moments are milliseconds of the monotonic clock. */
export interface SharingHooks {
  /** Whether the query owes a fetch. */
  isPending(query: QuerySlice): boolean
  /** Whether a mutation holds the query: what it wrote by hand is to stay. */
  isHeld(query: QuerySlice): boolean
  /** Data that was requested up to this moment may lack a change, whatever events came since. */
  distrustedUntil(): number
  /** The query gets data that another tab requested. Throws what `give` throws. */
  take(query: QuerySlice, request: DataRequest, give: () => void): void
}

export interface SharingOptions extends SharingHooks {
  /** The prefix of the locks and the channel, for one app, endpoint and identity. */
  readonly name: string
  /** A tab that has waited this long for another one fetches for itself. */
  readonly timeoutMs: number
  readonly client: QueryClientSlice
  readonly environment: Pick<TabEnvironment, 'locks' | 'openChannel'> & {
    readonly clock: Pick<TabEnvironment['clock'], 'now' | 'monotonic'>
    readonly timers: Pick<TabEnvironment['timers'], 'after'>
    readonly page: Pick<TabEnvironment['page'], 'isVisible' | 'on'>
  }
  /** Undefined while there is no other tab to share with. */
  readonly version: () => ReceivedVersion | undefined
  readonly report: Report
}

export interface Sharing {
  /** Whether there is another tab to share this query with, and the APIs for it. */
  isOn(query: QuerySlice): boolean
  /** Has a query fetched, here or in another tab. Its data will contain every event that this tab received by `timestamp`: now. */
  request(query: QuerySlice, timestamp: number): void
  close(): void
}

interface FetchRequest {
  query: QuerySlice
  /** Ends the wait for the lock, or gives the lock back. */
  readonly controller: AbortController
  /** The data must contain all events up to here. */
  version: ReceivedVersion
  /** The logical timestamp of the request. */
  timestamp: number
}

/** The lock is kept this long after the result was posted: the next tab in line has received it by then. */
const RESULT_ARRIVAL_MS = 100

/**
 * One fetch for all tabs that need a query at the same time. They queue for a lock by the query's name. The first one
 * fetches and posts its data; the others take it and leave the queue. A tab takes only data that was requested after every
 * event that it received, after its own data had come, and after its last mutation had ended. Otherwise the next in line
 * fetches. A tab that dies gives its lock back; for one that hangs, others wait at most `timeoutMs`.
 */
export function createSharing(options: SharingOptions): Sharing {
  const { client, environment, name, version, report } = options
  const { clock, timers, locks, page } = environment
  const requests = new Map<string, FetchRequest>()
  /** Of all requests in the queue, and of those that hold a lock. */
  const controllers = new Set<AbortController>()
  const mutations = watchMutations(client, clock)
  const results = createSharedResults({
    name: `${name}/shared`,
    environment,
    onResult(hash) {
      const request = requests.get(hash)
      if (request && takeResult(request)) finish(request.query)
    },
  })

  /** A page in the back/forward cache must receive nothing, and hold nothing. */
  function park(): void {
    for (const controller of controllers) controller.abort()
    requests.clear()
    results.close()
  }

  function takeResult({ query, version: needed, timestamp }: FetchRequest): boolean {
    const result = results.get(query.queryHash)
    if (!result || result.epoch !== needed.epoch || result.seq < needed.seq) return false
    const { requestedAt } = result
    // Data that came after that fetch had started may be newer than its result. So may the guess of a mutation.
    if (requestedAt <= Math.max(options.distrustedUntil(), mutations.lastAt(), momentOfData(query))) return false
    if (!isIdle(query) || mutations.areRunning()) return false
    try {
      options.take(query, { timestamp, at: requestedAt }, () => {
        query.setData(result.data, { updatedAt: result.updatedAt, manual: true })
      })
    } catch (thrown) {
      // The app's own `structuralSharing` may throw.
      results.drop(query.queryHash)
      reportFailure(query, "another tab's data can't be taken", thrown)
      return false
    }
    return true
  }

  /** When the query's data came. Data from the future is of another clock: nothing is known of it. */
  function momentOfData({ state }: QuerySlice): number {
    const ageMs = clock.now() - state.dataUpdatedAt
    return ageMs < 0 ? Number.POSITIVE_INFINITY : clock.monotonic() - ageMs
  }

  function reportFailure({ queryKey }: QuerySlice, problem: string, thrown: unknown): void {
    report('share-failed', `${problem}: ${messageOf(thrown)}`, { detail: { queryKey }, cause: thrown })
  }

  function finish({ queryHash }: QuerySlice): void {
    requests.get(queryHash)?.controller.abort()
    requests.delete(queryHash)
  }

  /** This tab has the lock, or has waited for too long. */
  async function fetchNow(request: FetchRequest): Promise<void> {
    const { query } = request
    // It may have been fulfilled at the very moment when the lock was granted.
    if (requests.get(query.queryHash) !== request) return
    requests.delete(query.queryHash)
    // The app may have fetched the query meanwhile.
    if (!options.isPending(query) || takeResult(request)) return
    // It is still owed, and fetched when it is shown, used or released.
    if (!page.isVisible() || !query.isActive() || options.isHeld(query)) return
    // The start of a fetch that runs already is unknown. Without data, a persister may answer from disk.
    const received = isIdle(query) && query.state.data !== undefined ? version() : undefined
    const requestedAt = clock.now()
    const startedAt = clock.monotonic()
    const data = await query.fetch(undefined, { cancelRefetch: false })
    const { queryHash: hash, state } = query
    // A cancelled fetch ends with the data before it, or with what the app has set since. Then the refetch is still pending.
    if (!received || !results.isOpen() || options.isPending(query)) return
    try {
      const ageMs = clock.monotonic() - startedAt
      results.post({ ...received, hash, data, requestedAt, updatedAt: state.dataUpdatedAt, ageMs })
    } catch (thrown) {
      reportFailure(query, "the data of a query can't be sent to other tabs", thrown)
      return
    }
    await new Promise<void>((resolve) => timers.after(RESULT_ARRIVAL_MS, resolve))
  }

  async function queue(request: FetchRequest): Promise<void> {
    const { query, controller } = request
    controllers.add(controller)
    // Where locks are missing or refuse, this tab does not wait for others.
    const lock = tryLock(locks, `${name}/fetch/${query.queryHash}`, controller.signal)
    await withTimeout(timers.after, options.timeoutMs, lock).catch(() => controller.abort())
    // If the fetch fails, the app sees that, and the next in line tries.
    await fetchNow(request).catch(() => undefined)
    controller.abort()
    controllers.delete(controller)
  }

  results.open()
  const stops = [page.on('away', park), page.on('back', results.open), mutations.stop]

  return {
    // Each tab has as many pages of an infinite query as its user has asked for.
    isOn: (query) => results.isOpen() && version() !== undefined && !pagesOf(query),
    request(query, timestamp) {
      const known = requests.get(query.queryHash)
      const now = { query, timestamp, version: version() ?? NO_VERSION }
      // A query that has left the cache meanwhile was replaced by another one of the same key.
      const request: FetchRequest = known ? Object.assign(known, now) : { ...now, controller: new AbortController() }
      if (takeResult(request)) return finish(query)
      if (known) return
      requests.set(query.queryHash, request)
      void queue(request)
    },
    close() {
      park()
      for (const stop of stops) stop()
    },
  }
}

/** Knows when a mutation ran in this tab. */
function watchMutations(client: QueryClientSlice, clock: Pick<TabEnvironment['clock'], 'monotonic'>) {
  let lastAt = Number.NEGATIVE_INFINITY
  let wasRunning = client.isMutating() > 0
  const areRunning = (): boolean => client.isMutating() > 0
  const stop = client.getMutationCache().subscribe(() => {
    const isRunning = areRunning()
    if (isRunning || wasRunning) lastAt = clock.monotonic()
    wasRunning = isRunning
  })
  return { areRunning, lastAt: () => lastAt, stop }
}
