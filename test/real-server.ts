import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server, type ServerOptions } from 'socket.io'
import { type Socket as ClientSocket, io as connectTo } from 'socket.io-client'
import { afterEach } from 'vitest'

export { until } from './until.js'

/** A real Socket.IO server and real clients, closed after each test. */

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** Closes it after the test, the newest first. */
export const afterwards = (close: () => unknown): void => void closing.push(close)

export async function listen(options: Partial<ServerOptions> = {}): Promise<{ io: Server; url: string }> {
  const http = createServer()
  const io = new Server(http, { transports: ['websocket'], ...options })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  afterwards(() => io.close())
  return { io, url: `http://127.0.0.1:${(http.address() as AddressInfo).port}` }
}

export interface Client {
  readonly socket: ClientSocket
  /** Every event with its first argument, in the order of arrival, but for those that say who was let in and how quiet it was. */
  readonly events: [name: string, metadata: unknown][]
  /** Whom the server let in, as it says first on each connection. */
  readonly letIn: unknown[]
  /** For how long the server was quiet, as it says on each connection. Milliseconds. */
  readonly quietForMs: unknown[]
  /** What happened to the connection: 'up', or why not. */
  readonly heard: string[]
  /** What the errors of refusals say to programs. */
  readonly refusals: unknown[]
}

/** A client that connects once: it does not come back by itself. */
export function connect(url: string, auth: object = {}, options: object = {}): Client {
  const socket = connectTo(url, { transports: ['websocket'], forceNew: true, reconnection: false, auth, ...options })
  const events: Client['events'] = []
  const heard: string[] = []
  const quietForMs: unknown[] = []
  const letIn: unknown[] = []
  const refusals: unknown[] = []
  socket.onAny((name: string, metadata: unknown) => {
    const said = name === '_line' && typeof metadata === 'object' && metadata ? metadata : {}
    if ('identity' in said) letIn.push(said.identity)
    else if ('quietForMs' in said && !('topic' in said)) quietForMs.push(said.quietForMs)
    else events.push([name, metadata])
  })
  socket.on('connect', () => heard.push(socket.recovered ? 'up, recovered' : 'up'))
  socket.on('disconnect', (reason) => heard.push(`down: ${reason}`))
  socket.on('connect_error', (error) => {
    heard.push(`refused: ${error.message}`)
    refusals.push((error as { data?: unknown }).data)
  })
  afterwards(() => socket.disconnect())
  return { socket, events, letIn, quietForMs, heard, refusals }
}
