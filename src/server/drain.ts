/** A socket of Socket.IO's server, as far as it is needed here. */
interface Draining {
  emit(event: string, metadata: object): unknown
  readonly conn: { close(): unknown }
}

/** A Socket.IO `Server`, or one of its namespaces. */
export interface DrainSlice {
  /** This process's own. A namespace has them itself, a server those of its main namespace. */
  readonly sockets: ReadonlyMap<string, Draining> | { readonly sockets: ReadonlyMap<string, Draining> }
  on(event: 'connection', listener: (socket: Draining) => void): unknown
}

export interface DrainOptions {
  /**
   * The connections move within so many milliseconds, each at a moment of its own.
   * @default 10000
   */
  readonly spread?: number
}

/** What is still there so many milliseconds after its time is closed. */
const LATE = 5_000
/** How often (ms) it is looked whether they have all gone. */
const LOOK = 50

/**
 * Empties a process that is about to end: its browsers are told to connect anew. First take it out of the load balancer
 * (let its ready check fail), or they come back here. Resolves when no connection is left.
 */
export async function drain(io: DrainSlice, { spread = 10_000 }: DrainOptions = {}): Promise<void> {
  const end = Date.now() + spread
  const sockets = (): ReadonlyMap<string, Draining> => ('sockets' in io.sockets ? io.sockets.sockets : io.sockets)
  // To each by itself: what is broadcast would come again when another process recovers the session.
  const tell = (socket: Draining) => void socket.emit('_line', { move: true, spread: Math.max(0, end - Date.now()) })
  for (const socket of sockets().values()) tell(socket)
  // The load balancer may not have noticed yet.
  io.on('connection', tell)
  while (sockets().size > 0) {
    // Beneath Socket.IO's session, which another process may go on with; and no client takes it for a refusal.
    if (Date.now() > end + LATE) for (const socket of sockets().values()) socket.conn.close()
    await new Promise((resolve) => setTimeout(resolve, LOOK))
  }
}
