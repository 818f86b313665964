import { RESERVED } from '../wire/protocol.js'
import { namespaceOf } from './namespaces.js'
import { ENDED } from './recovery.js'
import { checkRoom, checkUserId, type UserId, userRoom } from './rooms.js'

/** A Socket.IO `Server`, a namespace, or the `Emitter` of `@socket.io/redis-emitter`. */
export interface EndingSlice {
  in(room: string): { disconnectSockets(close?: boolean): unknown }
  to(room: string): { emit(event: string, metadata: object): unknown }
}

export interface EndUserOptions {
  /**
   * The room of a user's sockets, as for `createSessions`.
   * @default (userId) => `user_${userId}`
   */
  readonly room?: (userId: UserId) => string
}

/** The event between processes that ends handshakes. */
const HANDSHAKES_ENDED = `${RESERVED}:ended`

/**
 * Ends all connections of a user, in all processes: open ones, those that are being let in, and broken ones that could be
 * recovered. First make `authenticate` refuse the user, or the browsers are back at once. Resolves when the other processes
 * were sent word of it. Throws `bad-room`.
 */
export async function endUser(io: EndingSlice, userId: UserId, options: EndUserOptions = {}): Promise<void> {
  checkUserId(userId)
  const room = (options.room ?? userRoom)(userId)
  checkRoom(room)
  // A connection that is ended this way can't be recovered.
  io.in(room).disconnectSockets(true)
  // A connection that broke earlier can still be recovered. The process that recovers it reads this message first.
  io.to(room).emit(RESERVED, { [ENDED]: true })
  const namespace = namespaceOf(io)
  openHandshakes.get(namespace)?.end(room)
  await tellOthers(namespace as NamespaceSlice, room)
}

interface NamespaceSlice {
  readonly adapter?: { serverCount?(): Promise<number> }
  serverSideEmit?(event: string, room: string): unknown
}

async function tellOthers(namespace: NamespaceSlice, room: string): Promise<void> {
  // The adapter of a single process can't do it, and warns.
  const processes = (await namespace.adapter?.serverCount?.()) ?? 2
  if (processes > 1) namespace.serverSideEmit?.(HANDSHAKES_ENDED, room)
}

/** The part of a socket that a handshake uses. */
export interface HandshakeSocket {
  readonly conn: {
    once(event: 'close', listener: () => void): unknown
    off(event: 'close', listener: () => void): unknown
  }
}

export interface Handshake {
  /** Whether `endUser` was called for that room since the handshake began. */
  hasEnded(room: string): boolean
  /** The socket is connected, or refused. */
  close(): void
}

export interface Handshakes {
  begin(socket: HandshakeSocket): Handshake
  end(room: string): void
}

const openHandshakes = new WeakMap<object, Handshakes>()

/**
 * The handshakes of a namespace. No adapter finds a socket that still waits for a middleware (4.8.4), so `disconnectSockets`
 * misses one whose credentials were read a moment earlier.
 */
export function handshakesOf(io: object): Handshakes {
  const namespace = namespaceOf(io)
  const known = openHandshakes.get(namespace)
  if (known) return known
  /** For each, the rooms that were ended since it began. */
  const open = new Set<Set<string>>()
  const end = (room: string) => {
    for (const ended of open) ended.add(room)
  }
  const handshakes: Handshakes = {
    begin({ conn }) {
      const ended = new Set<string>()
      const forget = () => void open.delete(ended)
      open.add(ended)
      conn.once('close', forget)
      return {
        hasEnded: (room) => ended.has(room),
        close() {
          forget()
          conn.off('close', forget)
        },
      }
    },
    end,
  }
  openHandshakes.set(namespace, handshakes)
  ;(namespace as { on(event: string, listener: (room: string) => void): unknown }).on(HANDSHAKES_ENDED, end)
  return handshakes
}
