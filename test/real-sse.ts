import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { commonEnvironment } from '../src/platform/environment.js'
import { createEventStream, type EventStreamOptions } from '../src/server/index.js'
import { sseTransport } from '../src/transport/sse.js'
import type { OpenTransport } from '../src/transport/transport.js'
import { type Accept, acknowledgementOf, type Far } from './real-sockets.js'

export interface FarStream extends Far {
  /** Writes a text into every stream. */
  raw(text: string | Uint8Array): void
  /** What requests brought, newest last. */
  readonly requests: { method: string; url: string; headers: Readonly<Record<string, unknown>> }[]
}

/** The server half for SSE, behind Node's http. */
export async function serveSse(port: number, accept: Accept, options: EventStreamOptions = {}): Promise<FarStream> {
  const stream = createEventStream(options)
  const tokens: unknown[] = []
  const said: Far['said'] = []
  const requests: FarStream['requests'] = []
  const responses = new Set<ServerResponse>()
  stream.use((socket, next) => {
    tokens.push(socket.handshake.auth['token'])
    const refusal = accept(tokens.at(-1))
    next(refusal && Object.assign(new Error(refusal.reason), { data: refusal }))
  })
  stream.on('connection', (socket) => {
    socket.on('_line:auth', (credentials, answer) => {
      const refusal = accept((credentials as { token: unknown }).token)
      ;(answer as (given: object) => void)({ ok: refusal === undefined, message: refusal?.reason, ...refusal })
    })
    for (const name of ['_line:join', '_line:leave', 'typing', 'unheard', 'echo', 'deny'])
      socket.on(name, (metadata, acknowledge) => {
        said.push([name, metadata])
        const answer = acknowledgementOf(name, metadata)
        if (answer && acknowledge) (acknowledge as (data: unknown) => void)(answer.data)
      })
  })
  const http = createServer((request, response) => {
    requests.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers })
    if (request.method === 'GET') {
      responses.add(response)
      response.on('close', () => responses.delete(response))
    }
    stream.handle(request, response)
  })
  await new Promise<void>((resolve) => http.listen(port, '127.0.0.1', resolve))
  let isFrozen = false
  return {
    port: (http.address() as AddressInfo).port,
    tokens,
    said,
    requests,
    count: () => stream.sockets.size,
    emit: (name, metadata) => stream.emit(name, metadata as object | undefined),
    raw(text) {
      for (const response of responses) if (!isFrozen) response.write(text)
    },
    drop() {
      for (const response of responses) response.destroy()
    },
    freeze() {
      isFrozen = true
      for (const response of responses) Object.assign(response, { write: () => true })
    },
    close: () =>
      new Promise<void>((resolve) => {
        http.closeAllConnections()
        http.close(() => resolve())
      }),
  }
}

const { timers, fetch } = commonEnvironment()

/** With `haste`, its timers run so many times as fast. */
export const openSse = (haste = 1): OpenTransport =>
  sseTransport({ timers: { after: (ms, run) => timers.after(ms / haste, run) }, fetch })
