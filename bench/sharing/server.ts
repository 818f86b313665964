/** The server of the bench: Socket.IO, plain WebSocket, SSE, a REST endpoint and the pages, in the runner's own process. */
import { createReadStream, existsSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { createEventStream, createNotifier, createSessions } from 'partyline/server'
import { Server, type Socket } from 'socket.io'
import { type WebSocket, WebSocketServer } from 'ws'
import { createClock } from '../site/clock.js'
import type { Change, Tick } from '../site/events.js'

const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript' }
/** Events of a burst that go out before the server turns to its other work. */
const GULP = 50

/** What a tab says once it receives every event, or has received all of a burst. */
export interface Report {
  /** By the bench's clock (ms). */
  readonly at: number
  /** Milliseconds since the page's first script. */
  readonly took: number
}

/** What the tabs of one fleet have reported and requested. */
class Run {
  readonly sockets = new Set<unknown>()
  /** Of the connections that are not Socket.IO's. */
  readonly senders = new Set<(event: 'tick' | 'changed', metadata: Tick | Change) => void>()
  /** Paths of its REST requests since the last `forget`. */
  requests: string[] = []
  lastRequest = performance.now()
  private readonly reports = new Map<string, Report[]>()
  private readonly waiting: (() => void)[] = []

  request(path: string): void {
    this.requests.push(path)
    this.lastRequest = performance.now()
  }

  report(what: string, report: Report): void {
    this.reports.set(what, [...(this.reports.get(what) ?? []), report])
    for (const look of this.waiting.splice(0)) look()
  }

  forget(): void {
    this.requests = []
    this.reports.clear()
  }

  /** What this many tabs have reported; undefined when they did not in time (ms). */
  async reported(what: string, tabs: number, within: number): Promise<readonly Report[] | undefined> {
    const late = performance.now() + within
    for (;;) {
      const reports = this.reports.get(what) ?? []
      if (reports.length >= tabs) return reports
      const left = late - performance.now()
      if (left <= 0) return undefined
      let timer: NodeJS.Timeout | undefined
      await Promise.race([
        new Promise<void>((resolve) => this.waiting.push(resolve)),
        new Promise<void>((resolve) => {
          timer = setTimeout(resolve, left)
        }),
      ])
      clearTimeout(timer)
    }
  }
}

export type { Run }

export interface BenchServer {
  readonly url: string
  run(id: string): Run
  /** Emits one event that has handlers and no rule. */
  tick(id: string): void
  /** Emits this many events, as fast as the server can; gives the moment of the first. */
  change(id: string, count: number): Promise<number>
  /** Has every socket answer a heartbeat, and gives the bytes that went over them, both ways. */
  heartbeat(id: string): Promise<number>
  close(): Promise<void>
}

export async function startServer(site: string): Promise<BenchServer> {
  const runs = new Map<string, Run>()
  const now = createClock()
  const run = (id: string): Run => {
    const known = runs.get(id) ?? new Run()
    runs.set(id, known)
    return known
  }

  const http = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://bench')
    const of = run(searchParams.get('run') ?? '')
    if (pathname.startsWith('/api/')) {
      of.request(pathname)
      response.setHeader('content-type', 'application/json')
      return void response.end(JSON.stringify({ path: pathname, served: of.requests.length }))
    }
    if (pathname === '/report') {
      of.report(searchParams.get('what') ?? '', {
        at: Number(searchParams.get('at')),
        took: Number(searchParams.get('took')),
      })
      return void response.end()
    }
    if (pathname === '/sse') return stream.handle(request, response)
    sendFile(site, pathname, response)
  })
  // Compression is off in Socket.IO by default as well.
  const io = new Server(http, { serveClient: false, transports: ['websocket'], destroyUpgrade: false })
  io.on('connection', (socket) => {
    const id = String(socket.handshake.query['run'])
    const { sockets } = run(id)
    sockets.add(socket)
    void socket.join(id)
    socket.on('disconnect', () => sockets.delete(socket))
  })
  const stream = serveStreams(run)
  serveWebSockets(http, run)
  await new Promise<void>((resolve) => http.listen(0, 'localhost', resolve))

  function emit(id: string, event: 'tick' | 'changed', metadata: Tick | Change): void {
    io.to(id).emit(event, metadata)
    for (const send of run(id).senders) send(event, metadata)
  }

  return {
    url: `http://localhost:${(http.address() as AddressInfo).port}`,
    run,
    tick: (id) => emit(id, 'tick', { at: now() }),
    async change(id, count) {
      const start = now()
      for (let number = 1; number <= count; number++) {
        emit(id, 'changed', { accountId: '11', type: 'card', number, of: count })
        if (number % GULP === 0) await new Promise((resolve) => setImmediate(resolve))
      }
      return start
    },
    async heartbeat(id) {
      const wires = ([...run(id).sockets] as Socket[]).map(({ conn }) => ({ conn, wire: wireOf(conn) }))
      const bytes = () => wires.reduce((sum, { wire }) => sum + wire.bytesRead + wire.bytesWritten, 0)
      const before = bytes()
      await Promise.all(
        wires.map(
          ({ conn }) =>
            new Promise<void>((resolve) => {
              conn.once('heartbeat', () => resolve())
              ;(conn as unknown as { sendPacket(type: 'ping'): void }).sendPacket('ping')
            }),
        ),
      )
      return bytes() - before
    },
    close: () => new Promise((resolve) => void io.close(() => resolve())),
  }
}

/** Streams for Partyline, as an app would serve them. */
function serveStreams(run: (id: string) => Run) {
  const stream = createEventStream()
  createSessions(stream, { authenticate: ({ token }) => ({ userId: String(token) }) })
  const notify = createNotifier<{ tick: Tick; changed: Change }>(stream)
  stream.on('connection', (socket) => {
    const id = String(socket.handshake.auth['token'])
    const { sockets, senders } = run(id)
    const send = (event: 'tick' | 'changed', metadata: Tick | Change) => notify.user(id, event, metadata as never)
    sockets.add(socket)
    senders.add(send)
    socket.on('disconnect', () => {
      sockets.delete(socket)
      senders.delete(send)
    })
  })
  return stream
}

/** Plain WebSocket by docs/protocol.md at `/ws`, and what alive-client needs of a server at `/alive`. */
function serveWebSockets(http: ReturnType<typeof createServer>, run: (id: string) => Run): void {
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false })

  function join(socket: WebSocket, id: string, send: (event: string, metadata: object) => void): void {
    run(id).sockets.add(socket)
    run(id).senders.add(send)
    socket.on('close', () => {
      run(id).sockets.delete(socket)
      run(id).senders.delete(send)
    })
  }

  function servePlain(socket: WebSocket): void {
    const send = (event: string, metadata: object) => socket.send(JSON.stringify({ event, metadata }))
    socket.on('message', (data) => {
      const { event, metadata } = JSON.parse(String(data)) as { event: string; metadata: { token?: string } }
      if (event === '_line:ping') send('_line:pong', {})
      if (event !== '_line:auth') return
      send('_line', { ok: true })
      send('_line', { identity: metadata.token, quietForMs: 0 })
      join(socket, String(metadata.token), send)
    })
  }

  function serveAlive(socket: WebSocket, id: string): void {
    let offset = 0
    const send = (data: object) => socket.send(JSON.stringify({ e: 'msg', ch: 'events', off: String(++offset), data }))
    socket.on('message', (data) => {
      if (!String(data).includes('"subscribe"')) return
      socket.send(JSON.stringify({ e: 'ack', off: String(offset) }))
      send({ up: true })
      join(socket, id, (event, metadata) => send({ [event]: metadata }))
    })
  }

  http.on('upgrade', (request, socket, head) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://bench')
    if (pathname !== '/ws' && !pathname.startsWith('/alive/')) return
    sockets.handleUpgrade(request, socket, head, (opened) => {
      if (pathname === '/ws') servePlain(opened)
      else serveAlive(opened, searchParams.get('run') ?? '')
    })
  })
}

/** The TCP socket below a connection; Engine.IO and ws have no public way to it. */
function wireOf(conn: Socket['conn']): { readonly bytesRead: number; readonly bytesWritten: number } {
  const { transport } = conn as unknown as { transport: { socket: { _socket: import('node:net').Socket } } }
  return transport.socket._socket
}

function sendFile(site: string, pathname: string, response: ServerResponse): void {
  const file = join(site, normalize(pathname))
  if (!existsSync(file) || !extname(file)) return void response.writeHead(404).end()
  // As apps are served: a file with a hash in its name is cached for ever.
  if (!pathname.endsWith('.html')) response.setHeader('cache-control', 'public, max-age=31536000, immutable')
  response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream')
  createReadStream(file).pipe(response)
}
