import { RESERVED } from '../wire/protocol.js'
import { namespaceOf } from './namespaces.js'

/** A connection that broke, as an adapter stores it, with what was sent to its rooms since. */
interface BrokenConnection {
  readonly data: unknown
  readonly missedPackets: readonly Packet[]
}

/** An event with its arguments. */
type Packet = readonly unknown[]

/** The part of an adapter that recovers connections. */
interface RecoveringAdapter {
  restoreSession(pid: string, offset: string): Promise<BrokenConnection | null> | null
  persistSession(session: object): void
}

interface RecoveredSocket {
  readonly data: object
  disconnect(close: boolean): unknown
  onAnyOutgoing(listener: (...args: unknown[]) => void): unknown
  offAnyOutgoing(listener: (...args: unknown[]) => void): unknown
}

/** The field of a message that ends what a user's broken connections could recover. See `endUser`. */
export const ENDED = 'ended'

/** A recovered connection whose client is not told yet. */
interface HeldConnection {
  /** Reads what was sent to its rooms since it broke. Rejects if that is not known. `isLast`: nobody reads it after that. */
  readonly read: (isLast: boolean) => Promise<BrokenConnection>
  /** The part that is known before the client hears that it is connected. */
  packets: readonly Packet[]
}

const holding = new WeakSet<object>()
/** By `socket.data`, which is the object that the adapter gave. */
const held = new WeakMap<object, HeldConnection>()

/**
 * Makes a namespace hold back what recovered connections have missed. Socket.IO sends it before any middleware: a client
 * that is refused a moment later would have read it. And what is sent between that and the 'connect' would be lost, since
 * no adapter sends to a socket that waits for a middleware (4.8.4).
 */
export function holdMissed(io: object): void {
  const adapter = (namespaceOf(io) as { adapter?: Partial<RecoveringAdapter> }).adapter
  if (!adapter || holding.has(adapter) || !adapter.restoreSession || !adapter.persistSession) return
  holding.add(adapter)
  const restore = adapter.restoreSession.bind(adapter)
  const persist = adapter.persistSession.bind(adapter)
  adapter.restoreSession = async (pid, offset) => {
    const read = async (isLast: boolean) => {
      const broken = await restore(pid, offset)
      if (!broken) throw new TypeError('the connection can’t be recovered')
      const { missedPackets: _, ...connection } = broken
      // Some adapters give it once. It is put back, for the next look, and for a client that is told to come back.
      if (!isLast) persist(connection)
      return broken
    }
    const broken = await read(false)
    if (hasEnded(broken) || typeof broken.data !== 'object' || broken.data === null) return null
    held.set(broken.data, { read, packets: [] })
    return { ...broken, missedPackets: [] }
  }
}

/** Whether `endUser` was called after the connection broke: its message is among the missed ones, whatever the process. */
const hasEnded = ({ missedPackets }: BrokenConnection): boolean =>
  missedPackets.some(([event, said]) => event === RESERVED && (said as { [ENDED]?: unknown } | null)?.[ENDED] === true)

/** Reads what a recovered connection has missed, right before its client learns that it is connected. False if `endUser` ended it. */
export async function readMissed(socket: RecoveredSocket): Promise<boolean> {
  const connection = held.get(socket.data)
  try {
    const broken = await connection?.read(false)
    if (connection && broken) connection.packets = broken.missedPackets
    return !broken || !hasEnded(broken)
  } catch {
    // `sendMissed` fails as well, and says so to the client.
    return true
  }
}

type Emit = (event: string, ...args: unknown[]) => unknown

/**
 * Prepares to send what a recovered connection has missed, now that its client is connected. Call it before anything is sent
 * to the socket, and the result in the same turn: nothing newer may come before it.
 */
export function sendMissed(socket: RecoveredSocket): (emit: Emit) => Promise<void> {
  const connection = held.get(socket.data)
  held.delete(socket.data)
  // It came in past `holdMissed`, and has been sent everything already.
  if (!connection) return async () => undefined
  const { packets, read } = connection
  // Now, since some adapters count what is sent to this socket alone.
  const reading = read(true)
  return async (emit) => {
    const send = ([event, ...args]: Packet) => emit(String(event), ...args)
    packets.forEach(send)
    const known = new Set(packets.map(offsetOf))
    /** What others send to it meanwhile. */
    const live = new Set<unknown>()
    const onOutgoing = (...args: unknown[]) => void live.add(offsetOf(args))
    socket.onAnyOutgoing(onOutgoing)
    try {
      const broken = await reading
      if (hasEnded(broken)) return void socket.disconnect(true)
      // What was sent in between: after `readMissed`, and before the adapter found the socket.
      const rest = broken.missedPackets.filter((packet) => !known.has(offsetOf(packet)) && !live.has(offsetOf(packet)))
      // Newer ones may have overtaken it. Late is better than a gap: then handlers would never get it, and every query would be
      // refetched. A cursor that goes back by it only has more replayed, which the client drops as duplicates.
      rest.forEach(send)
    } catch {
      // The client was told that it missed nothing.
      emit(RESERVED, { gap: true })
    } finally {
      socket.offAnyOutgoing(onOutgoing)
    }
  }
}

/** Adapters put it behind an event's arguments. */
const offsetOf = (packet: Packet): unknown => packet.at(-1)
