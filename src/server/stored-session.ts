import type { ServerSession } from './decision.js'

/** The part of a socket that adapters store: in clear, and outside this process. */
interface StoringSocket {
  readonly data: object
}

/** Whole sessions, in this process alone. */
const sessions = new WeakMap<object, ServerSession>()

/**
 * All that `authenticate` returned for a socket of this process, as of its last renewal. Undefined for a socket that
 * `createSessions` has not let in. `socket.data.session` has only the `userId` and the `storedFields`, since adapters write
 * `socket.data` to Redis, and send it to other processes.
 */
export const sessionOf = <T extends ServerSession = ServerSession>(socket: object): T | undefined =>
  sessions.get(socket) as T | undefined

export function keepSession(socket: StoringSocket, session: ServerSession, storedFields: object = {}): void {
  const { userId } = session
  // The adapter for Redis streams can't write a BigInt, and throws where nobody can catch it.
  const stored = { ...storedFields, userId: typeof userId === 'bigint' ? String(userId) : userId }
  Object.assign(socket.data, { session: stored })
  sessions.set(socket, session)
}

/** Whose connection it was, for one that was recovered from what an adapter has stored. */
export const isStoredUser = (socket: StoringSocket, { userId }: ServerSession): boolean =>
  String((socket.data as { session?: Partial<ServerSession> }).session?.userId) === String(userId)
