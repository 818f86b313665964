import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { describe, expect, it, vi } from 'vitest'
import { afterwards, listen, until } from '../../test/real-server.js'
import { connectTransport } from '../../test/real-sockets.js'
import { openSse } from '../../test/real-sse.js'
import { openSocketIo } from '../transport/socket-io.js'
import type { OpenTransport } from '../transport/transport.js'
import {
  type AnyEvents,
  createEventStream,
  createNotifier,
  createSessions,
  type Notifier,
  type SessionsOptions,
} from './index.js'
import { limitSends, type SendingSocket } from './send-limit.js'

// Clients that send more than any honest one does, and an honest one beside them.

const LIMIT = 1_000
const TOO_MANY = { ok: false, code: 'too-many' }

/** What the flooder has seen (test/flooder.mjs). */
interface Heard {
  readonly sent: number
  readonly taken: number
  readonly tooMany: number
  /** How often it was told why it is disconnected. */
  readonly told: number
  readonly statuses: Readonly<Record<string, number>>
}

type Options = Pick<SessionsOptions<never, never>, 'maxSendsPerSecond'>

interface Served {
  readonly url: string
  readonly port: number
  readonly open: OpenTransport
  readonly codes: string[]
  /** By which user's client a listener of the app was called, and how often. */
  readonly calls: Map<string, number>
  readonly clients: () => number
  readonly notify: Notifier<AnyEvents>
}

function setUp(io: Parameters<typeof createSessions>[0] & Parameters<typeof createNotifier>[0], options: Options) {
  const codes: string[] = []
  const calls: Served['calls'] = new Map()
  createSessions(io, {
    ...options,
    authenticate: ({ token }) => (token === 'ann' || token === 'bob' ? { userId: token } : 'token unknown'),
    topics: { authorize: () => true },
    onError: ({ code }) => void codes.push(code),
  })
  io.on('connection', (socket) => {
    const user = String(socket.handshake.auth['token'])
    socket.on('chat:say', (_data, acknowledge) => {
      calls.set(user, (calls.get(user) ?? 0) + 1)
      if (typeof acknowledge === 'function') acknowledge({ ok: true })
    })
  })
  return { codes, calls, notify: createNotifier(io) }
}

async function serveSocketIo(options: Options = {}): Promise<Served> {
  const { io, url } = await listen()
  return {
    url,
    port: Number(new URL(url).port),
    open: openSocketIo,
    clients: () => io.of('/').sockets.size,
    ...setUp(io, options),
  }
}

async function serveStream(options: Options = {}): Promise<Served> {
  const stream = createEventStream()
  const http = createServer((request, response) => stream.handle(request, response))
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  afterwards(() => http.close())
  afterwards(() => http.closeAllConnections())
  const { port } = http.address() as AddressInfo
  const url = `http://127.0.0.1:${port}/`
  return { url, port, open: openSse(), clients: () => stream.sockets.size, ...setUp(stream, options) }
}

const WIRES = [
  ['socket.io', serveSocketIo],
  ['sse', serveStream],
] as const

async function connect({ open, port }: Served, token: string) {
  const near = connectTransport(open, port, async () => ({ token }))
  afterwards(near.transport.close)
  await until(() => expect(near.reports).toEqual(['up']))
  const ask = (event = 'chat:say', data: object = {}) => near.transport.ask?.(event, data, 10_000)
  return { ...near, ask }
}

async function flood(given: object): Promise<Heard> {
  const worker = new Worker(new URL('../../test/flooder.mjs', import.meta.url), { workerData: given })
  afterwards(() => worker.terminate())
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

describe.each(WIRES)('over %s', (wire, serve) => {
  it('a browser that sends the most that line.send lets it meets no limit', async () => {
    const served = await serve()
    const ann = await connect(served, 'ann')
    const answers = await Promise.all(Array.from({ length: 500 }, () => ann.ask()))
    expect(answers.every((answer) => (answer as { ok: boolean }).ok)).toBe(true)
    expect([ann.reports, served.codes]).toEqual([['up'], []])
  })

  it('beyond the limit, a coded answer says so, no listener is called, and the next second is another one', async () => {
    const served = await serve({ maxSendsPerSecond: 5 })
    const ann = await connect(served, 'ann')
    const clock = vi.spyOn(performance, 'now').mockReturnValue(5_000)
    afterwards(() => clock.mockRestore())
    const answers = await Promise.all(Array.from({ length: 8 }, () => ann.ask()))
    expect(answers).toEqual([...Array(5).fill({ ok: true }), ...Array(3).fill(expect.objectContaining(TOO_MANY))])
    // Alone in its request, which is refused as a whole over SSE.
    expect(await ann.ask()).toMatchObject(TOO_MANY)
    expect(served.calls.get('ann')).toBe(5)
    clock.mockReturnValue(6_000)
    expect(await ann.ask()).toEqual({ ok: true })
    expect([ann.reports, served.codes]).toEqual([['up'], []])
  })

  it('topics that are joined and left count by their number, and never against what tabs send', async () => {
    const served = await serve({ maxSendsPerSecond: 5 })
    const ann = await connect(served, 'ann')
    const topics = (from: number) => Array.from({ length: 400 }, (_, nth) => `t${from + nth}`)
    ann.transport.send?.('_line:join', { topics: topics(0), request: 1 })
    const joined = () => ann.events.filter(([, said]) => Object(said).ok === true && 'topic' in Object(said))
    await until(() => expect(joined()).toHaveLength(400))
    expect(await ann.ask()).toEqual({ ok: true })
    for (let nth = 0; nth < 40; nth++) ann.transport.send?.('_line:join', { topics: topics(0), request: 2 })
    await until(() => expect(served.codes).toEqual(['too-many-sends']))
    await until(() => expect(ann.reports[1]).toMatch(/^refused/))
    // Two thousand answers at most, of 16,000 names.
    expect(joined().length).toBeLessThanOrEqual(2_400)
  })

  it.each([
    ['reads the answers', false],
    ['reads nothing', true],
  ])(
    'a flood of sends by a client that %s: it is told and disconnected, and who is beside it is served',
    async (_, isDeaf) => {
      const faults: unknown[] = []
      const add = (thrown: unknown) => void faults.push(thrown)
      process.on('unhandledRejection', add).on('uncaughtException', add)
      afterwards(() => process.off('unhandledRejection', add).off('uncaughtException', add))
      const served = await serve()
      const ann = await connect(served, 'ann')
      const lives = 3
      let heard: Heard | undefined
      const began = performance.now()
      const flooding = flood({ wire, url: served.url, lives, perLife: 100_000, isDeaf }).then((it) => {
        heard = it
      })
      const waits: number[] = []
      while (!heard) {
        const asked = performance.now()
        expect(await ann.ask()).toEqual({ ok: true })
        waits.push(performance.now() - asked)
        // An honest client's pace.
        await sleep(10)
      }
      await flooding
      const seconds = Math.ceil((performance.now() - began) / 1_000) + 1
      const said = JSON.stringify({ heard, seconds, asked: waits.length, worst: Math.max(...waits) })
      // Its listener ran for as much as it may send, in each life and second. The rest cost no call.
      expect(served.calls.get('bob') ?? 0, said).toBeLessThanOrEqual(LIMIT * (lives + seconds))
      expect(served.codes, said).toEqual(Array(lives).fill('too-many-sends'))
      if (wire === 'sse') expect(heard?.statuses['429'], said).toBeGreaterThan(0)
      if (!isDeaf) {
        expect(heard?.told, said).toBe(lives)
        expect(heard?.tooMany, said).toBeGreaterThan(0)
        expect(heard?.taken, said).toBe(served.calls.get('bob'))
      }
      await until(() => expect(served.clients()).toBe(1))
      served.notify.user('ann', 'changed', { n: 1 })
      await until(() => expect(ann.events.at(-1)).toEqual(['changed', { n: 1 }]))
      expect([ann.reports, faults]).toEqual([['up'], []])
    },
    120_000,
  )
})

it('renewals and pings count apart from what tabs send, and a report quotes a short name', () => {
  const clock = vi.spyOn(performance, 'now').mockReturnValue(5_000)
  afterwards(() => clock.mockRestore())
  let middleware: Parameters<SendingSocket['use']>[0] = () => undefined
  const use = (given: typeof middleware) => {
    middleware = given
  }
  const [emit, disconnect, report] = [vi.fn(), vi.fn(), vi.fn()]
  limitSends({ socket: { use, disconnect }, maxSendsPerSecond: 2, topics: { limit: 5 }, emit, report })
  const passes = (event: string) => {
    const next = vi.fn()
    const verdict = middleware([event, {}], next)
    expect(verdict === false).toBe(next.mock.calls.length === 0)
    return verdict !== false
  }
  expect(['say', 'say', 'say'].map(passes)).toEqual([true, true, false])
  for (let time = 0; time < 500; time++) expect([passes('_line:ping'), passes('_line:auth')]).toEqual([true, true])
  expect([passes('_line:ping'), passes('say'), disconnect.mock.calls.length]).toEqual([false, false, 0])
  expect(passes('x'.repeat(100_000))).toBe(false)
  expect(disconnect).toHaveBeenCalledOnce()
  expect(report.mock.calls[0]?.[0].message.length).toBeLessThan(200)
})

it.each([0, -1, Number.NaN, '5', null])('refuses a limit of %s', async (given) => {
  const { io } = await listen()
  const limit = given as number
  const authenticate = () => null
  const refused = expect.objectContaining({ code: 'bad-option' })
  expect(() => createSessions(io, { authenticate, maxSendsPerSecond: limit })).toThrow(refused)
  expect(() => createSessions(io, { authenticate, topics: { limit, authorize: () => true } })).toThrow(refused)
})
