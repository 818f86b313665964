import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Server } from 'socket.io'
import { expect, it } from 'vitest'
import { createMemoryBrowser, createPipe } from '../../test/browser.js'
import { afterwards, until } from '../../test/real-server.js'
import { createNotifier, createSessions } from '../server/index.js'
import { openSocketIo } from '../transport/socket-io.js'
import { type HubMessage, PROTOCOL, type Settings } from '../wire/protocol.js'
import { createHub } from './hub.js'

// A hub and a real Socket.IO server, which says for how long it has sent nothing.

async function serve() {
  const http = createServer()
  // A ping is what tells a hub up to when nothing is missing.
  const io = new Server(http, { transports: ['websocket'], pingInterval: 100 })
  createSessions(io, { authenticate: () => ({ userId: 'ann' }), quietAfterMs: 0 })
  const notify = createNotifier(io)
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  afterwards(() => io.close())
  const drop = () => {
    for (const socket of io.of('/').sockets.values()) socket.conn.close()
  }
  return { io, notify, drop, port: (http.address() as AddressInfo).port }
}

async function attach(port: number, ageMs: number) {
  const settings: Settings = {
    url: `http://127.0.0.1:${port}/`,
    identity: 'ann',
    socket: { reconnectionDelay: 20, reconnectionDelayMax: 40 },
    lingerMs: 0,
    authTimeoutMs: 1_000,
  }
  const { environment } = createMemoryBrowser({ webLocks: false }).tab()
  const onEnd = () => undefined
  const hub = createHub({ environment, key: 'k', host: 'this-tab', settings, openTransport: openSocketIo, onEnd })
  afterwards(() => hub.close('the test is over'))
  const { port1, port2 } = createPipe()
  const got: HubMessage[] = []
  port1.addEventListener('message', ({ data }) => {
    const message = data as HubMessage
    got.push(message)
    if (message.kind === 'credentials-request') hub.credentials(message.request, { ok: true, auth: {} })
  })
  const hello = { protocol: PROTOCOL, tab: 't', settings, check: 'c', events: ['changed'], since: { ageMs } }
  await hub.attach(port2, hello, true)
  return {
    gaps: () => got.filter((message) => message.kind === 'gap'),
    heard: () => got.filter(({ kind }) => kind === 'events').length,
  }
}

it('is told at the first connection, and makes a short break none', async () => {
  const { io, notify, drop, port } = await serve()
  await delay(2_500)
  const { gaps, heard } = await attach(port, 100)
  await until(() => expect(gaps()).toHaveLength(1))
  expect(gaps()[0]).toMatchObject({
    reason: 'events before the first connection are not known',
    quietForMs: expect.any(Number),
  })
  const connections = () => io.engine.clientsCount
  await delay(2_000)
  drop()
  await until(() => expect(connections()).toBe(0))
  await until(() => expect(connections()).toBe(1))
  // What comes over the new connection comes after its decision.
  await delay(700)
  notify.user('ann', 'changed')
  await until(() => expect(heard()).toBe(1))
  expect(gaps()).toHaveLength(1)

  drop()
  notify.user('ann', 'changed')
  await until(() => expect(gaps()).toHaveLength(2))
  expect(gaps()[1]).toMatchObject({ reason: 'the connection was lost and made again' })
  expect(gaps()[1]).not.toHaveProperty('quietForMs')
})
