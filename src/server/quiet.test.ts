import { setTimeout as delay } from 'node:timers/promises'
import { Adapter } from 'socket.io-adapter'
import { describe, expect, it } from 'vitest'
import { connect, listen, until } from '../../test/real-server.js'
import { createNotifier, createSessions } from './index.js'
import { type Quiet, watchQuiet } from './quiet.js'

/** A namespace whose adapter is of that class, and a clock. */
function watch(AdapterClass: new (namespace: never) => Adapter, afterMs: number | false | 'default' = 0) {
  let at = 1_000_000
  const namespace = { name: '/', server: { encoder: { encode: () => ['packet'] } }, sockets: new Map(), adapter: {} }
  const adapter = new AdapterClass(namespace as never) as Adapter & {
    onMessage?: (message: object, offset?: string) => void
  }
  namespace.adapter = adapter
  const quiet: Quiet = watchQuiet(namespace, {
    afterMs: afterMs === 'default' ? undefined : afterMs,
    now: () => at,
  })
  const send = (rooms: string[]) =>
    adapter.broadcast({ type: 2, data: ['e'] } as never, { rooms: new Set(rooms) } as never)
  const pass = (ms: number) => {
    at += ms
  }
  return { namespace, adapter, quiet, send, pass }
}

/** Named as the real one: it reads one stream, in which is what any process has sent. */
class RedisStreamsAdapter extends Adapter {
  onMessage(): void {}
}

/** Like the one for Redis' publish and subscribe, which drops what is for a room without a socket here. */
class RedisAdapter extends Adapter {}

describe('what a process knows', () => {
  it('is when something was sent to a room, or to everybody', () => {
    const { quiet, send, pass, adapter } = watch(Adapter)
    pass(10_000)
    send(['user_ann'])
    pass(2_000)
    expect(quiet.forMs(['user_ann'])).toBe(2_000)
    expect(quiet.forMs(['user_bob'])).toBe(12_000)
    expect(quiet.forMs(['user_bob', 'tenant', 'user_ann'])).toBe(2_000)
    send([])
    pass(500)
    expect(quiet.forMs(['user_bob'])).toBe(500)
    pass(1_000)
    // An app may use it to make browsers refetch.
    adapter.disconnectSockets({ rooms: new Set(['user_bob']), except: new Set() } as never, true)
    expect(quiet.forMs(['user_bob'])).toBe(0)
    expect(quiet.forMs(['user_ann'])).toBe(1_500)
  })

  it('does not reach back beyond its own start, and a while after that', () => {
    const { quiet, pass } = watch(Adapter, 5_000)
    pass(4_000)
    expect(quiet.forMs(['user_ann'])).toBe(0)
    pass(3_000)
    expect(quiet.forMs(['user_ann'])).toBe(2_000)
  })

  it('is nothing without a notifier in the process, unless the app says so', () => {
    const { quiet, pass, namespace } = watch(Adapter, 'default')
    pass(60_000)
    expect(quiet.forMs(['user_ann'])).toBe(0)
    createNotifier(namespace as never)
    expect(quiet.forMs(['user_ann'])).toBe(30_000)
  })

  it('is nothing when the app says so, or the adapter is one that drops events', () => {
    for (const { quiet, pass } of [watch(Adapter, false), watch(RedisAdapter), watch(class Mine extends Adapter {})]) {
      pass(60_000)
      expect(quiet.forMs(['user_ann'])).toBe(0)
    }
  })

  it('is nothing once there is another adapter', () => {
    const { quiet, pass, namespace } = watch(Adapter)
    pass(60_000)
    namespace.adapter = new Adapter(namespace as never)
    expect(quiet.forMs(['user_ann'])).toBe(0)
  })

  it('from a stream begins with its first message, and is what any process has sent', () => {
    const { quiet, pass, adapter, send } = watch(RedisStreamsAdapter)
    pass(60_000)
    // Not by the stream: this says nothing of it.
    adapter.onMessage?.({ type: 7 })
    expect(quiet.forMs(['user_ann'])).toBe(0)
    adapter.onMessage?.({ type: 3, data: { opts: { rooms: ['user_bob'] } } }, '1-0')
    pass(10_000)
    expect(quiet.forMs(['user_ann'])).toBe(10_000)
    adapter.onMessage?.({ type: 3, data: { opts: { rooms: ['user_ann'] } } }, '2-0')
    pass(3_000)
    expect(quiet.forMs(['user_ann'])).toBe(3_000)
    send(['user_ann'])
    expect(quiet.forMs(['user_ann'])).toBe(0)
  })

  it('is kept of so many rooms; of the others it is known that it is longer ago', () => {
    const { quiet, pass, send } = watch(Adapter)
    for (let user = 0; user < 20_010; user++) {
      pass(1)
      send([`user_${user}`])
    }
    expect(quiet.forMs(['user_20009'])).toBe(0)
    expect(quiet.forMs(['user_10'])).toBe(19_999)
    expect(quiet.forMs(['user_3'])).toBe(20_000)
    expect(quiet.forMs(['user_never'])).toBe(20_000)
  })

  it('refuses an option that is no time', () => {
    for (const bad of [-1, Number.NaN, '5']) expect(() => watch(Adapter, bad as never)).toThrow(/quietAfterMs/)
  })
})

describe('what a browser is told', () => {
  async function serve(server: object = {}) {
    const { io, url } = await listen(server)
    createSessions(io, {
      async authenticate({ token }, socket) {
        await socket.join('tenant')
        return { userId: String(token) }
      },
      topics: { authorize: () => true },
      quietAfterMs: 0,
    })
    const quietOf = async (token: string, options: object = {}) => {
      const client = connect(url, { token }, options)
      await until(() => expect(client.quietForMs).toHaveLength(1))
      return client.quietForMs[0] as number
    }
    return { io, url, notify: createNotifier(io), quietOf }
  }

  it('is for how long nothing was sent to its rooms, by whom and how ever', async () => {
    const { io, notify, quietOf } = await serve()
    await delay(60)
    expect(await quietOf('ann')).toBeGreaterThanOrEqual(59)
    // Nobody of these is connected.
    notify.user('bob', 'changed')
    io.to('user_cid').emit('changed')
    io.of('/')
      .to('user_dan')
      .timeout(1_000)
      .emit('changed', () => undefined)
    const before = performance.now()
    const told = [await quietOf('bob'), await quietOf('cid'), await quietOf('dan')]
    const passed = performance.now() - before
    for (const quietForMs of told) expect(quietForMs).toBeLessThanOrEqual(passed)
    expect(await quietOf('eve')).toBeGreaterThanOrEqual(59)
    notify.room('tenant', 'changed')
    expect(await quietOf('eve')).toBeLessThan(performance.now() - before)
    let connectedAt = 0
    io.on('connection', () => {
      connectedAt = performance.now()
    })
    await delay(60)
    const sentAt = performance.now()
    notify.gap()
    const sinceGap = await quietOf('eve')
    // Counted from the gap, and not from the 60 ms before it.
    expect(sinceGap).toBeLessThanOrEqual(connectedAt - sentAt + 1)
  })

  it('counts the rooms that the app joins in the same turn, and not what comes after', async () => {
    const { io, notify, quietOf } = await serve()
    io.on('connection', (socket) => {
      if (socket.data.session.userId === 'ann') void socket.join('admins')
      // This one arrives.
      notify.user(socket.data.session.userId, 'welcome')
    })
    await delay(100)
    notify.room('admins', 'changed')
    const before = performance.now()
    const [bob, ann] = [await quietOf('bob'), await quietOf('ann')]
    expect(bob).toBeGreaterThanOrEqual(99)
    expect(ann).toBeLessThanOrEqual(performance.now() - before)
  })

  it('says nothing of what a recovered connection gets anyway', async () => {
    const { url, io } = await serve({
      connectionStateRecovery: { maxDisconnectionDuration: 60_000, skipMiddlewares: false },
    })
    const client = connect(url, { token: 'ann' }, { reconnection: true, reconnectionDelay: 10 })
    await delay(60)
    await until(() => expect(client.heard).toEqual(['up']))
    io.to('user_ann').emit('changed')
    await until(() => expect(client.events).toHaveLength(1))
    client.socket.io.engine.close()
    await until(() => expect(client.heard.at(-1)).toBe('up, recovered'))
    await until(() => expect(client.quietForMs).toHaveLength(2))
    expect(client.quietForMs[1]).toBe(0)
  })

  it('is said of each topic', async () => {
    const { url, notify } = await serve()
    await delay(80)
    notify.topic('loud', 'changed')
    const before = performance.now()
    const client = connect(url, { token: 'ann' })
    await until(() => expect(client.heard).toEqual(['up']))
    client.socket.emit('_line:join', { topics: ['loud', 'still'], request: 1 })
    await until(() => expect(client.events).toHaveLength(2))
    const words = client.events.map(([, word]) => word as { topic: string; quietForMs?: number })
    const of = (name: string) => words.find(({ topic }) => topic === name)?.quietForMs ?? 0
    expect(of('still')).toBeGreaterThanOrEqual(79)
    expect(of('loud')).toBeLessThanOrEqual(performance.now() - before)
  })
})
