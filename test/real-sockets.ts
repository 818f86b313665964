import { createServer } from 'node:http'
import type { AddressInfo, Socket as NetSocket } from 'node:net'
import { Server } from 'socket.io'
import { WebSocket, WebSocketServer } from 'ws'
import { commonEnvironment } from '../src/platform/environment.js'
import type { ContractRefusal, ContractServer } from '../src/testing/contract-bench.js'
import type { OpenTransport, Transport, TransportHandlers } from '../src/transport/transport.js'
import { webSocketTransport } from '../src/transport/websocket.js'
import type { Settings } from '../src/wire/protocol.js'

/** A real server at the other end of a transport, as its contract needs it. */
export interface Far extends ContractServer {
  readonly tokens: unknown[]
  readonly said: [name: string, metadata: unknown][]
  freeze(): void
}

export type Refusal = ContractRefusal

/** Refuses, or lets in. */
export type Accept = (token: unknown) => Refusal | undefined

interface HalfOpen {
  readonly transport: { readonly socket: { readonly _socket: NetSocket } }
}

/** As the contract of transports asks of a server. */
export function acknowledgementOf(event: string, data: unknown): { readonly data: unknown } | undefined {
  if (event === 'deny') return { data: { ok: false, message: 'denied' } }
  return event === 'echo' ? { data } : undefined
}

export async function serveSocketIo(port: number, accept: Accept): Promise<Far> {
  const http = createServer()
  const io = new Server(http, { transports: ['websocket'] })
  const tokens: unknown[] = []
  io.use((socket, next) => {
    tokens.push(socket.handshake.auth['token'])
    const refusal = accept(tokens.at(-1))
    next(refusal && Object.assign(new Error(refusal.reason), { data: refusal }))
  })
  const said: Far['said'] = []
  io.on('connection', (socket) => {
    socket.onAny((name: string, metadata: unknown, acknowledge?: (answer: unknown) => void) => {
      if (name === '_line:auth') return
      said.push([name, metadata])
      const answer = acknowledgementOf(name, metadata)
      if (answer) acknowledge?.(answer.data)
    })
    socket.on('_line:auth', ({ token }: { token: unknown }, answer: (given: object) => void) =>
      answer({ ok: accept(token) === undefined, ...accept(token) }),
    )
  })
  await new Promise<void>((resolve) => http.listen(port, '127.0.0.1', resolve))
  const conns = () => Object.values((io.engine as unknown as { clients: Record<string, HalfOpen> }).clients)
  return {
    port: (http.address() as AddressInfo).port,
    tokens,
    said,
    count: () => io.of('/').sockets.size,
    emit: (name, ...metadata) => void io.emit(name, ...metadata),
    drop: () => {
      for (const { transport } of conns()) transport.socket._socket.destroy()
    },
    freeze: () => {
      for (const { transport } of conns()) transport.socket._socket.pause()
    },
    async close() {
      for (const { transport } of conns()) transport.socket._socket.resume()
      await io.close()
    },
  }
}

/** As docs/protocol.md asks of a server, and nothing more. */
export async function serveWebSocket(
  port: number,
  accept: Accept,
): Promise<Far & { raw(data: string | Uint8Array): void; end(code: number, reason?: string): void }> {
  const server = new WebSocketServer({ port, host: '127.0.0.1' })
  const tokens: unknown[] = []
  const said: Far['said'] = []
  const ready = new Set<WebSocket>()
  server.on('connection', (socket) => {
    const say = (event: string, metadata?: object) => socket.send(JSON.stringify({ event, metadata }))
    socket.on('message', (data) => {
      const { event, metadata, request } = JSON.parse(String(data))
      if (event === '_line:ping') return say('_line:pong')
      if (event !== '_line:auth') {
        said.push([event, metadata])
        const answer = request === undefined ? undefined : acknowledgementOf(event, metadata)
        if (answer) say('_line:answer', { request, ...answer })
        return
      }
      tokens.push(metadata.token)
      const refusal = accept(metadata.token)
      if (refusal === undefined) {
        ready.add(socket)
        say('_line', { ok: true })
      } else if (ready.has(socket) || refusal.code) say('_line', { ok: false, message: refusal.reason, ...refusal })
      else socket.close(refusal.final ? 4403 : 4401, refusal.reason)
    })
    socket.on('close', () => ready.delete(socket))
    socket.on('error', () => undefined)
  })
  await new Promise((resolve) => server.once('listening', resolve))
  const raw = (data: string | Uint8Array) => {
    for (const socket of ready) socket.send(data)
  }
  return {
    port: (server.address() as AddressInfo).port,
    tokens,
    said,
    count: () => ready.size,
    emit: (event, metadata) => raw(JSON.stringify({ event, metadata })),
    raw,
    end: (code, reason) => {
      for (const socket of server.clients) socket.close(code, reason)
    },
    drop: () => {
      for (const socket of server.clients) socket.terminate()
    },
    freeze: () => {
      for (const socket of ready) socket.pause()
    },
    close: () =>
      new Promise<void>((resolve) => {
        for (const socket of server.clients) socket.terminate()
        server.close(() => resolve())
      }),
  }
}

const { timers } = commonEnvironment()

/** Node 20 has no WebSocket of its own. With `haste`, its timers run so many times as fast. */
export const openWebSocket = (haste = 1): OpenTransport =>
  webSocketTransport({
    timers: { after: (ms, run) => timers.after(ms / haste, run) },
    openWebSocket: (url) => new WebSocket(url) as never,
  })

export interface Near {
  readonly transport: Transport
  readonly reports: string[]
  readonly events: [name: string, metadata: unknown, reserved?: unknown][]
}

/** This end, connected or on its way. */
export function connectTransport(
  open: OpenTransport,
  port: number,
  auth: () => Promise<Readonly<Record<string, unknown>> | undefined> = async () => undefined,
  socket: object = {},
  envelope?: Settings['envelope'],
): Near {
  const reports: string[] = []
  const events: Near['events'] = []
  const handlers: TransportHandlers = {
    auth,
    onUp: (recovered) => reports.push(recovered ? 'up, recovered' : 'up'),
    onDown: (reason) => reports.push(`down: ${reason}`),
    onAttemptFailed: (reason) => reports.push(`failed: ${reason}`),
    onRefused: ({ reason, final, isWrongIdentity }) =>
      reports.push(`refused${final ? ' for good' : ''}${isWrongIdentity ? ' as somebody else' : ''}: ${reason}`),
    onNoCredentials: (reason) => reports.push(`no credentials: ${reason}`),
    onEvent: (...event) => events.push(event),
    onAlive: () => undefined,
    onPing: () => undefined,
    onRetryAfter: (ms) => reports.push(`retry after ${ms}`),
    onBadFrame: (what) => reports.push(`bad frame: ${what}`),
  }
  const settings: Settings = {
    url: `http://127.0.0.1:${port}/`,
    identity: 'u1',
    socket: { reconnectionDelay: 20, reconnectionDelayMax: 40, ...socket },
    envelope,
    lingerMs: 0,
    authTimeoutMs: 1_000,
  }
  const transport = open(settings, handlers)
  transport.connect()
  return { transport, reports, events }
}
