import { createClient } from 'redis'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { openAdapter } from '../../demo/cluster/adapter.js'
import { startPostgres } from '../../scripts/postgres.js'
import { startRedis } from '../../scripts/redis.js'
import { createNotifier } from '../../src/server/index.js'
import { afterwards, connect, listen } from '../../src/testing/real-server.js'
import { setUp, until } from './test-setup.js'

// A real PostgreSQL and a real Redis, between two Socket.IO servers.

vi.setConfig({ testTimeout: 60_000 })
const services = await Promise.allSettled([startPostgres(), startRedis()])
const running = services.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
for (const one of services) if (one.status === 'rejected') console.log(`Not tested: ${one.reason.message}`)
const [postgres, redis] = running.length === 2 ? running : []
afterAll(() => Promise.all(running.map((one) => one.stop())))

describe.skipIf(!redis)('the outbox, with Redis between two processes', () => {
  it('loses nothing when the connections to Redis break, again and again, under writes', async () => {
    const url = redis?.url ?? ''
    const { add, relay } = await setUp(postgres?.url ?? '')
    const admin = createClient({ url })
    await admin.connect()
    afterwards(() => admin.destroy())

    const here = await openAdapter(url)
    const there = await openAdapter(url)
    afterwards(() => Promise.all([here.close(), there.close()]))
    const sending = await listen({ adapter: here.adapter })
    const hearing = await listen({ adapter: there.adapter })
    await Promise.all([here.reading(), there.reading()])
    const client = connect(hearing.url)
    await until(() => expect(client.heard).toEqual(['up']))
    const numbers = () =>
      client.events.flatMap(([event, said]) => (event === 'changed' ? [(said as { n: number }).n] : []))

    const { errors } = relay({ notify: createNotifier(sending.io), confirm: here.confirm })
    await until(() => expect(client.events).toEqual([['_line', { gap: true }]]))
    const all: number[] = []
    // Until something did not get through at the first try, or this would prove nothing.
    while (all.length < 400 || (errors.length === 0 && all.length < 4_000)) {
      all.push(all.length + 1)
      await add(null, all.length)
      if (all.length % 50 === 0) await admin.sendCommand(['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'])
    }
    await until(() => expect([...new Set(numbers())]).toEqual(all))
    expect(errors.length).toBeGreaterThan(0)
    expect(client.events.filter(([event]) => event === '_line')).toHaveLength(1)
  })
})
