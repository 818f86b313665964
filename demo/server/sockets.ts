import type { Server as HttpServer } from 'node:http'
import { type DefaultEventsMap, Server } from 'socket.io'
import type { Session, Sessions } from './sessions.js'
import type { Faults, Stats } from './telemetry.js'

export type Io = Server<DefaultEventsMap, DefaultEventsMap, DefaultEventsMap, { session: Session }>

export const userRoom = (userId: string) => `user_${userId}`
const sessionRoom = (sessionId: string) => `session_${sessionId}`

/** The Socket.IO side: who may connect, and in which rooms they are. It hears nothing and says only events. */
export function openSockets(http: HttpServer, sessions: Sessions, stats: Stats, faults: Faults): Io {
  const io: Io = new Server(http, { transports: ['websocket'], serveClient: false })

  io.use((socket, next) => {
    const session = sessions.redeem(socket.handshake.auth['token'])
    const fault = faults.refuseTokens > 0
    if (fault) faults.refuseTokens -= 1
    if (!session || fault) {
      stats.refused += 1
      next(new Error('token expired or unknown'))
      return
    }
    socket.data.session = session
    next()
  })

  io.on('connection', (socket) => {
    const { id, userId } = socket.data.session
    stats.connections += 1
    stats.openSockets += 1
    socket.on('disconnect', () => {
      stats.openSockets -= 1
    })
    void socket.join([userRoom(userId), sessionRoom(id)])
  })

  return io
}

/** A session that has ended may hear nothing more, whatever its browser does. */
export function endSockets(io: Io, sessionId: string): void {
  io.in(sessionRoom(sessionId)).disconnectSockets(true)
}

/** Breaks connections as a bad network would: the browser is told nothing and connects again by itself. */
export function cutConnections(io: Io, userId?: string): void {
  for (const socket of io.of('/').sockets.values()) {
    if (userId === undefined || socket.data.session.userId === userId) socket.conn.close()
  }
}
