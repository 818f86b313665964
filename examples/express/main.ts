/** Notes on Express: a REST API, and one Socket.IO connection or one stream for each browser. */
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import express, { type Request, type Response } from 'express'
import { createEventStream, createNotifier, createSessions, endUser } from 'partyline/server'
import { Server } from 'socket.io'
import { beginSession, change, endSession, isUser, load, makeToken, readToken, userOf } from './store.js'

/** The same map as your `createPartyline<Events>(…)`. */
interface Events {
  note_changed: Record<string, never>
  board_changed: Record<string, never>
}

const app = express()
const http = createServer(app)
// An app needs one of the two: Socket.IO, or `/line` for pages with `transport: 'sse'`.
const io = new Server(http, { connectionStateRecovery: { skipMiddlewares: false } })
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

const sessionIn = ({ headers }: Request) => /(?:^|; )session=([^;]*)/.exec(headers.cookie ?? '')?.[1] ?? ''

/** Answers whoever is signed in with what `run` gives. A write has a text. */
const forUser =
  (run: (user: string, request: Request, text: string) => object) => (request: Request, response: Response) => {
    const user = userOf(sessionIn(request))
    const { text = '' } = Object(request.body)
    if (user === undefined) response.sendStatus(401)
    else if (typeof text !== 'string') response.sendStatus(400)
    else response.json(run(user, request, text))
  }

app.all('/line', stream.handle)
app.use(express.json())
app.get('/api/session', (request, response) => void response.json({ id: userOf(sessionIn(request)) }))
app.post('/api/session', (request, response) => {
  const { name } = Object(request.body)
  // An example: there are no passwords.
  if (!isUser(name)) return void response.sendStatus(401)
  response.cookie('session', beginSession(name), { httpOnly: true, sameSite: 'lax' }).json({ id: name })
})
app.delete('/api/session', async (request, response) => {
  const user = userOf(sessionIn(request))
  // First the session, so that its tokens are refused; then what is open.
  endSession(sessionIn(request))
  if (user !== undefined) for (const server of [io, stream]) await endUser(server, user)
  response.json({})
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

http.listen(Number(process.env['PORT'] ?? 8000), '127.0.0.1')
