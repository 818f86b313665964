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
     * Resolves when this process hears what the others send. The adapter starts to read at "now" a moment after it was made,
     * and again every 5 s until the first message; so it is waited for, and given one, before the first browser comes.
     */
    async reading(): Promise<void> {
      const isReading = new RegExp(`name=${name} .*cmd=xread`)
      while (!isReading.test(String(await redis.sendCommand(['CLIENT', 'LIST'])))) await sleep(10)
      await redis.xAdd('socket.io', '*', { nsp: '' })
    },
    /** The connection was lost, and is back. What a Redis that was restarted has forgotten, nobody can name. */
    onInterrupted: (tell: () => void) => void redis.on('ready', tell),
    close: () => redis.destroy(),
    /**
     * Resolves when what was sent is with Redis: a write on the same connection comes after it. If the connection breaks, what
     * was on its way is lost, while what still waited, this write perhaps, goes out on the next one.
     */
    async confirm(): Promise<void> {
      const before = breaks
      await redis.set('ledger:relayed', Date.now())
      if (breaks !== before) throw new Error('the connection to Redis broke meanwhile')
    },
  }
}
