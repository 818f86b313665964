import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createAdapter } from '@socket.io/redis-streams-adapter'
import { createClient } from 'redis'

/** What brings the events of one process to the sockets of all. */
export async function openAdapter(url: string) {
  // Its connections bear this name, those that the adapter makes of it too.
  const name = `ledger-${randomUUID()}`
  // While Redis is away, only so much waits for it: what the relay hands on, it hands on again.
  const redis = createClient({ url, name, commandsQueueMaxLength: 5_000 })
  let breaks = 0
  // It comes back by itself; without a listener an error would end the process.
  redis.on('error', () => breaks++)
  await redis.connect()

  return {
    adapter: createAdapter(redis),
    /**
     * Resolves when this process receives what the others send. The adapter begins to read at "now" a moment after it was
     * made, and again every 5 s until the first message. So it gets a message before the first browser connects.
     */
    async reading(): Promise<void> {
      const isReading = new RegExp(`name=${name} .*cmd=xread`)
      while (!isReading.test(String(await redis.sendCommand(['CLIENT', 'LIST'])))) await sleep(10)
      await redis.xAdd('socket.io', '*', { nsp: '' })
    },
    /** The connection was lost and is back. A restarted Redis has lost messages, and it is not known which. */
    onInterrupted: (tell: () => void) => void redis.on('ready', tell),
    close: () => redis.destroy(),
    /**
     * Resolves when Redis has what was sent: a write on the same connection comes after it. If the connection breaks, what was
     * on its way is lost. What still waited (perhaps this write) goes out on the next connection.
     */
    async confirm(): Promise<void> {
      const before = breaks
      await redis.set('ledger:relayed', Date.now())
      if (breaks !== before) throw new Error('the connection to Redis broke meanwhile')
    },
  }
}
