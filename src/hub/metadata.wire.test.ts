import { expect, it } from 'vitest'
import { createMemoryBrowser, createPipe } from '../../test/browser.js'
import { afterwards, until } from '../../test/real-server.js'
import type { WebSocketSlice } from '../platform/environment.js'
import { isPlainJson } from '../transport/metadata.js'
import { webSocketTransport } from '../transport/websocket.js'
import { writeEvents } from '../wire/messages.js'
import { PROTOCOL } from '../wire/protocol.js'
import { createHub } from './hub.js'

/** `run` with metadata that counts how often its fields are listed: by a walk, and by writing it as JSON. */
function countLists(run: (metadata: object) => void): number {
  let count = 0
  const list = (target: object) => {
    count++
    return Reflect.ownKeys(target)
  }
  run({ nested: new Proxy({ n: 1 }, { ownKeys: list }) })
  return count
}

it.each([
  { is: 'metadata of a frame', frame: (metadata: object) => ({ event: 'changed', metadata }) },
  { is: 'what an envelope holds', frame: (payload: object) => ({ type: 'changed', payload }) },
])('$is of a plain WebSocket is walked once on its way to the tabs', async ({ frame }) => {
  const { environment } = createMemoryBrowser({ webLocks: false }).tab()
  const socket = { send: () => undefined, close: () => undefined } as unknown as WebSocketSlice
  const envelope = { on: 'message', event: 'type', metadata: 'payload' }
  const settings = { url: 'https://x', identity: 'u', socket: {}, envelope, lingerMs: 0, authTimeoutMs: 1_000 }
  const hub = createHub({
    environment,
    key: 'k',
    host: 'this-tab',
    settings,
    openTransport: webSocketTransport({ ...environment, openWebSocket: () => socket }),
    onEnd: () => undefined,
  })
  afterwards(() => hub.close('the test is over'))
  const { port1, port2 } = createPipe()
  let batches = 0
  port1.addEventListener('message', ({ data }) => {
    if ((data as { kind: string }).kind === 'events') batches++
  })
  const hello = { protocol: PROTOCOL, tab: 't', settings, check: 'c', events: ['changed'], since: { ageMs: 0 } }
  await hub.attach(port2, hello, true)
  const receive = (text: string) => socket.onmessage?.call(undefined as never, { data: text } as never)
  socket.onopen?.call(undefined as never, undefined as never)
  receive('{"event":"_line","metadata":{"ok":true}}')

  const { parse } = JSON
  const onTheWay = countLists((metadata) => {
    JSON.parse = () => frame(metadata)
    try {
      receive('')
    } finally {
      JSON.parse = parse
    }
  })
  const walk = countLists((metadata) => void isPlainJson(metadata))
  const write = countLists((metadata) => void writeEvents([['changed', metadata as never]]))
  expect([walk, write].every((count) => count > 0)).toBe(true)
  expect(onTheWay).toBe(walk + write)
  await until(() => expect(batches).toBe(1))
})
