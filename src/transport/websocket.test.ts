import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { drawHostile } from '../../test/hostile.js'
import { afterwards, until } from '../../test/real-server.js'
import { connectTransport, openWebSocket, type Refusal, serveWebSocket } from '../../test/real-sockets.js'
import { type BadFrame, type Frame, readFrame } from './frames.js'
import { webSocketTransport } from './websocket.js'

// What is the plain WebSocket's own; the rest is in transport.contract.test.ts. Against a real server.

async function start({ haste = 1, accept = (): Refusal | undefined => undefined, auth = {}, socket = {} } = {}) {
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

it.each([
  [4401, 'refused'],
  [4403, 'refused for good'],
])('close code %i is a refusal, at whatever time', async (code, refused) => {
  const { server, reports, transport } = await start()
  await up(reports)
  server.end(code, 'signed out elsewhere')
  await until(() => expect(reports).toEqual(['up', `${refused}: signed out elsewhere`]))
  await delay(100)
  expect(server.tokens).toHaveLength(1)
  transport.connect()
  await up(reports)
  server.end(code)
  await until(() => expect(reports.at(-1)).toBe(`${refused}: the server refused the credentials`))
})

it.each([1000, 1001, 1011, 1013, 4000])('close code %i is an accident: the connection is lost', async (code) => {
  const { server, reports } = await start()
  await up(reports)
  server.end(code)
  await until(() => expect(reports).toEqual(['up', `down: the connection was closed (${code})`]))
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
  await until(() => expect(near.reports).toContain('failed: the server did not open the connection'))
})

it('gives up on a server that never answers the credentials', async () => {
  const near = connectTransport(openWebSocket(100), await bare(() => undefined))
  afterwards(near.transport.close)
  await until(() => expect(near.reports).toContain('failed: the server did not answer the credentials'))
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
  await until(() => expect(reports.slice(2)).toEqual(['down: the server did not answer']))
})

it('an address that the policy forbids is a failed attempt', () => {
  const reports: string[] = []
  const transport = webSocketTransport({
    timers: { after: () => () => undefined },
    openWebSocket: () => {
      throw new Error('not allowed by the policy')
    },
  })
  const handlers = { onAttemptFailed: (reason: string) => reports.push(reason) } as never
  const settings = { url: 'https://x', identity: 'u', socket: {}, lingerMs: 0, authTimeoutMs: 1 }
  const { connect, close } = transport(settings, handlers)
  connect()
  connect()
  close()
  connect()
  expect(reports).toEqual(['not allowed by the policy', 'not allowed by the policy'])
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

it('reports every bad frame, and goes on; what has a name is an event, of which nothing else is known', async () => {
  const { server, reports, events } = await start({ socket: { limit: 1_000 } })
  await up(reports)
  const deep = (event: string, levels: number) =>
    `{"event":"${event}","metadata":${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}}`
  for (let n = 0; n < 3; n++) server.raw('{"event":')
  server.raw(Buffer.from('{"event":"binary"}'))
  server.raw(JSON.stringify({ event: 'large', metadata: { text: 'x'.repeat(1_000) } }))
  server.raw(deep('deep', 64))
  server.raw(deep('too deep', 65))
  server.raw(deep('_line', 65))
  for (const shape of ['null', '7', '"text"', '[]', '{}', '{"event":""}', '{"event":7}']) server.raw(shape)
  server.raw('{"event":"_line:unknown","metadata":{}}')
  server.emit('good', { n: 1 })
  await until(() => expect(events.at(-1)).toEqual(['good', { n: 1 }]))
  expect(events.map(([name, metadata]) => [name, metadata === null])).toEqual([
    ['deep', false],
    ['too deep', true],
    ['good', false],
  ])
  expect(reports).toEqual([
    'up',
    ...Array(3).fill('bad frame: is no JSON'),
    'bad frame: is not text',
    'bad frame: is too large',
    'bad frame: is nested too deep',
    ...Array(7).fill('bad frame: has no event'),
  ])
})

it('pings a silent server as often as a proxy on the way needs it', async () => {
  let pings = 0
  const port = await bare((socket) => {
    socket.on('message', (data) => {
      const { event } = JSON.parse(String(data))
      if (event === '_line:ping') pings++
      socket.send(event === '_line:ping' ? '{"event":"_line:pong"}' : '{"event":"_line","metadata":{"ok":true}}')
    })
  })
  const near = connectTransport(openWebSocket(100), port, undefined, { pingAfterMs: 2_000 })
  afterwards(near.transport.close)
  await until(() => expect(pings).toBeGreaterThan(3))
  expect(near.reports).toEqual(['up'])
})

const FRAMES = 10_000
const name = fc.oneof(
  fc.string(),
  fc.constantFrom('a', '_line', '_line:auth', '_line:pong', '__proto__', 'constructor'),
)
const frame = fc
  .record({ event: name, metadata: fc.jsonValue({ maxDepth: 4 }) }, { requiredKeys: [] })
  // An answer to credentials that is not `ok` ends the connection, and rightly so.
  .filter(({ event, metadata }) => event !== '_line' || !Object.hasOwn(Object(metadata), 'ok'))
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
  const frames = drawHostile(hostile, FRAMES)
  for (const data of frames) server.raw(data)
  server.emit('end', { n: 1 })
  await until(() => expect(events.at(-1)).toEqual(['end', { n: 1 }]))
  expect(server.tokens).toHaveLength(1)
  expect(reports.filter((said) => !said.startsWith('bad frame'))).toEqual(['up'])
  expect(events.length).toBeGreaterThan(FRAMES / 20)
  for (const [event] of events) expect(event === '_line' || !/^$|^_line:/.test(event)).toBe(true)
})

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

describe('a server that says nothing of Partyline', () => {
  it('is up once it is open, is sent nothing, and its frames are events', async () => {
    const said: string[] = []
    const port = await bare((socket) => {
      socket.on('message', (data) => said.push(String(data)))
      for (const frame of [
        '{"event":"a","metadata":{"x":1}}',
        '{"event":"_line","metadata":{"ok":false}}',
        '{"event":"b"}',
      ])
        socket.send(frame)
    })
    const near = connectTransport(openWebSocket(100), port, async () => ({ token: 't' }), { handshake: 'none' })
    afterwards(near.transport.close)
    await until(() => expect(near.events).toHaveLength(3))
    expect(near.events).toEqual([
      ['a', { x: 1 }],
      ['_line', { ok: false }],
      ['b', {}],
    ])
    for (const ability of ['probe', 'renew', 'send', 'ask']) expect(near.transport).not.toHaveProperty(ability)
    // A minute, as its timers go.
    await delay(600)
    expect([near.reports, said]).toEqual([['up'], []])
    near.transport.tell?.('typing', { room: 1, _line: { tab: 't' } })
    near.transport.tell?.('list', [1])
    await until(() =>
      expect(said).toEqual(['{"event":"typing","metadata":{"room":1}}', '{"event":"list","metadata":[1]}']),
    )
  })

  it('may send envelopes without an event of ours: each is an event `message`, as a whole', async () => {
    const frames = [
      '{"type":"paid","payload":{"id":7}}',
      '{"type":7}',
      '{"event":"a","metadata":{"type":"gold"}}',
      '{"event":"b","type":"paid"}',
      '{"event":"_line","metadata":{"quietForMs":5}}',
      '{"kind":"paid"}',
      '["paid"]',
      '"paid"',
    ]
    const port = await bare((socket) => {
      for (const frame of frames) socket.send(frame)
    })
    const connectWith = (event: string, on = 'message') => {
      const envelope = { on, event, metadata: undefined }
      const near = connectTransport(openWebSocket(), port, async () => undefined, { handshake: 'none' }, envelope)
      afterwards(near.transport.close)
      return near
    }
    const names = ({ events }: { events: readonly unknown[][] }) => events.map(([name]) => name)
    const byType = connectWith('type')
    await until(() => expect(byType.reports).toHaveLength(4))
    expect(byType.events).toEqual([
      ['message', { type: 'paid', payload: { id: 7 } }],
      ['message', { type: 7 }],
      ['a', { type: 'gold' }],
      ['message', { event: 'b', type: 'paid' }],
      ['_line', { quietForMs: 5 }],
    ])
    expect(byType.reports.slice(1)).toEqual(Array(3).fill('bad frame: has no event'))
    const byEvent = connectWith('event')
    await until(() => expect(byEvent.reports).toHaveLength(6))
    expect(names(byEvent)).toEqual(['message', 'message', '_line'])
    const inList = connectWith('value.0')
    await until(() => expect(inList.reports).toHaveLength(5))
    expect(names(inList)).toEqual(['a', 'b', '_line', 'message'])
    const elsewhere = connectWith('type', 'data')
    await until(() => expect(elsewhere.reports).toHaveLength(6))
    expect(names(elsewhere)).toEqual(['a', 'b', '_line'])
  })

  it('is given up after the silence that the app names, counted from whatever came', async () => {
    const port = await bare((socket) => void setTimeout(() => socket.send('{"event":"a"}'), 150))
    const settings = { handshake: 'none', maxSilenceMs: 30_000 }
    const near = connectTransport(openWebSocket(100), port, async () => undefined, settings)
    afterwards(near.transport.close)
    await until(() => expect(near.reports).toEqual(['up', 'down: the server was silent for too long']))
    expect(near.events).toEqual([['a', {}]])
  })

  it('may refuse by its close code', async () => {
    const port = await bare((socket) => socket.close(4403, 'closed'))
    const near = connectTransport(openWebSocket(), port, async () => undefined, { handshake: 'none' })
    afterwards(near.transport.close)
    await until(() => expect(near.reports.at(-1)).toBe('refused for good: closed'))
  })
})
