import type { Server as HttpServer } from 'node:http'
import { createSessions, type SessionsOptions, sessionOf } from 'partyline/server'
import { type DefaultEventsMap, Server, type ServerOptions, type Socket } from 'socket.io'
import type { Session, SessionStore } from './sessions.js'
import type { Faults, Stats } from './telemetry.js'

/** What adapters may store, and send to other processes; `sessionOf(socket)` has the rest. */
type Data = { session: Pick<Session, 'userId'> }
export type Io = Server<DefaultEventsMap, DefaultEventsMap, DefaultEventsMap, Data>
/** See createSessions. */
export type Log = Pick<
  SessionsOptions<Socket<DefaultEventsMap, DefaultEventsMap, DefaultEventsMap, Data>, Session>,
  'replay' | 'newest'
>

export interface SocketsOptions {
  readonly socketOptions?: Partial<ServerOptions> | undefined
  readonly authorizeTopic?: AuthorizeTopic | undefined
  readonly log?: Log | undefined
  readonly quietAfterMs?: number | undefined
}

export type AuthorizeTopic = (session: Session, topic: string) => boolean | string

export const userRoom = (userId: string) => `user_${userId}`
const sessionRoom = (sessionId: string) => `session_${sessionId}`

/** The Socket.IO side: who may connect, and which rooms they join. It only emits events, and takes none. */
export function openSockets(
  http: HttpServer,
  sessions: SessionStore,
  stats: Stats,
  faults: Faults,
  { socketOptions, authorizeTopic = () => false, log, quietAfterMs }: SocketsOptions,
): Io {
  const io: Io = new Server(http, { ...socketOptions, transports: ['websocket'], serveClient: false })

  createSessions(io, {
    ...log,
    ...(quietAfterMs !== undefined && { quietAfterMs }),
    async authenticate({ token }) {
      const session = await sessions.redeem(token)
      const fault = faults.refuseTokens > 0
      if (fault) faults.refuseTokens -= 1
      if (session && !fault) return session
      stats.refused += 1
      return 'token expired or unknown'
    },
    topics: { authorize: authorizeTopic },
  })

  io.on('connection', (socket) => {
    stats.connections += 1
    stats.openSockets += 1
    socket.on('disconnect', () => {
      stats.openSockets -= 1
    })
    const session = sessionOf<Session>(socket)
    if (session) void socket.join(sessionRoom(session.id))
  })

  return io
}

/** A session that has ended receives nothing more, whatever its browser does. */
export function endSockets(io: Io, sessionId: string): void {
  io.in(sessionRoom(sessionId)).disconnectSockets(true)
}

/** Breaks connections as a bad network would: without a close message, so that the browser reconnects by itself. */
export function cutConnections(io: Io, userId?: string): void {
  for (const socket of io.of('/').sockets.values()) {
    if (userId === undefined || socket.data.session.userId === userId) socket.conn.close()
  }
}
