/** The server that is measured, in a process of its own: `server.ts <wire> [<address of a Redis>]`. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { type Burst, type FromServer, now, type ToServer, type Wire } from './messages.js'
import { serveSocketIo, serveStreams, serveWebSockets } from './wires.js'

const tell = (message: FromServer) => process.send?.(message)
process.on('disconnect', () => process.exit())

const [wire, redisUrl] = process.argv.slice(2) as [Wire, string | undefined]
const http = createServer()
const serve = { 'socket.io': serveSocketIo, websocket: serveWebSockets, sse: serveStreams }[wire]
const clients = await serve(http, redisUrl)

http.listen(0, '127.0.0.1')
await once(http, 'listening')

async function burst({ to, rate, seconds, users }: Burst): Promise<void> {
  const began = now()
  const cpu = process.cpuUsage()
  let sent = 0
  while (now() - began < seconds * 1_000) {
    // What is due by now: late timers are made up for.
    for (const due = ((now() - began) / 1_000) * rate; sent < due; sent++) {
      const metadata = { accountId: '7', at: now() }
      if (to === 'everyone') clients.everyone(metadata)
      else clients.user(String(Math.floor(Math.random() * users)), metadata)
    }
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  const { user, system } = process.cpuUsage(cpu)
  const lasted = (now() - began) / 1_000
  tell({ kind: 'sent', sent, seconds: lasted, cpu: (user + system) / 1e6 / lasted })
}

const delay = monitorEventLoopDelay({ resolution: 10 })
delay.enable()
let used = process.cpuUsage()

function strain(): void {
  const { user, system } = process.cpuUsage(used)
  tell({ kind: 'strain', cpuMs: (user + system) / 1_000, delayMs: delay.max / 1e6 })
  used = process.cpuUsage()
  delay.reset()
}

process.on('message', (message: ToServer) => {
  if (message === 'strain') return strain()
  if (message === 'drop') {
    http.closeAllConnections()
    clients.drop()
    return void tell({ kind: 'dropped' })
  }
  if (message !== 'memory') return void burst(message)
  globalThis.gc?.()
  const { rss, heapUsed } = process.memoryUsage()
  tell({ kind: 'memory', rss, heap: heapUsed, sockets: clients.count() })
})
tell({ kind: 'open', port: (http.address() as AddressInfo).port })
