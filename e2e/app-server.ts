import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Server, type Socket } from 'socket.io'
import { build } from 'vite'
import {
  createEventStream,
  createNotifier,
  createSessions,
  type EventStream,
  type Notifier,
} from '../src/server/index.js'

/** Bundles the small app as a user would. `partyline` resolves to this package's own `dist`, by its exports. */
export async function buildApp(): Promise<{ readonly folder: string; remove(): void }> {
  const folder = mkdtempSync(join(tmpdir(), 'partyline-app-'))
  await build({
    configFile: false,
    root: fileURLToPath(new URL('./app', import.meta.url)),
    // Its warnings are about others' code: `import.meta` in the worker's bundle, React Query's "use client".
    logLevel: 'error',
    build: { outDir: folder, emptyOutDir: true },
  })
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

export interface Handshake {
  readonly path: string
  readonly token: unknown
}

/** A server that fails on command, and says what it was asked. A token is `<user>` or `<user>.<anything>`. */
export interface AppServer {
  readonly url: string
  readonly notify: Notifier<{ told: { to: string }; changed: Record<string, never> }>
  /** Server-Sent Events at `/events`, with a notifier of their own. */
  readonly stream: EventStream
  readonly notifyStream: Notifier<{ told: { to: string }; changed: Record<string, never> }>
  /** The streams at `/own`, where events are frames without a name, and nothing of Partyline is known. */
  readonly own: ReadonlySet<ServerResponse>
  /** In the order in which they came, admitted or not. */
  readonly handshakes: readonly Handshake[]
  /** How many of them were refused. */
  readonly refusals: number
  /** The open sockets, by their user. */
  users(): string[]
  /** What `/data` answers with. */
  value: string
  /** Gives the reason of a refusal, by a middleware that can say no more about it than whether it is final. */
  refuse: (token: string) => string | { readonly reason: string; readonly final: true } | undefined
  /** Admitting a socket takes this long. */
  admitMs: number
  /** A socket that was admitted is dropped after this long. */
  dropAfterMs: number | undefined
  /** Answers a request for a file in its place; undefined for the file. */
  instead: (path: string) => { readonly status: number; readonly html?: string } | undefined
  /** Sends whatever a server may send to everybody, as it is. */
  emit(name: string, ...args: unknown[]): void
  /** How many sockets have a request that waits: those of long polling. */
  waitingPolls(): number
  /** Drops every connection, without a word. */
  cut(): void
  close(): Promise<void>
}

interface AppServerOptions {
  readonly folder: string
  /** A Socket.IO server at each. */
  readonly paths?: readonly string[]
  /** False: no `createSessions`; a server of the app's own, which says whom it let in and compares nothing. */
  readonly compares?: boolean
  /** True: as behind a proxy that lets no WebSocket through. */
  readonly isWebSocketBlocked?: boolean
  /** Socket.IO's. In milliseconds. */
  readonly pingInterval?: number
}

const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript' }
export const ROOM = 'room'

const tokenOf = (socket: Socket): string => String(socket.handshake.auth['token'] ?? '')
const userOf = (token: string): string => token.split('.')[0] ?? ''

const errorOf = (refusal: string | { readonly reason: string; readonly final: true }): Error =>
  typeof refusal === 'string'
    ? new Error(refusal)
    : Object.assign(new Error(refusal.reason), { data: { final: refusal.final } })

export async function startAppServer(options: AppServerOptions): Promise<AppServer> {
  const {
    folder,
    paths = ['/socket.io/'],
    compares = true,
    isWebSocketBlocked = false,
    pingInterval = 25_000,
  } = options
  const handshakes: Handshake[] = []
  const http = createServer((request, response) => answer(request, response))
  const transports: ('polling' | 'websocket')[] = isWebSocketBlocked ? ['polling'] : ['polling', 'websocket']
  const servers = paths.map(
    (path) => new Server(http, { path, serveClient: false, destroyUpgrade: false, transports, pingInterval }),
  )
  const sockets = () => servers.flatMap((io) => [...io.sockets.sockets.values()])
  const notify = createNotifier<{ told: { to: string }; changed: Record<string, never> }>(servers[0] as Server)

  const stream = createEventStream()
  createSessions(stream, {
    authenticate: ({ token }) => (token === undefined ? 'no token' : { userId: userOf(String(token)) }),
    topics: { authorize: (_session, topic) => topic === ROOM },
  })

  const server = {
    url: '',
    notify,
    stream,
    own: new Set<ServerResponse>(),
    notifyStream: createNotifier<{ told: { to: string }; changed: Record<string, never> }>(stream),
    handshakes,
    refusals: 0,
    users: () =>
      sockets()
        .map((socket) => userOf(tokenOf(socket)))
        .sort(),
    value: 'first',
    refuse: (_token: string): ReturnType<AppServer['refuse']> => undefined,
    admitMs: 0,
    dropAfterMs: undefined as number | undefined,
    instead: (_path: string): { status: number; html?: string } | undefined => undefined,
    emit(name: string, ...args: unknown[]) {
      for (const io of servers) io.emit(name, ...args)
    },
    waitingPolls: () => sockets().filter(({ conn }) => conn.transport.writable).length,
    cut() {
      for (const socket of sockets()) socket.conn.close()
    },
    async close() {
      for (const io of servers) await io.close()
      http.closeAllConnections()
    },
  }

  servers.forEach((io, index) => {
    io.use((socket, next) => {
      const token = tokenOf(socket)
      handshakes.push({ path: paths[index] ?? '', token })
      const refusal = server.refuse(token)
      if (refusal !== undefined) server.refusals++
      setTimeout(() => next(refusal === undefined ? undefined : errorOf(refusal)), server.admitMs)
    })
    if (compares)
      createSessions(io, {
        authenticate: ({ token }) => ({ userId: userOf(String(token)) }),
        topics: { authorize: (_session, topic) => topic === ROOM },
      })
    io.on('connection', (socket) => {
      if (!compares) {
        const identity = userOf(tokenOf(socket))
        socket.emit('_line', { identity })
        void socket.join(`user_${identity}`)
      }
      if (server.dropAfterMs !== undefined) setTimeout(() => socket.conn.close(), server.dropAfterMs)
    })
  })

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://app')
    // A frame without an origin of its own has to read its scripts, too.
    response.setHeader('access-control-allow-origin', '*')
    const send = (type: string, text: string) =>
      response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' }).end(text)
    const json = () => send('application/json', JSON.stringify({ value: server.value }))
    if (pathname === '/events') return void stream.handle(request, response)
    if (pathname === '/own') {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(':\n\n')
      server.own.add(response)
      response.on('close', () => server.own.delete(response))
      return
    }
    // The recipe that everybody writes: an EventSource in every tab.
    if (pathname === '/naive') {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: hello\n\n')
      return
    }
    if (pathname === '/empty') return void send('text/html', '<!doctype html><title>Nothing here</title>')
    if (pathname === '/data') return void json()
    if (pathname === '/token')
      return void send('text/plain', /user=(\w+)/.exec(request.headers.cookie ?? '')?.[1] ?? '')
    if (pathname === '/write') {
      server.value = searchParams.get('value') ?? ''
      notify.from(request).topic(ROOM, 'changed')
      return void json()
    }
    sendFile(pathname === '/' ? '/index.html' : pathname, response)
  }

  function sendFile(path: string, response: ServerResponse): void {
    const instead = server.instead(path)
    const file = join(folder, normalize(path))
    if (instead || !existsSync(file)) {
      const { status = 404, html = '' } = instead ?? {}
      response.writeHead(status, { 'content-type': 'text/html', 'cache-control': 'no-store' }).end(html)
      return
    }
    // Not cached, so that a page has only what it has loaded itself.
    response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? '', 'cache-control': 'no-store' })
    response.end(readFileSync(file))
  }

  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  return Object.assign(server, { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}` })
}
