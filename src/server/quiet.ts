import { PartylineServerError } from './errors.js'
import { namespaceOf } from './namespaces.js'

/** What an adapter is asked to send, or brings from another process. Empty `rooms`: to everybody. */
interface BroadcastOptions {
  readonly rooms: Iterable<string>
}

/** The part of an adapter through which everything goes that is sent to rooms. */
interface WatchedAdapter {
  /** Of an adapter that says it itself: see `COMPLETE_ADAPTERS`. */
  readonly brings?: 'alone' | 'stream'
  readonly sids: ReadonlyMap<string, unknown>
  broadcast(packet: unknown, options: BroadcastOptions): unknown
  broadcastWithAck(packet: unknown, options: BroadcastOptions, ...rest: unknown[]): unknown
  disconnectSockets(options: BroadcastOptions, close: boolean): unknown
  /** Of an adapter for several processes: what another one, or this one itself, has published. */
  onMessage?(message: { readonly data?: { readonly opts?: BroadcastOptions } }, offset?: string): void
}

/** The names of the adapters that bring this process all that anybody sends: there is nobody else, or they read one stream. */
const COMPLETE_ADAPTERS: Readonly<Record<string, 'alone' | 'stream'>> = {
  Adapter: 'alone',
  SessionAwareAdapter: 'alone',
  RedisStreamsAdapter: 'stream',
}
/** So many rooms are remembered. */
const MAX_QUIET_ROOMS = 20_000
/** A process that this one replaces may go on sending for so long. */
export const QUIET_AFTER_MS = 30_000

/** The namespaces to which a notifier of this process sends. */
const notified = new WeakSet<object>()

/** Here the app sends events whether or not anybody is connected. */
export const addNotified = (io: object): void => void notified.add(namespaceOf(io))

/** Knows for how long nothing was sent to a room. Moments are milliseconds of this process's own monotonic clock. */
export interface Quiet {
  /** When something was last sent to one of the rooms, or to everybody. What is not known counts as sent. */
  lastSentAt(rooms: Iterable<string>): number
  /** For how long nothing was sent to them. `sentAt`: the latest of what else counts. */
  forMs(rooms: Iterable<string>, sentAt?: number): number
}

interface QuietOptions {
  /** See `SessionsOptions`. */
  readonly afterMs: number | false | undefined
  readonly now?: () => number
}

/**
 * Watches all events that this process's sockets in a namespace could get. This process sends them, by a notifier or by
 * hand, or the adapter brings them from other processes. A browser that has fetched since is told that it has missed
 * nothing.
 *
 * - The moment of an event is when it comes by here. Late ones do no harm: what comes after a socket was let in is sent
 *   to it. So an adapter that lags is no matter, but one that loses messages is, for connected browsers as well: then
 *   `notify.gap()`.
 * - An event comes after the commit of its change. So a fetch that began before the quiet time, or in it, has all
 *   changes.
 * - Nothing is known of the time before this process listened. Several processes without an adapter reach only their
 *   own sockets anyway, but one may replace another. So it begins to count some time after its start. One with a stream
 *   counts, besides, from the first message on: before that, the adapter may skip some.
 * - Most other adapters do not bring events for rooms that have no socket here, such as that of a user who is about to
 *   connect.
 */
export function watchQuiet(io: object, { afterMs, now = () => performance.now() }: QuietOptions): Quiet {
  if (afterMs !== undefined && afterMs !== false && !(typeof afterMs === 'number' && afterMs >= 0))
    throw new PartylineServerError('bad-option', 'quietAfterMs has to be milliseconds, or false')
  const namespace = namespaceOf(io) as { readonly adapter?: WatchedAdapter }
  const { adapter } = namespace
  const kind = adapter && (adapter.brings ?? COMPLETE_ADAPTERS[adapter.constructor.name])
  /** In the order of what was sent last. */
  const rooms = new Map<string, number>()
  /** Something of before that moment may not be known. */
  let floor = now() + (afterMs || QUIET_AFTER_MS * Number(afterMs === undefined))
  let isListening = kind === 'alone'
  if (adapter && kind && afterMs !== false) watch(adapter)

  function sent(to: Iterable<string>): void {
    const at = now()
    let isToAll = true
    for (const room of to) {
      isToAll = false
      // To one socket alone, which is connected.
      if (adapter?.sids.has(room)) continue
      rooms.delete(room)
      rooms.set(room, at)
    }
    if (isToAll) floor = Math.max(floor, at)
    if (rooms.size <= MAX_QUIET_ROOMS) return
    const [oldest] = rooms
    if (!oldest) return
    rooms.delete(oldest[0])
    floor = Math.max(floor, oldest[1])
  }

  function watch(watched: WatchedAdapter): void {
    const { broadcast, broadcastWithAck, disconnectSockets, onMessage } = watched
    watched.broadcast = (packet, options) => {
      sent(options.rooms)
      return broadcast.call(watched, packet, options)
    }
    watched.broadcastWithAck = (packet, options, ...rest) => {
      sent(options.rooms)
      return broadcastWithAck.call(watched, packet, options, ...rest)
    }
    // Some apps make browsers refetch this way.
    watched.disconnectSockets = (options, close) => {
      sent(options.rooms)
      return disconnectSockets.call(watched, options, close)
    }
    if (onMessage)
      watched.onMessage = (message, offset) => {
        if (offset !== undefined && !isListening) {
          isListening = true
          floor = Math.max(floor, now())
        }
        if (message.data?.opts) sent(message.data.opts.rooms)
        onMessage.call(watched, message, offset)
      }
  }

  /** `io.adapter` may have been called again; and an app that has no notifier may not send what nobody would hear. */
  const isKnown = () =>
    isListening && namespace.adapter === adapter && (afterMs !== undefined || notified.has(namespace))

  function lastSentAt(to: Iterable<string>): number {
    if (afterMs === false || !isKnown()) return Number.POSITIVE_INFINITY
    let last = floor
    for (const room of to) last = Math.max(last, rooms.get(room) ?? 0)
    return last
  }

  return {
    lastSentAt,
    forMs: (to, sentAt = 0) => Math.max(0, Math.floor(now() - Math.max(sentAt, lastSentAt(to)))),
  }
}
