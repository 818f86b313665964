/** Notes on Fastify: a REST API, and one Socket.IO connection or one stream for each browser. */
import { randomUUID } from 'node:crypto'
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import { createEventStream, createNotifier, createSessions, endUser } from 'partyline/server'
import { Server } from 'socket.io'
import { beginSession, change, endSession, isUser, load, makeToken, readToken, userOf } from './store.js'

/** The same map as your `createPartyline<Events>(…)`. */
interface Events {
  note_changed: Record<string, never>
  board_changed: Record<string, never>
}

const app = Fastify()
// An app needs one of the two: Socket.IO, or `/line` for pages with `transport: 'sse'`.
const io = new Server(app.server, { connectionStateRecovery: { skipMiddlewares: false } })
const stream = createEventStream()
const sessions = {
  authenticate: ({ token }: { readonly token?: unknown }) => readToken(token) ?? 'token unknown or expired',
  topics: { authorize: (_session: object, topic: string) => topic === 'board' || 'there is no such topic' },
}
createSessions(io, sessions)
createSessions(stream, sessions)
/** What a page sends by `line.send`. An acknowledgement with `ok: false` says no. */
function say(data: unknown, acknowledge: unknown): void {
  const { text } = Object(data)
  const isText = typeof text === 'string' && text !== ''
  const answer = isText ? { id: randomUUID() } : { ok: false, code: 'empty', message: 'Write something first' }
  if (typeof acknowledge === 'function') acknowledge(answer)
}
io.on('connection', (socket) => void socket.on('chat:say', say))
stream.on('connection', (socket) => void socket.on('chat:say', say))
const notifiers = [createNotifier<Events>(io), createNotifier<Events>(stream)]
// Neither ends by itself, and Fastify waits for both.
app.addHook('preClose', async () => {
  io.disconnectSockets(true)
  for (const socket of stream.sockets.values()) socket.conn.close()
})

app.all('/line', (request, reply) => {
  reply.hijack()
  stream.handle(request.raw, reply.raw, request.body)
})

// A page may say that it sends JSON, and send nothing.
app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
  try {
    done(null, body === '' ? undefined : JSON.parse(String(body)))
  } catch {
    done(Object.assign(new Error('no JSON'), { statusCode: 400 }))
  }
})
const sessionIn = ({ headers }: FastifyRequest) => /(?:^|; )session=([^;]*)/.exec(headers.cookie ?? '')?.[1] ?? ''

/** Answers whoever is signed in with what `run` gives. A write has a text. */
const forUser =
  (run: (user: string, request: FastifyRequest, text: string) => object) =>
  (request: FastifyRequest, reply: FastifyReply) => {
    const user = userOf(sessionIn(request))
    const { text = '' } = Object(request.body)
    if (user === undefined) return reply.code(401).send()
    return typeof text === 'string' ? run(user, request, text) : reply.code(400).send()
  }

app.get('/api/session', async (request) => ({ id: userOf(sessionIn(request)) }))
app.post('/api/session', async (request, reply) => {
  const { name } = Object(request.body)
  // An example: there are no passwords.
  if (!isUser(name)) return reply.code(401).send()
  return reply.header('set-cookie', `session=${beginSession(name)}; Path=/; HttpOnly; SameSite=Lax`).send({ id: name })
})
app.delete('/api/session', async (request) => {
  const user = userOf(sessionIn(request))
  // First the session, so that its tokens are refused; then what is open.
  endSession(sessionIn(request))
  if (user !== undefined) for (const server of [io, stream]) await endUser(server, user)
  return {}
})
app.post(
  '/api/line-token',
  forUser((_user, request) => makeToken(sessionIn(request))),
)
app.get(
  '/api/note',
  forUser((user) => ({ text: load().notes[user] ?? '' })),
)
app.put(
  '/api/note',
  forUser((user, request, text) => {
    change((data) => {
      data.notes[user] = text
    })
    for (const notify of notifiers) notify.from(request).user(user, 'note_changed')
    return { text }
  }),
)
app.get(
  '/api/board',
  forUser(() => ({ text: load().board })),
)
app.put(
  '/api/board',
  forUser((_user, request, text) => {
    change((data) => {
      data.board = text
    })
    for (const notify of notifiers) notify.from(request).topic('board', 'board_changed')
    return { text }
  }),
)

await app.listen({ port: Number(process.env['PORT'] ?? 8000), host: '127.0.0.1' })
