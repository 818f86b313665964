import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server, type Socket } from 'socket.io'
import { Manager } from 'socket.io-client'
import { afterEach, describe, expect, it } from 'vitest'
import { until } from '../../test/until.js'
import type { Settings } from '../wire/protocol.js'
import { openSocketIo } from './socket-io.js'
import type { Transport, TransportHandlers } from './transport.js'

// Against a real Socket.IO server.

interface HalfOpen {
  readonly transport: { readonly socket: { readonly _socket: { pause(): void; resume(): void } } }
}

/** The engines of the clients, the newest last. */
const engines: unknown[] = []
const { open } = Manager.prototype
Manager.prototype.open = function (...given) {
  const opened = open.apply(this, given)
  engines.push(this.engine)
  return opened
}

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function serve({
  port = 0,
  recovery = false,
  ping = {},
  accept = (_token: unknown): string | undefined => undefined,
} = {}) {
  const http: HttpServer = createServer()
  const io = new Server(http, {
    transports: ['websocket'],
    ...ping,
    ...(recovery && { connectionStateRecovery: { maxDisconnectionDuration: 60_000, skipMiddlewares: false } }),
  })
  const sockets: Socket[] = []
  const tokens: unknown[] = []
  io.use((socket, next) => {
    const token: unknown = socket.handshake.auth['token']
    tokens.push(token)
    const refusal = accept(token)
    next(refusal === undefined ? undefined : new Error(refusal))
  })
  io.on('connection', (socket) => void sockets.push(socket))
  await new Promise<void>((resolve) => http.listen(port, '127.0.0.1', resolve))
  const close = () => new Promise<void>((resolve) => void io.close(() => resolve()))
  closing.push(close)
  return { io, sockets, tokens, close, port: (http.address() as AddressInfo).port }
}

function connect(
  port: number,
  { auth = async (): Promise<Record<string, unknown> | undefined> => undefined, socket = {} } = {},
) {
  const reports: string[] = []
  const events: [string, unknown][] = []
  const handlers: TransportHandlers = {
    auth,
    onUp: (recovered) => reports.push(recovered ? 'up, recovered' : 'up'),
    onDown: (reason) => reports.push(`down: ${reason}`),
    onAttemptFailed: (reason) => reports.push(`failed: ${reason}`),
    onRefused: ({ reason }) => reports.push(`refused: ${reason}`),
    onNoCredentials: (reason) => reports.push(`no credentials: ${reason}`),
    onEvent: (name, metadata) => events.push([name, metadata]),
    onAlive: () => undefined,
    onPing: () => undefined,
    onRetryAfter: () => undefined,
    onBadFrame: (what) => reports.push(what),
  }
  const settings: Settings = {
    url: `http://127.0.0.1:${port}`,
    identity: 'u1',
    socket: { reconnectionDelay: 20, reconnectionDelayMax: 40, ...socket },
    lingerMs: 0,
    authTimeoutMs: 1_000,
  }
  const transport: Transport = openSocketIo(settings, handlers)
  closing.push(transport.close)
  transport.connect()
  return { transport, reports, events }
}

describe('Socket.IO transport', () => {
  it('connects with the credentials it was given, and hands on events', async () => {
    const server = await serve()
    const { reports, events } = connect(server.port, { auth: async () => ({ token: 'secret' }) })
    await until(() => expect(reports).toEqual(['up']))
    expect(server.tokens).toEqual(['secret'])
    server.io.emit('changed', { id: 1 })
    server.io.emit('bare')
    server.io.emit('bare id', 'text')
    server.io.emit('list', [1])
    server.io.emit('several', 'text', { n: 1 }, null)
    server.io.emit('bytes', Buffer.from('x'))
    server.sockets[0]?.emit('answered', 'text', () => undefined)
    server.sockets[0]?.emit('only answered', () => undefined)
    await until(() =>
      expect(events).toEqual([
        ['changed', { id: 1 }],
        ['bare', {}],
        ['bare id', { value: 'text' }],
        ['list', { value: [1] }],
        ['several', { args: ['text', { n: 1 }, null] }],
        ['bytes', null],
        ['answered', { value: 'text' }],
        ['only answered', {}],
      ]),
    )
  })

  it('sends nothing over a later connection that Socket.IO has kept of a former one', async () => {
    const server = await serve()
    const said: unknown[] = []
    server.io.on('connection', (socket) => void socket.onAny((...event) => said.push(event)))
    const { transport, reports } = connect(server.port, { socket: { retries: 3, ackTimeout: 50 } })
    await until(() => expect(reports).toEqual(['up']))
    await transport.ask?.('unheard', { n: 1 }, 300).catch(() => undefined)
    expect(said).toEqual([['unheard', { n: 1 }, expect.any(Function)]])

    // As after a sleep: Socket.IO takes the connection for dead, and would send what it is given over the next one.
    const engine = engines.at(-1) as { _hasPingExpired(): boolean }
    engine._hasPingExpired = () => true
    void transport.ask?.('kept', { n: 2 }, 5_000).catch(() => undefined)
    transport.send?.('_line:join', { topics: [], request: 1 })
    transport.reconnect()
    await until(() => expect(reports).toEqual(['up', 'up']))
    expect(await Promise.race([transport.ask?.('unheard', { n: 3 }, 300).catch(() => 'no answer')])).toBe('no answer')
    expect(said.slice(1)).toEqual([['unheard', { n: 3 }, expect.any(Function)]])
  })

  it('is not given up while something comes: the ping waits behind it', async () => {
    const server = await serve({ ping: { pingInterval: 3_000, pingTimeout: 1_000 } })
    const { reports, events } = connect(server.port)
    await until(() => expect(reports).toEqual(['up']))
    // A server whose pings do not get through. It would close the connection itself, as no pong comes.
    const conn = server.sockets[0]?.conn as unknown as { pingIntervalTimer: NodeJS.Timeout }
    clearTimeout(conn.pingIntervalTimer)
    for (let time = 0; time < 12; time++) {
      server.io.emit('changed', { time })
      await new Promise((resolve) => setTimeout(resolve, 400))
    }
    expect(events).toHaveLength(12)
    expect(reports).toEqual(['up'])
    await until(() => expect(reports).toContain('down: ping timeout'))
  })

  it('asks for credentials at every attempt', async () => {
    const server = await serve()
    let asked = 0
    const { reports, transport } = connect(server.port, { auth: async () => ({ token: `t${++asked}` }) })
    await until(() => expect(reports).toEqual(['up']))
    server.sockets[0]?.conn.close()
    await until(() => expect(reports).toHaveLength(2))
    transport.connect()
    await until(() => expect(reports).toEqual(['up', 'down: transport close', 'up']))
    expect(server.tokens).toEqual(['t1', 't2'])
  })

  it('reports a refusal with its reason, and waits', async () => {
    const server = await serve({ accept: (token) => (token === 'fresh' ? undefined : 'token expired') })
    let token = 'stale'
    const { reports, transport } = connect(server.port, { auth: async () => ({ token }) })
    await until(() => expect(reports).toEqual(['refused: token expired']))
    token = 'fresh'
    transport.connect()
    await until(() => expect(reports).toEqual(['refused: token expired', 'up']))
    expect(server.tokens).toEqual(['stale', 'fresh'])
  })

  it('reports when the server closes on purpose, and waits', async () => {
    const server = await serve()
    const { reports, transport } = connect(server.port)
    await until(() => expect(reports).toEqual(['up']))
    server.sockets[0]?.disconnect(true)
    await until(() => expect(reports).toEqual(['up', 'refused: the server closed the connection']))
    transport.connect()
    await until(() => expect(reports.at(-1)).toBe('up'))
  })

  it('without credentials gives the attempt up, and does not send a late answer', async () => {
    const server = await serve()
    const answers: ((value: Record<string, unknown>) => void)[] = []
    let fail = true
    const auth = () =>
      fail
        ? Promise.reject(new Error('no tab is left'))
        : new Promise<Record<string, unknown>>((resolve) => void answers.push(resolve))
    const { reports, transport } = connect(server.port, { auth })
    await until(() => expect(reports).toEqual(['no credentials: no tab is left']))
    fail = false
    transport.connect()
    await until(() => expect(answers).toHaveLength(1))
    transport.reconnect()
    await until(() => expect(answers).toHaveLength(2))
    answers[0]?.({ token: 'late' })
    answers[1]?.({ token: 'right' })
    await until(() => expect(reports.at(-1)).toBe('up'))
    expect(server.tokens).toEqual(['right'])
    expect(server.sockets).toHaveLength(1)
  })

  it('with recovery hands on what was missed before it is up, and strips the offset of a bare event', async () => {
    const server = await serve({ recovery: true })
    const { reports, events, transport } = connect(server.port)
    await until(() => expect(reports).toEqual(['up']))
    server.io.emit('first')
    await until(() => expect(events).toEqual([['first', {}]]))
    server.sockets[0]?.conn.close()
    server.io.emit('missed', { n: 1 })
    await until(() => expect(reports.at(-1)).toBe('down: transport close'))
    transport.connect()
    await until(() => expect(reports.at(-1)).toBe('up, recovered'))
    expect(events).toEqual([
      ['first', {}],
      ['missed', { n: 1 }],
    ])
  })

  it('takes the offset of a session that can be recovered for no argument', async () => {
    const server = await serve({ recovery: true })
    const { reports, events } = connect(server.port)
    await until(() => expect(reports).toEqual(['up']))
    server.io.emit('none')
    server.io.emit('bare id', 'text')
    server.io.emit('several', 'text', 'more')
    server.io.emit('object', { n: 1 })
    server.sockets[0]?.emit('answered', 'text', 'more', () => undefined)
    await until(() =>
      expect(events).toEqual([
        ['none', {}],
        ['bare id', { value: 'text' }],
        ['several', { args: ['text', 'more'] }],
        ['object', { n: 1 }],
        ['answered', { args: ['text', 'more'] }],
      ]),
    )
    // Has no offset, and is dropped while anything else is being written.
    server.io.volatile.emit('volatile', ['a', 'b'])
    await until(() => expect(events.at(-1)).toEqual(['volatile', { value: ['a', 'b'] }]))
  })

  it('reconnects at once, and so that the server can still recover the session', async () => {
    const server = await serve({ recovery: true })
    const { reports, events, transport } = connect(server.port)
    await until(() => expect(reports).toEqual(['up']))
    server.io.emit('first')
    await until(() => expect(events).toHaveLength(1))
    transport.reconnect()
    server.io.emit('missed', { n: 1 })
    await until(() => expect(reports).toEqual(['up', 'up, recovered']))
    await until(() => expect(events.at(-1)).toEqual(['missed', { n: 1 }]))
    // And again: nothing of the first time is left behind.
    transport.reconnect()
    await until(() => expect(reports).toHaveLength(3))
    server.sockets.at(-1)?.conn.close()
    await until(() => expect(reports.at(-1)).toBe('down: transport close'))
    transport.reconnect()
    await until(() => expect(reports.at(-1)).toContain('up'))
    expect(events).toHaveLength(2)
  })

  it('drops a connection so that it can be recovered, or so that nothing of its session is', async () => {
    const server = await serve({ recovery: true })
    const { reports, events, transport } = connect(server.port)
    for (const [session, report] of [
      ['keep', 'up, recovered'],
      ['end', 'up'],
    ] as const) {
      transport.connect()
      await until(() => expect(reports.at(-1)).toBe('up'))
      server.io.emit('first')
      await until(() => expect(events.at(-1)).toEqual(['first', {}]))
      transport.disconnect(session)
      await until(() => expect(server.io.sockets.sockets.size).toBe(0))
      server.io.emit('missed', { n: 1 })
      transport.connect()
      await until(() => expect(reports.at(-1)).toBe(report))
      expect(events.at(-1)?.[0]).toBe(session === 'keep' ? 'missed' : 'first')
      transport.disconnect('end')
    }
  })

  it.each(['connect', 'disconnect', 'connect_error'])(
    'a server’s event named %s is a lost connection',
    async (name) => {
      const server = await serve()
      const { reports, events, transport } = connect(server.port)
      await until(() => expect(reports).toEqual(['up']))
      // A server of another kind may send it; this one forbids it.
      const packet = { type: 2, nsp: '/', data: [name, { n: 1 }] }
      ;(server.sockets[0] as unknown as { packet(packet: object): void }).packet(packet)
      await until(() => expect(reports).toEqual(['up', 'down: parse error']))
      transport.connect()
      await until(() => expect(reports).toEqual(['up', 'down: parse error', 'up']))
      server.io.emit('error', { n: 1 })
      await until(() => expect(events).toEqual([['error', { n: 1 }]]))
    },
  )

  it('a probe is answered by any server, and never sees the credentials', async () => {
    const server = await serve()
    const { transport, reports } = connect(server.port, { auth: async () => ({ token: 'secret' }) })
    await until(() => expect(reports).toEqual(['up']))
    await transport.probe?.()
    server.io.of(/.*/).use((socket, next) => {
      server.tokens.push(socket.handshake.auth['token'])
      next()
    })
    await transport.probe?.()
    await until(() => expect(server.io.of('/_line').sockets.size).toBe(0))
    await transport.probe?.()
    await until(() => expect(server.io.of('/_line').sockets.size).toBe(0))
    expect(server.tokens).toEqual(['secret', undefined, undefined])
    expect(reports).toEqual(['up'])
    expect(server.io.engine.clientsCount).toBe(1)
  })

  it('a probe over a dead connection is never answered, and is forgotten by a reconnect', async () => {
    const server = await serve()
    const { transport, reports } = connect(server.port)
    await until(() => expect(reports).toEqual(['up']))
    // The server hears nothing more: half-open.
    const { clients } = server.io.engine as unknown as { clients: Record<string, HalfOpen> }
    const [dead] = Object.values(clients)
    dead?.transport.socket._socket.pause()
    let answered = false
    void transport.probe?.().then(() => {
      answered = true
    })
    transport.reconnect()
    await until(() => expect(reports).toEqual(['up', 'up']))
    expect(answered).toBe(false)
    await transport.probe?.()
    dead?.transport.socket._socket.resume()
  })

  it('offers renewed credentials over the present connection', async () => {
    const server = await serve()
    const { transport, reports } = connect(server.port)
    await until(() => expect(reports).toEqual(['up']))
    server.sockets[0]?.on('_line:auth', ({ token }: { token: string }, answer: (given: object) => void) =>
      answer({ ok: token === 'good' }),
    )
    expect(await transport.renew?.({ token: 'good' })).toBe('accepted')
    expect(await transport.renew?.({ token: 'bad' })).toBe('refused')
  })

  it('reports nothing after close', async () => {
    const server = await serve()
    const { reports, events, transport } = connect(server.port)
    await until(() => expect(reports).toEqual(['up']))
    transport.close()
    server.io.emit('late')
    await until(() => expect(server.sockets[0]?.connected).toBe(false))
    expect(events).toEqual([])
    expect(reports).toEqual(['up'])
  })
})
