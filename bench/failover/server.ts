/** The server of the bench, in the runner's own process: one clock for "the tab was closed" and "a socket came". */
import { createReadStream, existsSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Server } from 'socket.io'
import { bareWorker, lockPage, workerPage } from './floor-pages.js'

const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript' }
/** Events are sent this often (ms) while `ticking`. */
const TICK = 5

export interface Connection {
  readonly number: number
  readonly subject: string
  /** By `performance.now()`. */
  readonly at: number
}

export interface BenchServer {
  readonly url: string
  /** The next socket of this subject. */
  next(subject: string, timeout: number): Promise<Connection>
  /** Sends numbered events to this subject's sockets until the answer is called. */
  tick(subject: string): () => void
  close(): Promise<void>
}

const clientBundle = fileURLToPath(
  new URL('../../node_modules/socket.io-client/dist/socket.io.min.js', import.meta.url),
)

function answer(site: string, { url = '/' }: IncomingMessage, response: ServerResponse): void {
  const { pathname } = new URL(url, 'http://bench')
  const send = (type: string, text: string) => response.setHeader('content-type', type).end(text)
  if (pathname === '/data') return void send('application/json', '{}')
  if (pathname === '/lock.html') return void send('text/html', lockPage)
  if (pathname === '/worker.html') return void send('text/html', workerPage)
  const file = pathname === '/socket.io.js' ? clientBundle : join(site, normalize(pathname))
  // As apps are served: a file with a hash in its name is cached for ever. The floor's scripts are cached as well.
  if (!pathname.endsWith('.html')) response.setHeader('cache-control', 'public, max-age=31536000, immutable')
  if (pathname === '/bare-worker.js') return void send('text/javascript', bareWorker)
  if (!existsSync(file)) return void response.writeHead(404).end()
  response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream')
  createReadStream(file).pipe(response)
}

export async function startServer(site: string): Promise<BenchServer> {
  const http = createServer((request, response) => answer(site, request, response))
  const io = new Server(http, { serveClient: false })
  const waiting = new Map<string, (connection: Connection) => void>()
  let connections = 0
  io.on('connection', (socket) => {
    const at = performance.now()
    const subject = String(socket.handshake.query['subject'])
    const number = ++connections
    socket.data = { number }
    void socket.join(subject)
    waiting.get(subject)?.({ number, subject, at })
    waiting.delete(subject)
  })
  await new Promise<void>((resolve) => http.listen(0, 'localhost', resolve))

  return {
    url: `http://localhost:${(http.address() as AddressInfo).port}`,
    next: (subject, timeout) =>
      new Promise((resolve, reject) => {
        const stop = setTimeout(() => {
          waiting.delete(subject)
          reject(new Error(`${subject}: no new socket within ${timeout} ms`))
        }, timeout)
        waiting.set(subject, (connection) => {
          clearTimeout(stop)
          resolve(connection)
        })
      }),
    tick(subject) {
      let number = 0
      const ticking = setInterval(() => {
        number++
        for (const socket of io.sockets.sockets.values()) {
          const { data, rooms } = socket
          if (rooms.has(subject)) socket.emit('tick', { number, connection: data.number })
        }
      }, TICK)
      return () => clearInterval(ticking)
    },
    close: () => new Promise((resolve) => void io.close(() => resolve())),
  }
}
