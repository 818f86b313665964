import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { afterwards, until } from '../../test/real-server.js'
import { connectTransport, type Refusal } from '../../test/real-sockets.js'
import { openSse, serveSse } from '../../test/real-sse.js'

// What is SSE's own; the rest is in transport.contract.test.ts. Against a real server.

async function start({
  haste = 1,
  accept = (): Refusal | undefined => undefined,
  auth = {},
  socket = {},
  options = {},
} = {}) {
  const server = await serveSse(0, accept, options)
  afterwards(server.close)
  const near = connectTransport(openSse(haste), server.port, async () => auth, socket)
  afterwards(near.transport.close)
  return { server, ...near }
}

/** A server of the test's own making; gives its port. */
async function bare(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<number> {
  const http = createServer(answer)
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  afterwards(() => http.closeAllConnections())
  afterwards(() => http.close())
  return (http.address() as AddressInfo).port
}

const STREAM = { 'content-type': 'text/event-stream' }
const near = (port: number, socket: object = {}, haste = 1) => {
  const connected = connectTransport(openSse(haste), port, async () => ({ token: 't' }), socket)
  afterwards(connected.transport.close)
  return connected
}

it.each([
  ['a token', { token: 'abc.d_f=' }, { authorization: 'Bearer abc.d_f=' }],
  ['a token that is renewed in time', { token: 'a', expiresAt: 1 }, { authorization: 'Bearer a' }],
  ['nothing, where a cookie says who it is', {}, { authorization: undefined }],
  ['an identity', { token: 'a', _line: { identity: 'ü/1' } }, { 'x-partyline-identity': '%C3%BC%2F1' }],
  ['a cursor', { token: 'a', cursor: 41 }, { 'last-event-id': '41', authorization: 'Bearer a' }],
  ['a cursor that no header takes', { token: 'a', cursor: 'ü' }, { 'last-event-id': undefined }],
])('credentials go in headers and never in the address: %s', async (_, auth, expected) => {
  const { server, reports } = await start({ auth })
  await until(() => expect(reports).toEqual(['up']))
  const { url, headers } = server.requests[0] as (typeof server.requests)[number]
  expect(url).toBe('/')
  for (const [name, value] of Object.entries(expected)) expect(headers[name]).toBe(value)
})

it.each([
  { user: 'ann', token: 'x' },
  { token: 'with a space' },
  { token: 'ü' },
  { key: '☂', nested: { list: [1, null] } },
])('what is no token alone comes as it was: %j', async (auth) => {
  const { server, reports } = await start({ auth })
  await until(() => expect(reports).toEqual(['up']))
  expect(server.tokens).toEqual([(auth as { token?: string }).token])
})

it('an event’s id is where a server may go on from', async () => {
  const { server, reports, events } = await start()
  await until(() => expect(reports).toEqual(['up']))
  server.raw('id: 41\nevent: a\ndata: {"x":1}\n\nid: 42\nevent: b\n\n')
  server.emit('c', { _line: { id: 43, spreadMs: 5 } })
  await until(() => expect(events).toHaveLength(3))
  expect(events).toEqual([
    ['a', { x: 1 }, { id: '41' }],
    ['b', {}, { id: '42' }],
    ['c', {}, { id: 43, spreadMs: 5 }],
  ])
})

it('takes frames without a name, says what it can’t read, and is alive by comments', async () => {
  const { server, reports, events } = await start({ socket: { limit: 100 } })
  await until(() => expect(reports).toEqual(['up']))
  server.raw('data: {"event":"framed","metadata":{"x":1}}\n\ndata: {"x":2}\n\nevent: a\ndata: {\n\n')
  server.raw(`data: ${'x'.repeat(200)}\n\n: still there\n\nevent: _line:newer\n\nevent: z\n\n`)
  await until(() => expect(events.at(-1)).toEqual(['z', {}]))
  expect(events).toEqual([
    ['framed', { x: 1 }],
    ['message', { x: 2 }],
    ['z', {}],
  ])
  expect(reports).toEqual(['up', 'bad frame: is no JSON', 'bad frame: is too large'])
})

it('a stream that is silent for too long is given up, and heartbeats keep it', async () => {
  const quiet = await start({ haste: 100, options: { heartbeatMs: 1_000_000 } })
  await until(() => expect(quiet.reports).toEqual(['up', 'down: the server was silent for too long']))
  await until(() => expect(quiet.server.count()).toBe(0))
  const kept = await start({ haste: 100, options: { heartbeatMs: 100 } })
  await until(() => expect(kept.reports).toEqual(['up']))
  await delay(1_500)
  expect(kept.reports).toEqual(['up'])
})

it('a pause that the server asks for is handed on, from a stream or an answer', async () => {
  const { server, reports } = await start()
  await until(() => expect(reports).toEqual(['up']))
  server.raw('retry: 3000\n\n')
  await until(() => expect(reports).toEqual(['up', 'retry after 3000']))
  const port = await bare((_, response) => response.writeHead(503, { 'retry-after': '120' }).end('down'))
  const busy = near(port)
  await until(() =>
    expect(busy.reports).toEqual(['retry after 120000', 'failed: the server gave no stream, but 503, no type']),
  )
})

it.each([
  [200, { 'content-type': 'text/html' }, 'failed: the server gave no stream, but 200, text/html'],
  [204, {}, 'failed: the server gave no stream, but 204, no type'],
  [404, {}, 'failed: the server gave no stream, but 404, no type'],
  [401, {}, 'refused: the server gave no stream, but 401, no type'],
  [403, {}, 'refused for good: the server gave no stream, but 403, no type'],
])('an answer of %i that is no stream: %j', async (status, headers, report) => {
  const { reports } = near(await bare((_, response) => response.writeHead(status, headers).end()))
  await until(() => expect(reports).toEqual([report]))
})

it('a server that says nothing of Partyline: up once the stream begins, sent nothing, and never probed', async () => {
  const asked: string[] = []
  const port = await bare((request, response) => {
    asked.push(`${request.method} ${request.headers.authorization}`)
    response.writeHead(200, STREAM).write('event: _line\ndata: {"ok":false}\n\ndata: {"event":"a","metadata":{}}\n\n')
  })
  const plain = near(port, { handshake: 'none' })
  await until(() => expect(plain.events).toHaveLength(2))
  expect(plain.reports).toEqual(['up'])
  expect(plain.events).toEqual([
    ['_line', { ok: false }],
    ['a', {}],
  ])
  expect(plain.transport).not.toHaveProperty('probe')
  expect(plain.transport).not.toHaveProperty('renew')
  expect(plain.transport).not.toHaveProperty('send')
  expect(asked).toEqual(['GET Bearer t'])
})

it('its envelopes and bare texts are events', async () => {
  const port = await bare((_, response) => {
    response
      .writeHead(200, STREAM)
      .write(
        [
          'data: {"type":"paid","payload":{"id":7}}',
          'id: 41\ndata: {"event":"paid","type":"x"}',
          'data: {"event":"a","metadata":{"type":"gold"}}',
          'event: b\ndata: {"type":"paid"}',
          'event: c\nid: 42\ndata: acc_17',
          'event: d\nid: 43\ndata: 17',
          'data: refresh',
          '',
        ].join('\n\n'),
      )
  })
  const envelope = { on: 'message', event: 'type', metadata: undefined }
  const plain = connectTransport(openSse(), port, async () => undefined, { handshake: 'none' }, envelope)
  afterwards(plain.transport.close)
  await until(() => expect(plain.events).toHaveLength(7))
  expect(plain.events).toEqual([
    ['message', { type: 'paid', payload: { id: 7 } }],
    ['message', { event: 'paid', type: 'x' }, { id: '41' }],
    ['a', { type: 'gold' }],
    ['b', { type: 'paid' }],
    ['c', { value: 'acc_17' }, { id: '42' }],
    ['d', { value: 17 }, { id: '43' }],
    ['message', { value: 'refresh' }],
  ])
  expect(plain.reports).toEqual(['up'])
})

it('without the word that the stream begins, it is given up', async () => {
  const port = await bare((_, response) => void response.writeHead(200, STREAM).flushHeaders())
  const { reports } = near(port, {}, 100)
  await until(() => expect(reports).toEqual(['failed: the server did not begin the stream, or a proxy holds it back']))
})

it('a server that does not know the stream any more has lost it', async () => {
  const port = await bare((request, response) => {
    if (request.method === 'POST') response.writeHead(404).end()
    else response.writeHead(200, STREAM).write('event: _line\ndata: {"stream":"s"}\n\n')
  })
  const { reports, transport } = near(port)
  await until(() => expect(reports).toEqual(['up']))
  transport.send?.('_line:join', { topics: ['p'] })
  await until(() => expect(reports.at(-1)).toMatch(/^down: the server does not know the stream/))
})

it('what is sent arrives in its order, and together where it waits', async () => {
  const { server, reports, transport } = await start()
  await until(() => expect(reports).toEqual(['up']))
  for (let request = 1; request <= 250; request++) transport.send?.('_line:join', { topics: ['p'], request })
  await until(() => expect(server.said).toHaveLength(250))
  expect(server.said.map(([, metadata]) => (metadata as { request: number }).request)).toEqual(
    Array.from({ length: 250 }, (_, index) => index + 1),
  )
  expect(server.requests.filter(({ method }) => method === 'POST').length).toBeLessThan(6)
})

it('a client that reads too slowly is dropped', async () => {
  const { server, reports } = await start({ options: { maxBufferedBytes: 50_000 }, socket: { limit: 10 ** 7 } })
  await until(() => expect(reports).toEqual(['up']))
  const big = { text: 'x'.repeat(100_000) }
  // In one turn: nothing of it can be taken meanwhile.
  for (let count = 0; count < 100; count++) server.emit('big', big)
  await until(() => expect(reports.at(-1)).toMatch(/^down: /))
  expect(server.count()).toBe(0)
})

it('a request that is not answered says nothing of the stream: all of the browser’s connections may be in use', async () => {
  const port = await bare((request, response) => {
    if (request.method === 'GET') response.writeHead(200, STREAM).write('event: _line\ndata: {"stream":"s"}\n\n')
  })
  const { reports, transport } = near(port, {}, 10)
  await until(() => expect(reports).toEqual(['up']))
  const before = performance.now()
  await transport.probe?.()
  expect(await transport.renew?.({ token: 'fresh' })).toBe('unavailable')
  // Two and two seconds, as its timers go.
  expect(performance.now() - before).toBeGreaterThan(300)
  expect(reports).toEqual(['up'])
})

it('a request of which the server takes nothing, since it was too much, is acknowledged like that', async () => {
  const port = await bare((request, response) => {
    if (request.method === 'GET') response.writeHead(200, STREAM).write('event: _line\ndata: {"stream":"s"}\n\n')
    else response.writeHead(429, { 'retry-after': '1' }).end()
  })
  const { reports, transport } = near(port)
  await until(() => expect(reports).toEqual(['up']))
  expect(await transport.ask?.('say', {}, 10_000)).toMatchObject({ ok: false, code: 'too-many' })
  expect(reports).toEqual(['up'])
})

it('what nobody waits for any more is not posted, and what was not taken is said at once', async () => {
  const posted: unknown[] = []
  const waiting: ServerResponse[] = []
  const port = await bare((request, response) => {
    if (request.method === 'GET')
      return void response.writeHead(200, STREAM).write('event: _line\ndata: {"stream":"s"}\n\n')
    let text = ''
    request.on('data', (chunk) => {
      text += String(chunk)
    })
    request.on('end', () => {
      posted.push(...JSON.parse(text).map(({ event }: { event: string }) => event))
      waiting.push(response)
    })
  })
  const { reports, transport } = near(port)
  await until(() => expect(reports).toEqual(['up']))
  const ends: string[] = []
  const ask = (event: string, timeoutMs: number) =>
    void transport.ask?.(event, {}, timeoutMs).catch((thrown: Error) => void ends.push(`${event}: ${thrown.message}`))
  ask('first', 10_000)
  await until(() => expect(posted).toEqual(['first']))
  // The way is taken.
  transport.tell?.('typing', {})
  ask('late', 50)
  ask('next', 10_000)
  await until(() => expect(ends).toEqual(['late: no answer within 50 ms']))
  waiting[0]?.writeHead(500).end()
  await until(() => expect(posted).toEqual(['first', 'next']))
  waiting[1]?.destroy()
  await until(() =>
    expect(ends.slice(1)).toEqual([
      'first: the request failed. The server may have it',
      'next: the request failed. The server may have it',
    ]),
  )
  expect(reports).toEqual(['up'])
})

it('many and large ones take several requests, within every server’s limit', async () => {
  const { server, transport, reports } = await start()
  await until(() => expect(reports).toEqual(['up']))
  const data = Array.from({ length: 30 }, (_, n) => ({ n, text: '語'.repeat(10_000) }))
  const answers = await Promise.all(data.map((one) => transport.ask?.('echo', one, 10_000)))
  expect(answers).toEqual(data)
  expect(server.requests.filter(({ method }) => method === 'POST').length).toBeGreaterThan(6)
})
