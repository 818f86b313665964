import { listen } from '../endpoint.js'
import type { Environment } from '../environment.js'
import { messageOf, type Report } from '../errors.js'
import { holdLock } from '../locks.js'
import { isIdle, type QueryClientSlice, type QuerySlice } from './query-client.js'

/** What a tab has heard of: everything up to a place in a hub's life, which all its tabs number alike. */
export interface Version {
  readonly epoch: string
  readonly seq: number
}

/** Data that one tab fetched, for all. */
interface Result extends Version {
  readonly hash: string
  readonly data: unknown
  /** When its fetch began, and when it ended. Milliseconds since the Unix epoch, on the one clock that all tabs have. */
  readonly began: number
  readonly at: number
}

/** What the invalidator does for it. */
export interface SharingHooks {
  /** Fetches it, or joins the fetch that there is. */
  fetch(query: QuerySlice): Promise<unknown>
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
  readonly environment: Pick<Environment, 'locks' | 'openChannel'> & {
    readonly clock: Pick<Environment['clock'], 'now'>
    readonly timers: Pick<Environment['timers'], 'after'>
    readonly page: Pick<Environment['page'], 'isVisible' | 'on'>
  }
  /** Undefined while there is no other tab to share with. */
  readonly version: () => Version | undefined
  readonly report: Report
}

/** What a query's data must be like. */
export interface Need {
  /** Its place in the order of things. */
  readonly place: number
  /** Asked for after that moment. Milliseconds since the Unix epoch. */
  readonly since: number
}

export interface Sharing {
  /** Whether there is anybody to share with, and the means to. */
  isOn(): boolean
  /** Has a query fetched, here or in another tab. What comes holds for everything that this tab has heard of by now. */
  request(query: QuerySlice, need: Need): void
  close(): void
}

interface Wish {
  readonly query: QuerySlice
  readonly life: AbortController
  /** What the data must have in it. */
  version: Version
  need: Need
}

/** So long (ms) the lock is kept after the result was posted: whoever is next in line has it by then. */
const ARRIVAL = 100
/** A result is kept this long (ms) for tabs whose own flush or look is yet to come. */
const KEEP = 3_000

/**
 * One fetch for all tabs that need a query at the same time. They queue for a lock by the query's name; the first one
 * fetches and posts what it got, the others take it and leave the queue. What is taken was asked for after everything that
 * the taker has heard of, and began after its own data had come; else the next in line fetches. A tab that dies gives
 * its lock back; one that hangs is not waited for longer than `timeout`.
 */
export function createSharing(options: SharingOptions): Sharing {
  const { client, environment, name, version, report } = options
  const { clock, timers, locks, openChannel, page } = environment
  const wishes = new Map<string, Wish>()
  const results = new Map<string, Result>()
  /** Of all that queue, and of those who hold a lock. */
  const lives = new Set<AbortController>()
  let channel: ReturnType<NonNullable<typeof openChannel>> | undefined
  let stopKeeping: (() => void) | undefined

  function open(): void {
    if (channel || !openChannel || !locks) return
    channel = openChannel(`${name}/shared`)
    listen(channel, receive)
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
    // A hidden tab fetches when it is looked at.
    if (!isResult(data) || !page.isVisible()) return
    results.set(data.hash, data)
    stopKeeping ??= timers.after(KEEP, () => {
      stopKeeping = undefined
      results.clear()
    })
    const wish = wishes.get(data.hash)
    if (wish && take(wish)) end(wish.query)
  }

  function take({ query, version: needed, need }: Wish): boolean {
    const result = results.get(query.queryHash)
    if (!result || result.epoch !== needed.epoch || result.seq < needed.seq) return false
    // Data that came after that fetch had begun may be newer than what it brought; and so may the guess of a mutation.
    if (result.began <= Math.max(need.since, query.state.dataUpdatedAt)) return false
    if (!isIdle(query) || client.isMutating() > 0) return false
    query.setData(result.data, { updatedAt: result.at, manual: true })
    options.onTaken(query, need.place, result.began)
    return true
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
    if (take(wish)) return
    if (!page.isVisible() || !query.isActive() || client.isMutating() > 0) return options.onPutOff()
    // A fetch that is under way already began we don't know when.
    const heard = isIdle(query) ? version() : undefined
    const began = clock.now()
    const data = await options.fetch(query)
    const { queryHash: hash, queryKey, state } = query
    // One that the app cancels ends with what was there before, and with its mark.
    if (!heard || !channel || state.isInvalidated || state.dataUpdatedAt < began) return
    try {
      channel.postMessage({ ...heard, hash, data, began, at: state.dataUpdatedAt } satisfies Result)
    } catch (thrown) {
      report('share-failed', `the data of a query can't be sent to other tabs: ${messageOf(thrown)}`, {
        detail: { queryKey },
        cause: thrown,
      })
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
      if (locks) await holdLock(locks, `${name}/fetch/${wish.query.queryHash}`, signal)
      stopWaiting()
      await fetchNow(wish)
    } catch {
      // Called off; or the fetch failed, which is the app's to see, and the next in line tries.
    }
    wish.life.abort()
    lives.delete(wish.life)
  }

  open()
  const stops = [page.on('away', close), page.on('back', open)]

  return {
    isOn: () => channel !== undefined && version() !== undefined,
    request(query, need) {
      const known = wishes.get(query.queryHash)
      const wish = known ?? { query, life: new AbortController(), version: NOWHERE, need }
      wish.version = version() ?? NOWHERE
      wish.need = need
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

/** In no hub's life: no result holds for it. */
const NOWHERE: Version = { epoch: '', seq: 0 }

function isResult(data: unknown): data is Result {
  if (typeof data !== 'object' || data === null) return false
  const { hash, epoch, seq, began, at } = data as Partial<Record<keyof Result, unknown>>
  return typeof hash === 'string' && typeof epoch === 'string' && [seq, began, at].every(Number.isFinite)
}
