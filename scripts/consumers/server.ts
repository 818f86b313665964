import { existsSync, readFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Server } from 'socket.io'
import { type Consumer, outOf, type TestServer } from './consumer.js'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.txt': 'text/plain',
}
/** Long enough that a page has hydrated before its streamed part comes, on a busy machine as well. */
const SLOW_MS = 5_000

/** The server of docs/getting-started.md, and the files of an app, these on a second origin as well. */
export async function startServer(): Promise<TestServer> {
  const counts = { fetches: 0, opened: 0 }
  let amount = 100
  let app: { readonly consumer: Consumer; readonly folder: string } | undefined
  const listener = (async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    // For pages and scripts of other origins, of which that of `file://` is `null`.
    response.setHeader('access-control-allow-origin', '*')
    const json = (value: unknown) => response.setHeader('content-type', 'application/json').end(JSON.stringify(value))
    if (pathname === '/favicon.ico') return response.writeHead(204).end()
    if (pathname === '/api/socket-token') return json({ token: 'ann' })
    if (pathname.endsWith('/deposit')) {
      amount += 10
      io.emit('balance_updated', { accountId: '7' })
      return response.writeHead(204).end()
    }
    if (pathname.startsWith('/api/')) {
      // A framework that renders on the server fetches as well, and is no tab.
      if (request.headers['user-agent']?.includes('Mozilla')) counts.fetches++
      if (pathname === '/api/slow') await sleep(SLOW_MS)
      return json({ amount })
    }
    const base = app?.consumer.base ?? '/'
    const below = pathname.startsWith(base) ? pathname.slice(base.length) || 'index.html' : undefined
    const file = app && below !== undefined ? join(outOf(app.consumer, app.folder), below) : ''
    if (!existsSync(file)) return response.writeHead(404).end()
    const type = TYPES[extname(file)] ?? 'application/octet-stream'
    return response.writeHead(200, { 'content-type': type, ...app?.consumer.headers }).end(readFileSync(file))
  }) as RequestListener
  const [http, files] = [createServer(listener), createServer(listener)]
  const io = new Server(http, { cors: { origin: '*' } })
  io.use((socket, next) => next(socket.handshake.auth['token'] === 'ann' ? undefined : new Error('token unknown')))
  io.on('connection', () => void counts.opened++)
  for (const one of [http, files]) await new Promise<void>((listening) => one.listen(0, '127.0.0.1', listening))
  const addressOf = (one: typeof http) => `http://127.0.0.1:${(one.address() as AddressInfo).port}`
  return {
    addresses: { server: addressOf(http), cdn: addressOf(files) },
    counts,
    sockets: () => io.engine.clientsCount,
    amount: () => amount,
    emit: (event, metadata = {}) => void io.emit(event, metadata),
    serve(next) {
      app = next
      counts.fetches = counts.opened = 0
    },
    close() {
      io.close()
      files.close()
      files.closeAllConnections()
    },
  }
}
