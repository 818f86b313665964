import { tryLock } from '../platform/locks.js'
import type { TabEnvironment } from '../platform/page.js'
import { messageOf, type Report } from '../util/errors.js'
import { isIdle, type QueryClientSlice, type QuerySlice } from './query-client.js'
import { isResult, NOWHERE, type Result, type Version } from './shared-result.js'

/** What the invalidator does for it. */
export interface SharingHooks {
  /** Fetches it, or joins the fetch that there is. */
  fetch(query: QuerySlice): Promise<unknown>
  /** It is stale, and nothing that it was given since has paid for that. */
  isOwed(query: QuerySlice): boolean
  /** Data that was asked for up to this moment may lack something, whatever has been heard. Milliseconds since the Unix epoch. */
  since(): number
  /** The query has data now that was asked for after `place`, at the moment `began`. */
  onTaken(query: QuerySlice, place: number, began: number): void
  /** It can't be had now; it owes its fetch still. */
  onPutOff(): void
}

export interface SharingOptions extends SharingHooks {
  /** Of the locks and the channel: of one app, endpoint and identity. */
  readonly name: string
  /** After this long (ms) a tab fetches for itself. */
  readonly timeout: number
  readonly client: QueryClientSlice
  readonly environment: Pick<TabEnvironment, 'locks' | 'openChannel'> & {
    readonly clock: Pick<TabEnvironment['clock'], 'now'>
    readonly timers: Pick<TabEnvironment['timers'], 'after'>
    readonly page: Pick<TabEnvironment['page'], 'isVisible' | 'on'>
  }
  /** Undefined while there is no other tab to share with. */
  readonly version: () => Version | undefined
  readonly report: Report
}

export interface Sharing {
  /** Whether there is anybody to share it with, and the means to. */
  isOn(query: QuerySlice): boolean
  /** Has a query fetched, here or in another tab. What comes holds for everything that this tab has heard of by `place`: now. */
  request(query: QuerySlice, place: number): void
  close(): void
}

interface Wish {
  query: QuerySlice
  readonly life: AbortController
  /** What the data must have in it. */
  version: Version
  /** Its place in the order of things. */
  place: number
  /** Whether a mutation puts it off; not one that was waited for already, as long as may be. */
  patient: boolean
}

/** So long (ms) the lock is kept after the result was posted: whoever is next in line has it by then. */
const ARRIVAL = 100
/** A result is kept this long (ms) for tabs whose own flush or look is yet to come. */
const KEEP = 3_000

/**
 * One fetch for all tabs that need a query at the same time. They queue for a lock by the query's name; the first one
 * fetches and posts what it got, the others take it and leave the queue. What is taken was asked for after everything that
 * the taker has heard of, after its own data had come, and after its last mutation was over; else the next in line
 * fetches. A tab that dies gives its lock back; one that hangs is not waited for longer than `timeout`.
 */
export function createSharing(options: SharingOptions): Sharing {
  const { client, environment, name, version, report } = options
  const { clock, timers, locks, openChannel, page } = environment
  const wishes = new Map<string, Wish>()
  const results = new Map<string, Result>()
  /** Of all that queue, and of those who hold a lock. */
  const lives = new Set<AbortController>()
  /** Up to this moment a mutation ran here. */
  let mutated = Number.NEGATIVE_INFINITY
  let wasMutating = client.isMutating() > 0
  let channel: ReturnType<NonNullable<typeof openChannel>> | undefined
  let stopKeeping: (() => void) | undefined

  function open(): void {
    if (channel || !openChannel || !locks) return
    channel = openChannel(`${name}/shared`)
    // A hidden tab fetches when it is looked at. Data that nobody asks the event for is not even deserialized.
    channel.addEventListener('message', (event) => {
      if (page.isVisible()) receive(event.data)
    })
  }

  /** A page in the back/forward cache must hear of nothing, and hold nothing. */
  function close(): void {
    for (const life of lives) life.abort()
    wishes.clear()
    channel?.close()
    channel = undefined
    stopKeeping?.()
    stopKeeping = undefined
    results.clear()
  }

  function receive(data: unknown): void {
    if (!isResult(data)) return
    results.set(data.hash, data)
    stopKeeping ??= timers.after(KEEP, () => {
      stopKeeping = undefined
      results.clear()
    })
    const wish = wishes.get(data.hash)
    if (wish && take(wish)) end(wish.query)
  }

  const isMutating = (): boolean => client.isMutating() > 0

  function watchMutations(): void {
    const is = isMutating()
    if (is || wasMutating) mutated = clock.now()
    wasMutating = is
  }

  function take({ query, version: needed, place }: Wish): boolean {
    const result = results.get(query.queryHash)
    if (!result || result.epoch !== needed.epoch || result.seq < needed.seq) return false
    // Data that came after that fetch had begun may be newer than what it brought; and so may the guess of a mutation.
    if (result.began <= Math.max(options.since(), mutated, query.state.dataUpdatedAt)) return false
    if (!isIdle(query) || isMutating()) return false
    try {
      query.setData(result.data, { updatedAt: result.at, manual: true })
    } catch (thrown) {
      // The app's own `structuralSharing` may do that.
      results.delete(query.queryHash)
      complain(query, "what another tab has fetched can't be taken", thrown)
      return false
    }
    options.onTaken(query, place, result.began)
    return true
  }

  function complain({ queryKey }: QuerySlice, what: string, thrown: unknown): void {
    report('share-failed', `${what}: ${messageOf(thrown)}`, { detail: { queryKey }, cause: thrown })
  }

  function end({ queryHash }: QuerySlice): void {
    wishes.get(queryHash)?.life.abort()
    wishes.delete(queryHash)
  }

  /** It is this tab's turn, or it has waited for too long. */
  async function fetchNow(wish: Wish): Promise<void> {
    const { query } = wish
    // It may have come true in the very moment in which the lock was granted.
    if (wishes.get(query.queryHash) !== wish) return
    wishes.delete(query.queryHash)
    // The app may have fetched it meanwhile.
    if (!options.isOwed(query) || take(wish)) return
    if (!page.isVisible() || !query.isActive() || (wish.patient && isMutating())) return options.onPutOff()
    // A fetch that is under way already began we don't know when; where there is no data, a persister may answer from disk.
    const heard = isIdle(query) && query.state.data !== undefined ? version() : undefined
    const began = clock.now()
    const data = await options.fetch(query)
    const { queryHash: hash, state } = query
    // One that the app cancels ends with what was there before, or with what the app has set since; that pays for nothing.
    if (!heard || !channel || options.isOwed(query)) return
    try {
      channel.postMessage({ ...heard, hash, data, began, at: state.dataUpdatedAt } satisfies Result)
    } catch (thrown) {
      complain(query, "the data of a query can't be sent to other tabs", thrown)
      return
    }
    await new Promise<void>((resolve) => timers.after(ARRIVAL, resolve))
  }

  async function queue(wish: Wish): Promise<void> {
    const { signal } = wish.life
    lives.add(wish.life)
    const stopWaiting = timers.after(options.timeout, () => {
      wish.life.abort()
      void fetchNow(wish).catch(() => undefined)
    })
    signal.addEventListener('abort', stopWaiting)
    try {
      // Where it can't be had, this tab does not wait for others.
      await tryLock(locks, `${name}/fetch/${wish.query.queryHash}`, signal)
      stopWaiting()
      await fetchNow(wish)
    } catch {
      // The fetch failed, which is the app's to see, and the next in line tries.
    }
    wish.life.abort()
    lives.delete(wish.life)
  }

  open()
  const stops = [page.on('away', close), page.on('back', open), client.getMutationCache().subscribe(watchMutations)]

  return {
    isOn: (query) => channel !== undefined && version() !== undefined && !isInfinite(query),
    request(query, place) {
      const known = wishes.get(query.queryHash)
      const now = { query, place, version: version() ?? NOWHERE, patient: !isMutating() }
      // A query that has left the cache meanwhile has been replaced by another one of its name.
      const wish: Wish = known ? Object.assign(known, now) : { ...now, life: new AbortController() }
      if (take(wish)) return end(query)
      if (known) return
      wishes.set(query.queryHash, wish)
      void queue(wish)
    },
    close() {
      close()
      for (const stop of stops) stop()
    },
  }
}

/** Each tab has as many pages of it as its user has asked for. */
function isInfinite({ state }: QuerySlice): boolean {
  const { pages, pageParams } = (state.data ?? {}) as Partial<Record<string, unknown>>
  return Array.isArray(pages) && Array.isArray(pageParams)
}
