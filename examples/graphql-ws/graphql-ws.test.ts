import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { beforeAll, describe, it } from 'vitest'
import { WebSocket } from 'ws'
import { type ContractServer, type TransportContractOptions, transportContract } from '../../src/testing/index.js'
import { openGraphQl } from './graphql-transport.js'
import { createLine } from './line.js'

/** As browsers have it: one that is closed while it opens throws nothing at anybody. */
class QuietWebSocket extends WebSocket {
  constructor(url: string, protocol: string) {
    super(url, protocol)
    this.on('error', () => undefined)
  }
}

beforeAll(() => {
  // Node 20 has none of its own.
  globalThis.WebSocket ??= QuietWebSocket as unknown as typeof globalThis.WebSocket
})

async function serve(port: number, accept: Parameters<TransportContractOptions['serve']>[1]): Promise<ContractServer> {
  const server = createServer()
  const tokens: unknown[] = []
  const line = createLine(server, '/', {
    authenticate({ token }) {
      tokens.push(token)
      const refusal = accept(token)
      if (!refusal) return 'u1'
      if (refusal.code === 'unavailable') return { code: 1013, reason: refusal.reason }
      return { code: refusal.final ? 4403 : refusal.code ? 4410 : 4401, reason: refusal.reason }
    },
    mayJoin: () => true,
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const drop = () => [...line.sockets.keys()].forEach((socket) => void socket.terminate())
  return {
    port: (server.address() as AddressInfo).port,
    tokens,
    said: [],
    topics: line.topics,
    count: () => line.sockets.size,
    emit: (name, metadata) => line.emitToUser('u1', name, metadata),
    drop,
    freeze: () => [...line.sockets.keys()].forEach((socket) => void socket.pause()),
    async close() {
      drop()
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

describe('the transport of GraphQL subscriptions', () => {
  const lacks = ['renew', 'send', 'ask', 'tell'] as const
  for (const { name, run } of transportContract({ open: openGraphQl, serve, lacks })) it(name, run)
})
