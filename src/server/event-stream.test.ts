import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import Fastify from 'fastify'
import { expect, it, vi } from 'vitest'
import { afterwards, until } from '../../test/real-server.js'
import { connectTransport } from '../../test/real-sockets.js'
import { openSse } from '../../test/real-sse.js'
import {
  createEventStream,
  createNotifier,
  createSessions,
  drain,
  type EventStream,
  type EventStreamSocket,
  endUser,
  type ServerSession,
  type SessionsOptions,
  sessionOf,
} from './index.js'

// The server half for SSE, with the sessions, topics and notifier that serve Socket.IO, and this package's own client.

type Options = Partial<SessionsOptions<EventStreamSocket, ServerSession>>

async function start(options: Options = {}, stream = createEventStream()) {
  const http = createServer((request, response) => stream.handle(request, response))
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  afterwards(() => http.closeAllConnections())
  afterwards(() => http.close())
  createSessions(stream, {
    authenticate: ({ token }) => (typeof token === 'string' ? { userId: token } : 'no token'),
    onError: () => undefined,
    ...options,
  })
  return { stream, notify: createNotifier(stream), port: (http.address() as AddressInfo).port }
}

function connect(port: number, auth: object = { token: 'ann' }) {
  const near = connectTransport(openSse(), port, async () => ({ ...auth }))
  afterwards(near.transport.close)
  const words = () => near.events.filter(([name]) => name === '_line').map(([, word]) => word)
  const heard = () => near.events.filter(([name]) => name !== '_line').map(([name, metadata]) => [name, metadata])
  return { ...near, words, heard }
}

const up = ({ reports }: { reports: string[] }) => until(() => expect(reports).toEqual(['up']))

it('lets users in, says whom, and sends each what is theirs', async () => {
  const { notify, port } = await start({ quietAfterMs: 0 })
  const ann = connect(port)
  const bob = connect(port, { token: 'bob' })
  await up(ann)
  await up(bob)
  await until(() => expect(ann.words()).toEqual([{ identity: 'ann' }, { quietForMs: expect.any(Number) }]))
  notify.user('ann', 'paid', { id: 1 })
  notify.users(['ann', 'bob'], 'both')
  notify.everyone('all')
  notify.room('nobody', 'none')
  notify.gap({ spreadMs: 5 })
  await until(() => expect(bob.words().at(-1)).toEqual({ gap: true, spreadMs: 5 }))
  expect(bob.heard()).toEqual([
    ['both', {}],
    ['all', {}],
  ])
  await until(() =>
    expect(ann.heard()).toEqual([
      ['paid', { id: 1 }],
      ['both', {}],
      ['all', {}],
    ]),
  )
})

it('refuses: without credentials, another identity, a foreign page, for good, and says when it can’t tell', async () => {
  const { port } = await start({
    origins: ['https://app.example'],
    async authenticate({ token, how }, { handshake }) {
      if (how === 'throw') throw new Error('secret of the database')
      if (how === 'final') return { refuse: 'closed', final: true }
      return token === undefined ? 'no token' : { userId: String(token), cookie: handshake.headers['cookie'] }
    },
  })
  for (const [auth, report] of [
    [{}, 'refused: no token'],
    [{ token: 'ann', _line: { identity: 'bob' } }, 'refused as somebody else: these credentials are another user’s'],
    [{ how: 'final' }, 'refused for good: closed'],
    [{ how: 'throw' }, 'failed: the server can’t check the credentials now'],
  ] as const) {
    const { reports } = connect(port, auth)
    await until(() => expect(reports).toEqual([report]))
  }
  const foreign = await fetch(`http://127.0.0.1:${port}/`, {
    headers: { origin: 'https://evil.example', authorization: 'Bearer ann' },
  })
  expect([foreign.status, await foreign.json()]).toEqual([
    401,
    { message: 'pages of https://evil.example may not connect' },
  ])
})

it('topics: joined, refused, left, ended; and renewed credentials', async () => {
  const { stream, notify, port } = await start({
    topics: { authorize: (session, topic) => topic === 'open' || `not for ${String(session.userId)}` },
  })
  const ann = connect(port)
  await up(ann)
  ann.transport.send?.('_line:join', { topics: ['open', 'shut'], request: 1 })
  await until(() => {
    expect(ann.words()).toContainEqual({ topic: 'open', ok: true, request: 1 })
    expect(ann.words()).toContainEqual({ topic: 'shut', ok: false, message: 'not for ann', request: 1 })
  })
  notify.topic('open', 'posted')
  notify.topic('shut', 'secret')
  await until(() => expect(ann.heard()).toEqual([['posted', {}]]))
  expect(await ann.transport.renew?.({ token: 'ann' })).toBe('accepted')
  notify.endTopic('ann', 'open')
  await until(() => expect(ann.words()).toContainEqual({ topic: 'open', ok: false, message: 'not allowed' }))
  notify.topic('open', 'posted')
  await ann.transport.probe?.()
  expect(ann.heard()).toHaveLength(1)
  const [socket] = stream.sockets.values()
  expect(sessionOf(socket as EventStreamSocket)).toEqual({ userId: 'ann' })
  expect(await ann.transport.renew?.({ token: 'bob' })).toBe('refused')
  await until(() => expect(ann.reports.at(-1)).toBe('refused: the server ended the session'))
})

it('replays from the last event’s id, and says where its log is', async () => {
  const log = [1, 2, 3].map((id) => ({ id, event: 'logged', metadata: { n: id } }))
  const { port } = await start({
    newest: () => 3,
    replay: (_, cursor) => log.filter(({ id }) => id > (cursor as number)),
  })
  const fresh = connect(port)
  await until(() => expect(fresh.words()).toContainEqual({ cursor: 3 }))
  const back = connect(port, { token: 'ann', cursor: 1 })
  await until(() => expect(back.words()).toContainEqual({ replayed: true }))
  expect(back.events.filter(([name]) => name === 'logged')).toEqual([
    ['logged', { n: 2 }, { id: 2 }],
    ['logged', { n: 3 }, { id: 3 }],
  ])
})

it('ends a user’s streams, and those whose credentials have ended', async () => {
  const { stream, port } = await start({
    authenticate: ({ token }) => ({ userId: String(token), ...(token === 'brief' && { expiresAt: Date.now() + 300 }) }),
  })
  const ann = connect(port)
  const brief = connect(port, { token: 'brief' })
  await until(() => expect(brief.reports).toEqual(['up', 'refused: the server ended the session']))
  await up(ann)
  await endUser(stream, 'ann')
  await until(() => expect(ann.reports).toEqual(['up', 'refused: the server ended the session']))
  expect(stream.sockets.size).toBe(0)
})

it('drains: tells to move, and closes those that stay, which is no refusal', async () => {
  const { stream, port } = await start()
  const ann = connect(port)
  await up(ann)
  void drain(stream, { spreadMs: 0 })
  await until(() => expect(ann.words()).toContainEqual({ move: true, spreadMs: expect.any(Number) }))
  const [socket] = stream.sockets.values()
  socket?.conn.close()
  await until(() => expect(ann.reports).toEqual(['up', 'down: the server ended the stream']))
})

it('says for how long nothing was sent', async () => {
  const { notify, port } = await start({ quietAfterMs: 0 })
  notify.user('ann', 'early')
  await new Promise((resolve) => setTimeout(resolve, 300))
  const ann = connect(port)
  await until(() => expect(ann.words()).toContainEqual({ quietForMs: expect.any(Number) }))
  const { quietForMs } = ann.words().find((word) => Object.hasOwn(Object(word), 'quietForMs')) as { quietForMs: number }
  expect(quietForMs).toBeGreaterThanOrEqual(250)
  expect(quietForMs).toBeLessThan(5_000)
})

it.each([
  [
    'Express, which has read the body',
    async (stream: EventStream) => {
      const app = express().use(express.json()).all('/', stream.handle)
      const http = app.listen(0, '127.0.0.1')
      await new Promise((resolve) => http.once('listening', resolve))
      afterwards(() => http.closeAllConnections())
      return (http.address() as AddressInfo).port
    },
  ],
  [
    'Fastify, which has read the body',
    async (stream: EventStream) => {
      const app = Fastify({ forceCloseConnections: true })
      app.all('/', (request, reply) => {
        reply.hijack()
        stream.handle(request.raw, reply.raw, request.body)
      })
      await app.listen({ port: 0, host: '127.0.0.1' })
      afterwards(() => app.close())
      return (app.server.address() as AddressInfo).port
    },
  ],
  ['a web-standard server', serveWeb],
])('on %s', async (_, serve) => {
  const stream = createEventStream({ heartbeatMs: 50 })
  await start({ topics: { authorize: () => true } }, stream)
  const port = await serve(stream)
  const ann = connect(port)
  await up(ann)
  createNotifier(stream).user('ann', 'told', { text: 'ä'.repeat(2_000) })
  await until(() => expect(ann.heard()).toHaveLength(1))
  ann.transport.send?.('_line:join', { topics: ['p'], request: 1 })
  await until(() => expect(ann.words()).toContainEqual({ topic: 'p', ok: true, request: 1 }))
  const refused = connect(port, {})
  await until(() => expect(refused.reports).toEqual(['refused: no token']))
  ann.transport.disconnect('keep')
  await until(() => expect(stream.sockets.size).toBe(0))
})

/** Answers by `fetch`, as Next.js, Hono, Deno and Bun do. */
async function serveWeb(stream: EventStream): Promise<number> {
  const http = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const ended = new AbortController()
    response.on('close', () => ended.abort())
    const { method = 'GET' } = request
    const answer = await stream.fetch(
      new Request(`http://127.0.0.1${request.url}`, {
        method,
        headers: request.headers as Record<string, string>,
        signal: ended.signal,
        ...(method === 'POST' && { body: Buffer.concat(chunks) }),
      }),
    )
    response.writeHead(answer.status, Object.fromEntries(answer.headers))
    if (!answer.body) return void response.end()
    try {
      for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) response.write(chunk)
    } catch {
      // The stream was dropped.
    }
    response.end()
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  afterwards(() => http.closeAllConnections())
  return (http.address() as AddressInfo).port
}

it.each([
  [
    'Node’s server',
    async (stream: EventStream) => {
      const leave = new AbortController()
      const left = new Promise<void>((resolve) => {
        const http = createServer((request, response) => {
          response.on('close', () => resolve(stream.handle(request, response)))
          leave.abort()
        })
        http.listen(0, '127.0.0.1', () => {
          const { port } = http.address() as AddressInfo
          fetch(`http://127.0.0.1:${port}/`, { signal: leave.signal }).catch(() => undefined)
        })
        afterwards(() => http.close())
      })
      await left
    },
  ],
  [
    'a web-standard server',
    async (stream: EventStream) => {
      await stream.fetch(new Request('http://app/', { signal: AbortSignal.abort() }))
    },
  ],
])('on %s a client that left before its turn is not kept', async (_, leave) => {
  const stream = createEventStream()
  const kept: EventStreamSocket[] = []
  stream.use((socket, next) => {
    kept.push(socket)
    next()
  })
  await leave(stream)
  expect(kept).toEqual([])
  expect(stream.sockets.size).toBe(0)
})

it('a client that leaves while a middleware is asked is not kept by the next one', async () => {
  const stream = createEventStream()
  const leave = new AbortController()
  const keep = vi.fn()
  stream.use((_, next) => {
    leave.abort()
    next()
  })
  stream.use((socket, next) => {
    keep(socket)
    next()
  })
  await stream.fetch(new Request('http://app/', { signal: leave.signal }))
  expect(keep).not.toHaveBeenCalled()
})

it('a web-standard client that reads nothing is dropped', async () => {
  const stream = createEventStream({ maxBufferedBytes: 10_000 })
  const { notify } = await start({}, stream)
  const response = await stream.fetch(new Request('http://app/', { headers: { authorization: 'Bearer ann' } }))
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/)
  expect(stream.sockets.size).toBe(1)
  for (let count = 0; count < 20; count++) notify.user('ann', 'big', { text: 'x'.repeat(900) })
  expect(stream.sockets.size).toBe(0)
  await expect(new Response(response.body).text()).rejects.toThrow()
})

it('a middleware of the app’s own refuses by an error, and may take its time', async () => {
  const { port, stream } = await start()
  const calls: string[] = []
  stream.on('connection', (socket) => {
    socket.use(([event], next) => {
      if (event === 'forbidden') next(new Error('forbidden'))
      else setTimeout(next, 20)
    })
    for (const event of ['forbidden', 'allowed']) socket.on(event, () => calls.push(event))
  })
  await up(connect(port))
  const [id = ''] = stream.sockets.keys()
  for (const event of ['forbidden', 'allowed']) {
    const headers = { 'x-partyline-stream': id }
    const { status } = await fetch(`http://127.0.0.1:${port}/`, {
      method: 'POST',
      headers,
      body: JSON.stringify([{ event, metadata: {} }]),
    })
    // 429 would say that nothing of it was taken.
    expect(status).toBe(204)
  }
  await until(() => expect(calls).toEqual(['allowed']))
})

it('what nobody can have sent does no harm', async () => {
  const { port, stream } = await start()
  const url = `http://127.0.0.1:${port}/`
  const ann = connect(port)
  await up(ann)
  const [id = ''] = stream.sockets.keys()
  const post = (body: string, headers: object = { 'x-partyline-stream': id }) =>
    fetch(url, { method: 'POST', body, headers: { ...headers } }).then(({ status }) => status)
  expect(await post('[]', {})).toBe(404)
  expect(await post('[]', { 'x-partyline-stream': '__proto__' })).toBe(404)
  expect(await post('no json')).toBe(400)
  expect(await post('{"event":"x"}')).toBe(400)
  expect(await post(`[${'1,'.repeat(300)}1]`)).toBe(400)
  expect(await post('[null,1,{"event":7},{"event":"_line:join","metadata":{"topics":7}},{"event":"__proto__"}]')).toBe(
    204,
  )
  expect((await fetch(url, { method: 'DELETE' })).status).toBe(405)
  for (const authorization of ['Bearer', 'Partyline !!', 'Partyline bnVsbA==', 'Partyline WzFd', 'Basic YTpi'])
    expect((await fetch(url, { headers: { authorization } })).status).toBe(401)
  // Its connection is closed: nobody reads the rest.
  expect(await post(`["${'x'.repeat(200_000)}"]`).catch(() => 400)).toBe(400)
  expect(ann.reports).toEqual(['up'])
})

it.each([{ heartbeatMs: 0 }, { heartbeatMs: Number.NaN }, { maxBufferedBytes: '1' }])('option %j', (options) => {
  expect(() => createEventStream(options as object)).toThrow(/has to be a number over 0/)
})

it('acknowledges what a tab sends, once, and goes on after a listener that throws', async () => {
  const { stream, port } = await start()
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  afterwards(() => warn.mockRestore())
  const heard: unknown[] = []
  stream.on('connection', (socket) => {
    socket.on('say', (data, acknowledge) => {
      heard.push(data)
      const answer = acknowledge as (data?: unknown) => void
      answer({ heard: heard.length })
      answer('once more')
    })
    socket.on('typing', (...given) => heard.push(given))
    socket.on('broken', () => {
      throw new Error('a listener of the app')
    })
  })
  const ann = connect(port)
  await up(ann)
  const broken = ann.transport.ask?.('broken', {}, 500).catch(() => 'no answer')
  const said = [1, 2].map((n) => ann.transport.ask?.('say', { n }, 5_000))
  expect(await Promise.all(said)).toEqual([{ heard: 1 }, { heard: 2 }])
  expect(await broken).toBe('no answer')
  expect(warn.mock.calls).toEqual([[expect.stringContaining('listener-failed'), new Error('a listener of the app')]])

  // A browser repeats a request whose answer it has lost.
  const [id] = [...stream.sockets.keys()]
  const repeat = (request?: number) =>
    fetch(`http://127.0.0.1:${port}`, {
      method: 'POST',
      headers: { 'x-partyline-stream': String(id), 'content-type': 'application/json' },
      body: JSON.stringify([{ event: request ? 'say' : 'typing', metadata: { n: 0 }, request }]),
    })
  for (const request of [1, 2, 3, undefined]) expect((await repeat(request)).status).toBe(204)
  expect(heard.slice(2)).toEqual([[{ n: 0 }]])
  await repeat(4)
  expect(heard.at(-1)).toEqual({ n: 0 })
})

it.each(['connection', 'middleware'])(
  'of a web-standard request nothing stays when a %s listener of the app throws',
  async (where) => {
    const stream = createEventStream()
    const broken = () => {
      throw new Error('of the app')
    }
    let joined: EventStreamSocket | undefined
    stream.use((socket, next) => {
      joined = socket
      if (where === 'middleware') broken()
      next()
    })
    stream.on('connection', broken)
    await expect(stream.fetch(new Request('http://app/'))).rejects.toThrow('of the app')
    expect([stream.sockets.size, joined?.connected, joined?.rooms.size]).toEqual([0, false, 0])
  },
)

it('sends null, as untyped code does, to everybody', async () => {
  const { stream, port } = await start()
  const all = [connect(port), connect(port)]
  await Promise.all(all.map(up))
  stream.emit('a', null as never)
  for (const { heard } of all) await until(() => expect(heard()).toEqual([['a', {}]]))
})
