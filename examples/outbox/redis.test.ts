import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from 'redis'
import { afterAll, describe, expect, it } from 'vitest'
import { openAdapter } from '../../demo/cluster/adapter.js'
import { startPostgres } from '../../scripts/postgres.js'
import { startRedis } from '../../scripts/redis.js'
import { createNotifier, createSessions } from '../../src/server/index.js'
import { afterwards, connect, listen, until } from '../../test/real-server.js'
import { startForTests } from '../../test/services.js'
import { setUp } from './test-setup.js'

// A real PostgreSQL and a real Redis, between two Socket.IO servers.

const [postgres, redis] = await Promise.all([startForTests(startPostgres), startForTests(startRedis)])
afterAll(() => Promise.all([postgres?.stop(), redis?.stop()]))

describe.skipIf(!postgres || !redis)('the outbox, with Redis between two processes', () => {
  /** One server that sends, one that receives, and for each a client that can break its Redis connections. */
  async function setUpBoth() {
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
    return {
      add,
      relay: (confirm: () => Promise<unknown> = here.confirm) => relay({ notify: createNotifier(sending.io), confirm }),
      confirm: here.confirm,
      words: () => client.events.filter(([event]) => event === '_line'),
      numbers: () => client.events.flatMap(([event, said]) => (event === 'changed' ? [(said as { n: number }).n] : [])),
      breakAll: () => admin.sendCommand(['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes']),
    }
  }

  it('loses nothing when the connections to Redis break, again and again, under writes', async () => {
    const { add, relay, words, numbers, breakAll } = await setUpBoth()
    const { errors } = relay()
    await until(() => expect(words()).toEqual([['_line', { gap: true }]]))
    const all: number[] = []
    // Until one event was not confirmed at the first try, or this would prove nothing.
    while (all.length < 400 || (errors.length === 0 && all.length < 4_000)) {
      all.push(all.length + 1)
      await add(null, all.length)
      if (all.length % 50 === 0) await breakAll()
    }
    await until(() => expect([...new Set(numbers())]).toEqual(all))
    expect(errors.length).toBeGreaterThan(0)
    expect(words()).toHaveLength(1)
  })

  it('a message to one browser takes no place in the stream, from which connections are recovered', async () => {
    const url = redis?.url ?? ''
    const admin = createClient({ url })
    await admin.connect()
    afterwards(() => admin.destroy())
    const { adapter, close, reading } = await openAdapter(url)
    afterwards(close)
    const { io, url: address } = await listen({ adapter, connectionStateRecovery: { skipMiddlewares: false } })
    await reading()
    const before = await admin.xLen('socket.io')
    createSessions(io, {
      authenticate: () => ({ userId: 'ann' }),
      replay: () => [{ id: 8, event: 'changed' }],
      newest: () => 7,
      topics: { authorize: () => true },
    })
    const client = connect(address, { cursor: 5 })
    client.socket.emit('_line:join', { topics: ['a'], request: 1 })
    await until(() => expect(client.events).toHaveLength(4))
    expect(client.events).toContainEqual(['_line', { cursor: 7 }])
    expect(await admin.xLen('socket.io')).toBe(before)
    createNotifier(io).user('ann', 'changed')
    await until(async () => expect(await admin.xLen('socket.io')).toBe(before + 1))
    // A broken connection is written to Redis, which is about to end.
    client.socket.disconnect()
    await until(() => expect(io.of('/').sockets.size).toBe(0))
  })

  it('a connection that breaks in the middle of a page confirms nothing that is lost', async () => {
    const url = redis?.url ?? ''
    const admin = createClient({ url })
    await admin.connect()
    afterwards(() => admin.destroy())
    const pad = 'x'.repeat(300)
    const answers: string[] = []
    for (let round = 1; round <= 24; round++) {
      const { adapter, confirm, close, reading } = await openAdapter(url)
      const { io } = await listen({ adapter })
      afterwards(close)
      await reading()
      for (let n = 1; n <= 500; n++) io.emit('changed', { round, n, pad })
      const confirmed = confirm().then(
        () => 'yes',
        () => 'no',
      )
      // When some of the page is on its way, and the rest waits.
      if (round % 2 === 0) await new Promise(setImmediate)
      await admin.sendCommand(['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'])
      // A client may never answer again after that: it confirms nothing, either.
      const answer = await Promise.race([confirmed, sleep(1_000, 'silence')])
      answers.push(answer)
      const entries = await admin.xRange('socket.io', '-', '+')
      const arrived = entries.filter(({ message }) => message['data']?.includes(`"round":${round},`)).length
      if (answer === 'yes') expect(arrived).toBe(500)
      await admin.del('socket.io')
    }
    expect(answers).toContain('no')
  })
})
