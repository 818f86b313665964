import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { afterwards, until } from '../../test/real-server.js'
import { connectTransport, openWebSocket, serveWebSocket } from '../../test/real-sockets.js'
import type { WebSocketSlice } from '../platform/environment.js'
import { webSocketTransport } from './websocket.js'
import { type BadFrame, type Frame, readFrame } from './websocket-connection.js'

// What is the plain WebSocket's own; the rest is in transport.contract.test.ts. Against a real server.

async function start({ haste = 1, accept = (): string | undefined => undefined, auth = {}, socket = {} } = {}) {
  const server = await serveWebSocket(0, accept)
  afterwards(server.close)
  const near = connectTransport(openWebSocket(haste), server.port, async () => auth, socket)
  afterwards(near.transport.close)
  return { server, ...near }
}

/** A server of the test's own making; gives its port. */
async function bare(onConnection: (socket: WebSocket, request: IncomingMessage) => void): Promise<number> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  server.on('connection', onConnection)
  await once(server, 'listening')
  afterwards(() => server.close())
  return (server.address() as AddressInfo).port
}

const up = (reports: string[]) => until(() => expect(reports.at(-1)).toBe('up'))

it.each([4401, 4403])('close code %i is a refusal, at whatever time', async (code) => {
  const { server, reports, transport } = await start()
  await up(reports)
  server.end(code, 'signed out elsewhere')
  await until(() => expect(reports).toEqual(['up', 'refused: signed out elsewhere']))
  await delay(100)
  expect(server.tokens).toHaveLength(1)
  transport.connect()
  await up(reports)
  server.end(code)
  await until(() => expect(reports.at(-1)).toBe('refused: the server refused the credentials'))
})

it.each([1000, 1001, 1011, 4000])('close code %i is an accident: it reconnects', async (code) => {
  const { server, reports } = await start()
  await up(reports)
  server.end(code)
  await until(() => expect(reports).toEqual(['up', `down: the connection was closed (${code})`, 'up']))
})

it('a server may refuse in a frame as well', async () => {
  const port = await bare((socket) => {
    socket.send('{"event":"early","metadata":{"n":1}}')
    socket.on('message', () => socket.send('{"event":"_line","metadata":{"ok":false,"message":"no such user"}}'))
  })
  const near = connectTransport(openWebSocket(), port)
  afterwards(near.transport.close)
  await until(() => expect(near.reports).toEqual(['refused: no such user']))
  expect(near.events).toEqual([['early', { n: 1 }]])
  await delay(100)
  expect(near.reports).toHaveLength(1)
})

it('a server may end a session in a frame, even one that it had accepted', async () => {
  const port = await bare((socket) => {
    socket.once('message', () => {
      socket.send('{"event":"_line","metadata":{"ok":true}}')
      // Said twice is as good as once.
      socket.send('{"event":"_line","metadata":{"ok":true}}')
      socket.send('{"event":"_line","metadata":{"ok":false,"message":"signed out elsewhere"}}')
    })
  })
  const near = connectTransport(openWebSocket(), port)
  afterwards(near.transport.close)
  await until(() => expect(near.reports).toEqual(['up', 'refused: signed out elsewhere']))
})

it('gives up on a server that never opens the connection', async () => {
  const sockets = new Set<Socket>()
  const silent = createServer((socket) => void sockets.add(socket)).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  afterwards(() => {
    for (const socket of sockets) socket.destroy()
    silent.close()
  })
  const near = connectTransport(openWebSocket(100), (silent.address() as AddressInfo).port)
  afterwards(near.transport.close)
  await until(() => expect(near.reports).toContain('trouble: the server did not open the connection'))
})

it('gives up on a server that never answers the credentials', async () => {
  const near = connectTransport(openWebSocket(100), await bare(() => undefined))
  afterwards(near.transport.close)
  await until(() => expect(near.reports).toContain('trouble: the server did not answer the credentials'))
})

it('credentials, or none, that come too late change nothing', async () => {
  const server = await serveWebSocket(0, () => undefined)
  afterwards(server.close)
  const late: { resolve(): void; reject(): void }[] = []
  let asked = 0
  const auth = () =>
    new Promise<{ token: number }>((resolve, reject) => {
      const token = ++asked
      if (token === 3) resolve({ token })
      else late.push({ resolve: () => resolve({ token }), reject: () => reject(new Error('no tab')) })
    })
  const { reports, transport } = connectTransport(openWebSocket(10), server.port, auth)
  afterwards(transport.close)
  for (const count of [1, 2]) {
    await until(() => expect(late).toHaveLength(count))
    transport.reconnect()
  }
  await up(reports)
  late[0]?.resolve()
  late[1]?.reject()
  // Longer than the server may take to answer.
  await delay(1_300)
  expect(reports).toEqual(['up'])
  expect(server.tokens).toEqual([3])
})

it('asks after a long silence, and drops a connection that is dead', async () => {
  const { server, reports, transport } = await start({ haste: 25 })
  await up(reports)
  transport.reconnect()
  await until(() => expect(reports).toEqual(['up', 'up']))
  // Many silences long, and answered every time; of the former connection nothing is left.
  await delay(2_500)
  expect(reports).toEqual(['up', 'up'])
  server.freeze()
  await until(() => expect(reports.slice(2)).toEqual(['down: the server did not answer', 'up']))
})

it('waits longer from one attempt to the next, never the same time twice, and starts over once connected', async () => {
  const waits: number[] = []
  const socket = { send: () => undefined, close: () => undefined } as unknown as WebSocketSlice
  let allowed = false
  let asked = 0
  const transport = webSocketTransport({
    random: () => 0.25,
    timers: {
      after(ms, run) {
        waits.push(ms)
        if (waits.length < 6) queueMicrotask(run)
        return () => undefined
      },
    },
    openWebSocket: () => {
      if (!allowed) throw new Error('not allowed by the policy')
      return socket
    },
  })
  const reports: string[] = []
  const handlers = {
    auth: async () => void asked++,
    onTrouble: (reason: string) => reports.push(reason),
    onUp: () => reports.push('up'),
    onDown: () => reports.push('down'),
    onAlive: () => undefined,
  } as never
  const settings = { url: 'https://x', identity: 'u', socket: {}, lingerMs: 0, authTimeoutMs: 1 }
  const { connect, reconnect, close } = transport(settings, handlers)
  connect()
  await until(() => expect(waits).toEqual([500, 1_000, 2_000, 4_000, 5_000, 5_000]))
  expect(new Set(reports.splice(0))).toEqual(new Set(['not allowed by the policy']))

  allowed = true
  reconnect()
  socket.onopen?.call(undefined as never, undefined as never)
  socket.onmessage?.call(undefined as never, { data: '{"event":"_line","metadata":{"ok":true}}' } as never)
  socket.onclose?.call(undefined as never, { code: 1006, reason: '' } as never)
  expect(reports).toEqual(['up', 'down'])
  expect(waits.at(-1)).toBe(500)

  reconnect()
  close()
  socket.onopen?.call(undefined as never, undefined as never)
  expect(asked).toBe(1)
})

it('credentials travel in the first message only, never in the address', async () => {
  const seen: unknown[] = []
  const port = await bare((socket, request) => {
    seen.push(request.url, request.headers.authorization, request.headers.cookie, socket.protocol)
    socket.on('message', (data) => seen.push(JSON.parse(String(data))))
  })
  const auth = async () => ({ token: 'secret', cursor: 12 })
  const near = connectTransport(openWebSocket(), port, auth)
  afterwards(near.transport.close)
  await until(() => expect(seen).toHaveLength(5))
  expect(seen).toEqual([
    '/',
    undefined,
    undefined,
    '',
    { event: '_line:auth', metadata: { token: 'secret', cursor: 12 } },
  ])
})

it('credentials that JSON can’t carry are none', async () => {
  const { reports } = await start({ auth: { token: 1n } })
  await until(() => expect(reports).toEqual([expect.stringMatching(/^no credentials: .*BigInt/)]))
})

it('counts bad frames, reports some of them, and goes on', async () => {
  const { server, reports, events } = await start({ socket: { limit: 1_000 } })
  await up(reports)
  const deep = (levels: number) => `{"event":"deep","metadata":${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}}`
  for (let n = 0; n < 120; n++) server.raw('{"event":')
  server.raw(Buffer.from('{"event":"binary"}'))
  server.raw(JSON.stringify({ event: 'large', metadata: { text: 'x'.repeat(1_000) } }))
  server.raw(deep(64))
  server.raw(deep(65))
  for (const shape of ['null', '7', '"text"', '[]', '{}', '{"event":""}', '{"event":7}']) server.raw(shape)
  server.raw('{"event":"_line:unknown","metadata":{}}')
  server.emit('good', { n: 1 })
  await until(() => expect(events.map(([name]) => name)).toEqual(['deep', 'good']))
  expect(reports).toEqual([
    'up',
    'bad frame: is no JSON, 1',
    'bad frame: is no JSON, 10',
    'bad frame: is no JSON, 100',
    'bad frame: is not text, 1',
    'bad frame: is too large, 1',
    'bad frame: is nested too deep, 1',
    'bad frame: has no event, 1',
  ])
})

const FRAMES = 10_000
const name = fc.oneof(
  fc.string(),
  fc.constantFrom('a', '_line', '_line:auth', '_line:pong', '__proto__', 'constructor'),
)
const frame = fc.record({ event: name, metadata: fc.jsonValue({ maxDepth: 4 }) }, { requiredKeys: [] })
const hostile: fc.Arbitrary<string | Uint8Array> = fc.oneof(
  { weight: 5, arbitrary: frame.map((value) => JSON.stringify(value)) },
  { weight: 2, arbitrary: fc.tuple(frame, fc.nat(200)).map(([value, at]) => JSON.stringify(value).slice(0, at)) },
  { weight: 2, arbitrary: fc.json() },
  { weight: 2, arbitrary: fc.string({ unit: 'binary' }) },
  { weight: 1, arbitrary: fc.uint8Array() },
  { weight: 1, arbitrary: fc.nat(3_000).map((levels) => `{"event":"a","metadata":${'['.repeat(levels)}`) },
  { weight: 1, arbitrary: fc.nat(3_000).map((n) => `{"event":"a","metadata":${'['.repeat(n)}${']'.repeat(n)}}`) },
)

it(`survives ${FRAMES} hostile frames over one connection`, async () => {
  const { server, reports, events } = await start()
  await up(reports)
  const frames = fc.sample(hostile, FRAMES)
  for (const data of frames) server.raw(data)
  server.emit('end', { n: 1 })
  await until(() => expect(events.at(-1)).toEqual(['end', { n: 1 }]))
  expect(server.tokens).toHaveLength(1)
  expect(reports.filter((said) => !said.startsWith('bad frame'))).toEqual(['up'])
  expect(events.length).toBeGreaterThan(FRAMES / 20)
  for (const [event] of events) expect(event === '_line' || !/^$|^_line:/.test(event)).toBe(true)
}, 60_000)

it('reading a frame never throws, and gives either a frame or a reason', () => {
  const reasons: readonly BadFrame[] = [
    'is not text',
    'is too large',
    'is no JSON',
    'has no event',
    'is nested too deep',
  ]
  fc.assert(
    fc.property(fc.oneof(hostile, fc.anything()), fc.nat(500), (data, limit) => {
      const read = readFrame(data, limit)
      if (typeof read === 'string') return reasons.includes(read)
      const { event, metadata }: Frame = read
      return typeof data === 'string' && data.length <= limit && event !== '' && metadata !== null
    }),
    { numRuns: FRAMES },
  )
})
