import { PartylineServerError, tell as warn } from './errors.js'

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

const SPREAD = 10_000
/** What is still there so many milliseconds after its time is closed; and so long after that nothing is waited for any more. */
const LATE = 5_000
/** Whoever comes late has at least so long (ms): with nowhere else to go, it would come and go without a pause. */
const AGAIN = 1_000
/** How often (ms) it is looked whether they have all gone. */
const LOOK = 50

/**
 * Empties a process that is about to end: its browsers are told to connect anew. First take it out of the load balancer
 * (let its ready check fail), or they come back here. Resolves when no connection is left, or 10 s after the spread.
 */
export async function drain(io: DrainSlice, { spread: asked = SPREAD }: DrainOptions = {}): Promise<void> {
  const isTime = Number.isFinite(asked) && asked >= 0
  // Told, not thrown: at its end a process had better do what it can.
  if (!isTime)
    warn(undefined, new PartylineServerError('bad-option', `spread has to be milliseconds: ${SPREAD} is taken`))
  const end = Date.now() + (isTime ? asked : SPREAD)
  const sockets = (): ReadonlyMap<string, Draining> => ('sockets' in io.sockets ? io.sockets.sockets : io.sockets)
  // To each by itself: what is broadcast would come again when another process recovers the session.
  const tell = (socket: Draining, atLeast: number) =>
    void socket.emit('_line', { move: true, spread: Math.max(atLeast, end - Date.now()) })
  for (const socket of sockets().values()) tell(socket, 0)
  // The load balancer may not have noticed yet.
  io.on('connection', (socket) => tell(socket, AGAIN))
  while (sockets().size > 0 && Date.now() < end + 2 * LATE) {
    // Beneath Socket.IO's session, which another process may go on with; and no client takes it for a refusal.
    if (Date.now() > end + LATE) for (const socket of sockets().values()) socket.conn.close()
    await new Promise((resolve) => setTimeout(resolve, LOOK))
  }
}
