import { RESERVED } from '../wire/protocol.js'
import { PartylineServerError, reportServerError } from './errors.js'

/** The part of a Socket.IO server socket that `drain` uses. */
interface DrainingSocket {
  emit(event: string, metadata: object): unknown
  readonly conn: { close(): unknown }
}

/** A Socket.IO `Server`, or one of its namespaces. */
export interface DrainSlice {
  /** The sockets of this process. A namespace has them itself, a server has those of its main namespace. */
  readonly sockets: ReadonlyMap<string, DrainingSocket> | { readonly sockets: ReadonlyMap<string, DrainingSocket> }
  on(event: 'connection', listener: (socket: DrainingSocket) => void): unknown
}

export interface DrainOptions {
  /**
   * The connections move within this many milliseconds, each at a moment of its own.
   * @default 10000
   */
  readonly spreadMs?: number
}

const DRAIN_SPREAD_MS = 10_000
/** A socket that is still open this long after its time is closed. After the same time again, `drain` stops waiting. */
const CLOSE_AFTER_MS = 5_000
/** A socket that connects while the process drains gets at least this long: with no other process, it would reconnect in a loop. */
const MIN_LATE_SPREAD_MS = 1_000
/** How often `drain` checks whether all sockets are gone. */
const DRAIN_POLL_MS = 50

/**
 * Empties a process that is about to end: it tells its browsers to reconnect. First take the process out of the load balancer
 * (let its ready check fail), or they come back here. Resolves when no connection is left, or 10 s after the spread.
 */
export async function drain(io: DrainSlice, options: DrainOptions = {}): Promise<void> {
  const spreadMs = spreadOf(options)
  const end = Date.now() + spreadMs
  const sockets = (): ReadonlyMap<string, DrainingSocket> => ('sockets' in io.sockets ? io.sockets.sockets : io.sockets)
  // To each socket alone: a broadcast would come again when another process recovers the session.
  const tellToMove = (socket: DrainingSocket, minSpreadMs: number) =>
    void socket.emit(RESERVED, { move: true, spreadMs: Math.max(minSpreadMs, end - Date.now()) })
  for (const socket of sockets().values()) tellToMove(socket, 0)
  // The load balancer may not have noticed yet.
  io.on('connection', (socket) => tellToMove(socket, MIN_LATE_SPREAD_MS))
  while (sockets().size > 0 && Date.now() < end + 2 * CLOSE_AFTER_MS) {
    // Below Socket.IO's session, so that another process can recover it and no client takes it for a refusal.
    if (Date.now() > end + CLOSE_AFTER_MS) for (const socket of sockets().values()) socket.conn.close()
    await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS))
  }
}

/** A bad option is reported, not thrown: a process that ends still has to drain. */
function spreadOf(options: DrainOptions): number {
  const { spreadMs = DRAIN_SPREAD_MS } = options
  const isDuration = Number.isFinite(spreadMs) && spreadMs >= 0
  if (isDuration && !('spread' in options)) return spreadMs
  const problem = isDuration ? "'spread' is now called spreadMs" : 'spreadMs has to be milliseconds'
  const message = `${problem}: ${isDuration ? spreadMs : DRAIN_SPREAD_MS} is used`
  reportServerError(undefined, new PartylineServerError('bad-option', message))
  return isDuration ? spreadMs : DRAIN_SPREAD_MS
}
