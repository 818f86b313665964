import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { type ContractServer, type TransportContractOptions, transportContract } from '../../src/testing/index.js'
import { authOf, type PusherApp, trigger } from './pusher-api.js'
import { closeWith, createPusherServer } from './pusher-server.js'
import { openPusher } from './pusher-transport.js'

const app: PusherApp = { id: '1', key: 'k', secret: 's' }
const socket = { key: 'k', authEndpoint: '/auth' }
const HTTP_STATUS = { unavailable: 503, 'wrong-identity': 403 }

beforeAll(() => {
  // What a worker has, and Node 20 has not.
  globalThis.self ??= globalThis as unknown as typeof globalThis.self
  globalThis.WebSocket ??= WebSocket as unknown as typeof globalThis.WebSocket
})

async function serve(
  port: number,
  accept: Parameters<TransportContractOptions['serve']>[1],
): Promise<ContractServer & { closeWith(code: number): void }> {
  const server = createServer()
  const pusher = createPusherServer(app, server)
  const tokens: unknown[] = []
  server.on('request', async (request, response) => {
    if (request.url !== '/auth') return pusher.handle(request, response)
    const token = request.headers.authorization?.replace('Bearer ', '')
    const asked = new URLSearchParams(await text(request))
    const channel = asked.get('channel_name') ?? ''
    // The endpoint is asked once more for each topic.
    if (channel === 'private-user.u1') tokens.push(token)
    const refusal = accept(token)
    const said = refusal
      ? { message: refusal.reason, final: refusal.final, code: refusal.code }
      : { auth: authOf(app, asked.get('socket_id') ?? '', channel) }
    response.writeHead(refusal ? HTTP_STATUS[refusal.code ?? 'wrong-identity'] : 200).end(JSON.stringify(said))
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const clients = () => [...pusher.clients]
  let emitted = Promise.resolve()
  const { port: given } = server.address() as AddressInfo
  return {
    port: given,
    tokens,
    said: [],
    topics: () =>
      clients().flatMap(({ channels }) =>
        [...channels].filter((name) => name !== 'private-user.u1').map((name) => name.slice('private-'.length)),
      ),
    count: () => clients().filter(({ channels }) => channels.size > 0).length,
    emit(name, metadata) {
      // One request after the other: side by side, one may overtake another.
      emitted = emitted.then(() =>
        trigger(app, `http://127.0.0.1:${given}`, 'private-user.u1', name, metadata as object).catch(() => undefined),
      )
    },
    drop: () => clients().forEach(({ socket }) => void socket.terminate()),
    freeze: () => clients().forEach(({ socket }) => void socket.pause()),
    closeWith: (code) => clients().forEach((client) => void closeWith(client, code, 'because')),
    async close() {
      clients().forEach(({ socket }) => void socket.terminate())
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

describe('the Pusher transport', () => {
  const lacks = ['renew', 'send', 'ask', 'tell'] as const
  for (const { name, run } of transportContract({ open: openPusher, serve, socket, lacks })) it(name, run)

  const ends: (() => unknown)[] = []
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end()
  })

  async function connect(key = 'k') {
    const server = await serve(0, () => undefined)
    const reports: [name: PropertyKey, what: unknown][] = []
    const handlers = new Proxy({} as Parameters<typeof openPusher>[1], {
      get: (_, name) =>
        name === 'auth' ? async () => ({ token: 't' }) : (what: unknown) => reports.push([name, what]),
    })
    const settings = { url: `http://127.0.0.1:${server.port}`, identity: 'u1', socket: { ...socket, key } }
    const transport = openPusher(settings, handlers)
    ends.push(server.close, transport.close)
    transport.connect()
    const heard = () => reports.filter(([name]) => name !== 'onAlive')
    return { server, heard }
  }

  it('an app that the server does not know is a refusal', async () => {
    const { heard } = await connect('other')
    const refusal = { reason: 'Application does not exist', final: false, isWrongIdentity: false }
    await vi.waitFor(() => expect(heard()).toEqual([['onRefused', refusal]]), 5_000)
  })

  it.each([
    [4009, [['onRefused', { reason: 'because', final: false, isWrongIdentity: false }]]],
    [
      4100,
      [
        ['onRetryAfter', 1_000],
        ['onDown', 'because'],
      ],
    ],
    [4200, [['onDown', 'because']]],
    [1001, [['onDown', 'because']]],
  ])('closed with %s it stays closed, until it is told to connect', async (code, reports) => {
    const { server, heard } = await connect()
    await vi.waitFor(() => expect(heard()).toEqual([['onUp', false]]), 5_000)
    server.closeWith(code)
    await vi.waitFor(() => expect(heard().slice(1)).toEqual(reports), 5_000)
    // pusher-js itself would be back after a second.
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect(server.tokens).toHaveLength(1)
    expect(server.count()).toBe(0)
    expect(heard().slice(1)).toEqual(reports)
  })
})
