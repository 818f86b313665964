/** The server of the bench: Socket.IO, a REST endpoint and the pages, in the runner's own process. */
import { createReadStream, existsSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { Server, type Socket } from 'socket.io'
import { createClock } from '../site/clock.js'
import type { Change, Tick } from '../site/events.js'

const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript' }
/** Events of a burst that go out before the server turns to its other work. */
const GULP = 50

/** What the tabs of one fleet have reported and requested. */
class Run {
  readonly sockets = new Set<Socket>()
  /** Paths of its REST requests since the last `forget`. */
  requests: string[] = []
  lastRequest = performance.now()
  private readonly reports = new Map<string, number[]>()
  private readonly waiting: (() => void)[] = []

  request(path: string): void {
    this.requests.push(path)
    this.lastRequest = performance.now()
  }

  report(what: string, at: number): void {
    this.reports.set(what, [...(this.reports.get(what) ?? []), at])
    for (const look of this.waiting.splice(0)) look()
  }

  forget(): void {
    this.requests = []
    this.reports.clear()
  }

  /** The moments that this many tabs have reported; undefined when they did not in time (ms). */
  async reported(what: string, tabs: number, within: number): Promise<readonly number[] | undefined> {
    const late = performance.now() + within
    for (;;) {
      const moments = this.reports.get(what) ?? []
      if (moments.length >= tabs) return moments
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
      of.report(searchParams.get('what') ?? '', Number(searchParams.get('at')))
      return void response.end()
    }
    sendFile(site, pathname, response)
  })
  // Compression is off in Socket.IO by default as well.
  const io = new Server(http, { serveClient: false, transports: ['websocket'] })
  io.on('connection', (socket) => {
    const id = String(socket.handshake.query['run'])
    const { sockets } = run(id)
    sockets.add(socket)
    void socket.join(id)
    socket.on('disconnect', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => http.listen(0, 'localhost', resolve))

  return {
    url: `http://localhost:${(http.address() as AddressInfo).port}`,
    run,
    tick: (id) => void io.to(id).emit('tick', { at: now() } satisfies Tick),
    async change(id, count) {
      const start = now()
      for (let number = 1; number <= count; number++) {
        io.to(id).emit('changed', { accountId: '11', type: 'card', number, of: count } satisfies Change)
        if (number % GULP === 0) await new Promise((resolve) => setImmediate(resolve))
      }
      return start
    },
    async heartbeat(id) {
      const wires = [...run(id).sockets].map(({ conn }) => ({ conn, wire: wireOf(conn) }))
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
