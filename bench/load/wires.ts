/** The three kinds of server. Each lets every token in, as a user of that name. */
import type { Server as HttpServer } from 'node:http'
import { createAdapter } from '@socket.io/redis-adapter'
import { createEventStream, createNotifier, createSessions } from 'partyline/server'
import { createClient } from 'redis'
import { Server } from 'socket.io'
import { type WebSocket, WebSocketServer } from 'ws'

interface Metadata {
  readonly accountId: string
  readonly at: number
}
type Events = { balance_updated: Metadata }

export interface Clients {
  user(id: string, metadata: Metadata): void
  everyone(metadata: Metadata): void
  count(): number
  /** Ends every connection, without a word. */
  drop(): void
}

const authenticate = async ({ token }: Record<string, unknown>) =>
  typeof token === 'string' ? { userId: token } : null

/** With sessions and a notifier, and nothing else. */
export async function serveSocketIo(http: HttpServer, redisUrl: string | undefined): Promise<Clients> {
  const io = new Server(http, { transports: ['websocket'], serveClient: false })
  if (redisUrl) {
    const [publishing, subscribed] = [createClient({ url: redisUrl }), createClient({ url: redisUrl })]
    await Promise.all([publishing.connect(), subscribed.connect()])
    io.adapter(createAdapter(publishing, subscribed))
  }
  createSessions(io, { authenticate })
  const notify = createNotifier<Events>(io)
  return {
    user: (id, metadata) => notify.user(id, 'balance_updated', metadata),
    everyone: (metadata) => notify.everyone('balance_updated', metadata),
    count: () => io.engine.clientsCount,
    drop() {
      for (const { conn } of io.sockets.sockets.values()) conn.close()
    },
  }
}

/** The same with streams in the place of Socket.IO. */
export async function serveStreams(http: HttpServer): Promise<Clients> {
  const stream = createEventStream()
  createSessions(stream, { authenticate })
  const notify = createNotifier<Events>(stream)
  http.on('request', (request, response) => stream.handle(request, response))
  return {
    user: (id, metadata) => notify.user(id, 'balance_updated', metadata),
    everyone: (metadata) => notify.everyone('balance_updated', metadata),
    count: () => stream.sockets.size,
    // The server has closed what carried them.
    drop: () => undefined,
  }
}

/** The least that docs/protocol.md asks of a server with plain WebSocket: there is none in this package. */
export async function serveWebSockets(http: HttpServer): Promise<Clients> {
  const server = new WebSocketServer({ server: http, perMessageDeflate: false })
  const users = new Map<string, WebSocket>()
  const frame = (metadata: Metadata) => JSON.stringify({ event: 'balance_updated', metadata })
  server.on('connection', (socket) => {
    socket.on('message', (data) => {
      const { event, metadata } = JSON.parse(String(data)) as { event: string; metadata: { token?: unknown } }
      if (event !== '_line:auth' || typeof metadata.token !== 'string') return
      const id = metadata.token
      users.set(id, socket)
      socket.on('close', () => users.get(id) === socket && users.delete(id))
      socket.send('{"event":"_line","metadata":{"ok":true}}')
      socket.send(JSON.stringify({ event: '_line', metadata: { identity: id, quietForMs: 0 } }))
    })
  })
  return {
    user: (id, metadata) => users.get(id)?.send(frame(metadata)),
    everyone(metadata) {
      const text = frame(metadata)
      for (const socket of users.values()) socket.send(text)
    },
    count: () => users.size,
    drop() {
      for (const socket of server.clients) socket.terminate()
    },
  }
}
