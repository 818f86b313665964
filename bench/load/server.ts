/** The server that is measured: Socket.IO with sessions and a notifier, and nothing else, in a process of its own. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createNotifier, createSessions } from 'partyline/server'
import { Server } from 'socket.io'
import { type Burst, type FromServer, now, type ToServer } from './messages.js'

const tell = (message: FromServer) => process.send?.(message)
process.on('disconnect', () => process.exit())

const http = createServer()
const io = new Server(http, { transports: ['websocket'], serveClient: false })
createSessions(io, { authenticate: async ({ token }) => (typeof token === 'string' ? { userId: token } : null) })
const notify = createNotifier<{ balance_updated: { accountId: string; at: number } }>(io)

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
      if (to === 'everyone') notify.everyone('balance_updated', metadata)
      else notify.user(Math.floor(Math.random() * users), 'balance_updated', metadata)
    }
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  const { user, system } = process.cpuUsage(cpu)
  const lasted = (now() - began) / 1_000
  tell({ kind: 'sent', sent, seconds: lasted, cpu: (user + system) / 1e6 / lasted })
}

process.on('message', (message: ToServer) => {
  if (message !== 'memory') void burst(message)
  else {
    globalThis.gc?.()
    const { rss, heapUsed } = process.memoryUsage()
    tell({ kind: 'memory', rss, heap: heapUsed, sockets: io.engine.clientsCount })
  }
})
tell({ kind: 'open', port: (http.address() as AddressInfo).port })
