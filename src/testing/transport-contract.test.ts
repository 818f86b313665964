import { describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { type ContractServer, type TransportContractOptions, transportContract } from './index.js'

// The suite as an author of a transport runs it: over one that only receives, and over some that break a rule each.

type Open = TransportContractOptions['open']
const lacks = ['probe', 'renew', 'send', 'join', 'ask', 'tell', 'credentials', 'refusals'] as const

/** What a small transport of an app may look like. `fault`: the rule that it breaks. */
const openPlain =
  (fault?: 'comes back' | 'reports twice' | 'reports its own end' | 'keeps the former'): Open =>
  ({ url }, handlers) => {
    let socket: WebSocket | undefined
    let isClosed = false
    const end = () => {
      const former = socket
      socket = undefined
      if (former && fault === 'reports its own end') handlers.onDown('ended')
      if (fault !== 'keeps the former') former?.close()
    }
    function connect(): void {
      end()
      let isUp = false
      const opened = new WebSocket(url.replace(/^http/, 'ws'))
      socket = opened
      const isCurrent = () => socket === opened
      opened.onopen = () => {
        if (!isCurrent()) return opened.close()
        isUp = true
        handlers.onUp(false)
        if (fault === 'reports twice') handlers.onUp(false)
      }
      opened.onmessage = ({ data }) => {
        const { event, metadata } = JSON.parse(String(data))
        if (isCurrent()) handlers.onEvent(event, metadata)
      }
      opened.onerror = () => undefined
      opened.onclose = () => {
        if (!isCurrent()) return
        socket = undefined
        if (isUp) handlers.onDown('closed')
        else handlers.onAttemptFailed('not opened')
        if (fault === 'comes back' && !isClosed) connect()
      }
    }
    return {
      connect: () => void (socket ?? connect()),
      reconnect: connect,
      disconnect: end,
      close() {
        isClosed = true
        end()
      },
    }
  }

async function serve(port: number): Promise<ContractServer> {
  const server = new WebSocketServer({ port, host: '127.0.0.1' })
  await new Promise((resolve) => server.once('listening', resolve))
  return {
    port: (server.address() as { port: number }).port,
    tokens: [],
    said: [],
    count: () => [...server.clients].filter(({ readyState }) => readyState === WebSocket.OPEN).length,
    emit(event, metadata) {
      for (const client of server.clients) client.send(JSON.stringify({ event, metadata }))
    },
    drop() {
      for (const client of server.clients) client.terminate()
    },
    async close() {
      for (const client of server.clients) client.terminate()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

describe('a transport that only receives', () => {
  for (const { name, run } of transportContract({ open: openPlain(), serve, lacks })) it(name, run)
})

describe.concurrent.each([
  ['comes back', 'never comes back by itself'],
  ['reports twice', 'connect changes nothing while it is connected'],
  ['reports its own end', 'disconnect ends a connection or an attempt without a report, and connect makes another one'],
  ['keeps the former', 'reconnect replaces a connection at once, without a report of its end'],
] as const)('one that %s', (fault, caught) => {
  it('is found out', { timeout: 60_000 }, async () => {
    const found = transportContract({ open: openPlain(fault), serve, lacks }).find(({ name }) => name === caught)
    await expect(found?.run()).rejects.toThrow(/should be/)
  })
})

it('one that can do more or less than is said is found out', { timeout: 60_000 }, async () => {
  const [first] = transportContract({ open: openPlain(), serve, lacks: [] })
  await expect(first?.run()).rejects.toThrow(/should be/)
})
