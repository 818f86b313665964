import { expect, it } from 'vitest'
import { WebSocketServer } from 'ws'
import { drawHostilePackets, HOSTILE, untilDone } from '../../test/hostile.js'
import { afterwards } from '../../test/real-server.js'
import type { Settings } from '../wire/protocol.js'
import { openSocketIo } from './socket-io.js'
import type { Transport, TransportHandlers } from './transport.js'

// A server that speaks Socket.IO as no Socket.IO server does, byte by byte.

/** Sends what `next` gives to the client of each connection. */
async function serve(next: (send: (data: string | Uint8Array) => void) => void): Promise<string> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  server.on('connection', (socket) => {
    socket.on('error', () => undefined)
    socket.send('0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}')
    socket.on('message', (data) => {
      if (!String(data).startsWith('40')) return
      socket.send('40{"sid":"s"}')
      next((packet) => socket.send(packet))
    })
  })
  afterwards(() => {
    for (const client of server.clients) client.terminate()
    server.close()
  })
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
}

/** Sends one group after the other. Gives the reports of ends and bad frames; fails where neither an event comes nor an end. */
async function survive(groups: readonly (readonly (string | Uint8Array)[])[]): Promise<readonly string[]> {
  let sent = 0
  let sendNow: ((data: string | Uint8Array) => void) | undefined
  const reports: string[] = []
  let delivered = -1
  const url = await serve((send) => {
    sendNow = send
    sendNext()
  })
  function sendNext(): void {
    for (const packet of groups[sent++] ?? []) sendNow?.(packet)
    sendNow?.(`42["mark",{"n":${sent}}]`)
  }
  let transport: Transport
  const again = (report: string) => {
    reports.push(report)
    if (sent <= groups.length) queueMicrotask(() => transport.connect())
  }
  const handlers: TransportHandlers = {
    auth: async () => ({ token: 'ann' }),
    onUp: () => undefined,
    onDown: () => again('down'),
    onAttemptFailed: () => again('failed'),
    onRefused: () => again('refused'),
    onNoCredentials: () => again('no credentials'),
    onEvent(name, metadata) {
      if (name !== 'mark' || metadata === null || typeof metadata['n'] !== 'number') return
      delivered = metadata['n']
      if (delivered === sent && sent <= groups.length) sendNext()
    },
    onAlive: () => undefined,
    onPing: () => undefined,
    onRetryAfter: () => undefined,
    onBadFrame: () => reports.push('bad frame'),
  }
  const settings: Settings = { url, identity: 'ann', socket: {}, lingerMs: 0, authTimeoutMs: 1_000 }
  transport = openSocketIo(settings, handlers)
  afterwards(() => transport.close())
  transport.connect()
  await untilDone(
    () => sent + reports.length,
    () => delivered > groups.length,
    () => String(groups[sent - 1]),
  )
  return reports
}

it(`survives ${HOSTILE} hostile packets: after each an event is delivered, or the connection is lost and made again`, async () => {
  const reports = await survive(drawHostilePackets())
  // Neither is rare.
  const ends = reports.filter((report) => report !== 'bad frame')
  expect(ends.length).toBeGreaterThan(100)
  expect(ends.length).toBeLessThan(HOSTILE / 10)
}, 300_000)

it.each([
  ['a refusal of a socket that is up', '44{"message":"no"}', ['refused']],
  ['a refusal without a reason', '44', ['refused']],
  ['an event without a name', '42', ['bad frame']],
  ['an event with a number for a name', '42[7]', ['bad frame']],
  ['a second welcome', '40{"sid":"again"}', []],
  // Read at once with the welcome, as those of one poll are.
  ['what ends the connection while it is welcomed', 'x', ['failed']],
])('%s', async (_what, packet, reports) => {
  expect(await survive([[packet]])).toEqual(reports)
})
