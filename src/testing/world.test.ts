import { describe, expect, it } from 'vitest'
import { openSimulatedWebSocket } from './simulated-websocket.js'
import { createWorld } from './world.js'

function setUp() {
  const world = createWorld({
    seed: 1,
    webLocks: true,
    channel: true,
    extendedLifetime: false,
    restarts: false,
    delay: 10,
    recovery: true,
    renewal: false,
    identify: (_auth, mountedFor) => mountedFor,
  })
  const open = () => {
    const page = world.openPage({ sharedWorker: true, workerTrouble: undefined, script: 'worker.js' })
    const { locks, openChannel } = page.environment
    if (!locks || !openChannel) throw new Error('a modern browser was asked for')
    return {
      ...page,
      get state() {
        return page.state
      },
      locks,
      openChannel,
    }
  }
  return { world, open }
}
const forever = () => new Promise<void>(() => undefined)
const waiting = () => ({ signal: new AbortController().signal })

describe('locks', () => {
  it('go to the next in the queue some time after their holder crashed', async () => {
    const { world, open } = setUp()
    const [one, other] = [open(), open()]
    const granted: string[] = []
    const ask = (page: typeof one, name: string) =>
      page.run(() => {
        const held = () => {
          granted.push(name)
          return forever()
        }
        page.locks.request('leadership', waiting(), held).catch(() => undefined)
      })
    ask(one, 'one')
    await world.pass(10)
    ask(other, 'other')
    await world.pass(10)
    expect(granted).toEqual(['one'])
    one.crash()
    await world.pass(10)
    expect(granted).toEqual(['one'])
    await world.pass(40)
    expect(granted).toEqual(['one', 'other'])
  })

  it('stay with a holder that hangs until they are stolen, which it learns when it wakes', async () => {
    const { world, open } = setUp()
    const [one, other] = [open(), open()]
    const heard: string[] = []
    one.run(
      () => void one.locks.request('leadership', waiting(), forever).catch((thrown: Error) => heard.push(thrown.name)),
    )
    await world.pass(10)
    one.hang()
    const held = () => {
      heard.push('stolen')
      return forever()
    }
    other.run(() => void other.locks.request('leadership', { steal: true }, held))
    await world.pass(1_000)
    expect(heard).toEqual(['stolen'])
    one.wake()
    await world.pass(10)
    expect(heard).toEqual(['stolen', 'AbortError'])
  })

  it('are held from their turn on, even if the page does not run', async () => {
    const { world, open } = setUp()
    const [one, other] = [open(), open()]
    const granted: string[] = []
    one.run(() => void one.locks.request('leadership', waiting(), async () => void granted.push('one')))
    one.hang()
    other.run(() => void other.locks.request('leadership', waiting(), async () => void granted.push('other')))
    await world.pass(100)
    expect(granted).toEqual(['other'])
    one.wake()
    await world.pass(100)
    expect(granted).toEqual(['other', 'one'])
  })
})

describe('a frozen page', () => {
  it('gets its messages in order when it resumes, and runs no timer before', async () => {
    const { world, open } = setUp()
    const [one, other] = [open(), open()]
    const heard: unknown[] = []
    one.openChannel('news').addEventListener('message', ({ data }) => void heard.push(data))
    one.environment.timers.after(50, () => void heard.push('timer'))
    one.hide()
    one.freeze()
    await world.pass(10)
    const channel = other.openChannel('news')
    for (const number of [1, 2, 3]) channel.postMessage(number)
    await world.pass(5_000)
    expect(heard).toEqual([])
    one.resume()
    await world.pass(10)
    expect(heard.filter((what) => what !== 'timer')).toEqual([1, 2, 3])
    expect(heard).toContain('timer')
  })
})

describe('a page in the back/forward cache', () => {
  it('comes back as it was', async () => {
    const { world, open } = setUp()
    const page = open()
    const moments: string[] = []
    page.environment.page.on('away', () => void moments.push('away'))
    page.environment.page.on('back', () => void moments.push('back'))
    page.park()
    await world.pass(60_000)
    expect(page.state).toBe('cached')
    expect(page.back()).toBe(true)
    await world.pass(10)
    expect(moments).toEqual(['away', 'back'])
  })

  it('is evicted by a message', async () => {
    const { world, open } = setUp()
    const [one, other] = [open(), open()]
    one.openChannel('news')
    one.park()
    await world.pass(10)
    other.openChannel('news').postMessage('hello')
    await world.pass(10)
    expect(one.state).toBe('gone')
    expect(one.back()).toBe(false)
  })
})

describe('timers', () => {
  it('of a hidden page run once a second, and chains of them once a minute when it is long hidden', async () => {
    const { world, open } = setUp()
    const page = open()
    const at: number[] = []
    const began = world.machine.now()
    const chain = (): void =>
      void page.environment.timers.after(100, () => {
        at.push(world.machine.now() - began)
        chain()
      })
    page.hide()
    page.run(chain)
    await world.pass(10_000)
    expect(at.length).toBeGreaterThanOrEqual(9)
    expect(at.length).toBeLessThanOrEqual(10)
    await world.pass(300_000)
    at.length = 0
    await world.pass(600_000)
    expect(at.length).toBeGreaterThanOrEqual(9)
    expect(at.length).toBeLessThanOrEqual(11)
  })

  it('are late by as long as the machine slept', async () => {
    const { world, open } = setUp()
    const page = open()
    let at = 0
    const began = world.machine.now()
    page.environment.timers.after(1_000, () => {
      at = world.machine.now() - began
    })
    await world.pass(400)
    world.sleep(60_000)
    await world.pass(70_000)
    expect(at).toBe(61_000)
  })
})

describe('the network', () => {
  it('tells both ends of a cut: the machine at once, the server when no answer comes', async () => {
    const { world, open } = setUp()
    const page = open()
    const heard: string[] = []
    const transport = page.environment.openTransport(
      { url: 'https://api.example', identity: 'ann', socket: {}, lingerMs: 0, authTimeoutMs: 1_000 },
      {
        auth: async () => ({}),
        onUp: (recovered) => void heard.push(recovered ? 'recovered' : 'up'),
        onDown: (reason) => void heard.push(reason),
        onAttemptFailed: () => undefined,
        onRefused: () => undefined,
        onNoCredentials: () => undefined,
        onEvent: (name) => void (name !== '_line' && heard.push(name)),
        onAlive: () => undefined,
        onPing: () => undefined,
        onRetryAfter: () => undefined,
        onBadFrame: () => undefined,
      },
    )
    transport.connect()
    await world.pass(1_000)
    world.server.emit('ann', 'first', {})
    await world.pass(1_000)
    world.network.change('cut')
    world.server.emit('ann', 'missed', {})
    await world.pass(1_000)
    expect(heard).toEqual(['up', 'first', 'transport close'])
    expect(world.server.sockets()).toHaveLength(1)
    await world.pass(60_000)
    expect(world.server.sockets()).toHaveLength(0)
    world.network.change('up')
    transport.connect()
    await world.pass(20_000)
    // What was missed comes before the connection is reported.
    expect(heard.slice(3)).toEqual(['missed', 'recovered'])
  })
  it('carries the plain WebSocket wire: the real transport speaks with the server in frames', async () => {
    const { world, open } = setUp()
    const page = open()
    const heard: string[] = []
    const credentials = { _line: { identity: 'ann' } }
    const say = (what: string) => void heard.push(what)
    const transport = page.environment.openTransport(
      {
        url: 'https://api.example',
        identity: 'ann',
        socket: {},
        transport: 'websocket',
        lingerMs: 0,
        authTimeoutMs: 1_000,
      },
      {
        auth: async () => credentials,
        onUp: (recovered) => say(recovered ? 'recovered' : 'up'),
        onDown: (reason) => say(`down: ${reason}`),
        onAttemptFailed: (reason) => say(`failed: ${reason}`),
        onRefused: ({ reason, final }) => say(`refused: ${reason}${final ? ', for good' : ''}`),
        onNoCredentials: say,
        onEvent: (name) => name !== '_line' && say(name),
        onAlive: () => undefined,
        onPing: () => say('ping'),
        onRetryAfter: () => undefined,
        onBadFrame: (what) => say(`a frame that ${what}`),
      },
    )
    const attempt = async () => {
      transport.connect()
      await world.pass(1_000)
      return heard.splice(0)
    }
    expect(await attempt()).toEqual(['up'])
    world.server.emit('ann', 'first', {})
    world.server.garbleNext(() => '{')
    world.server.emit('ann', 'second', {})
    void transport.probe?.().then(() => say('probed'))
    // The browser answers the protocol's pings; no script hears of them.
    await world.pass(100_000)
    expect(heard.splice(0)).toEqual(['first', 'a frame that is no JSON', 'probed'])
    expect(world.server.sockets()).toHaveLength(1)

    world.server.kick('ann')
    await world.pass(1_000)
    expect(heard.splice(0)).toEqual(['refused: the session has expired'])
    world.server.deny({ reason: 'away', code: 'unavailable' })
    expect(await attempt()).toEqual(['failed: away'])
    world.server.deny({ reason: 'banned', final: true })
    expect(await attempt()).toEqual(['refused: banned, for good'])
    world.server.deny(undefined)
    expect(await attempt()).toEqual(['up'])

    // Nothing is recovered, and a dead connection is found by its silence.
    world.network.halfOpen()
    await world.pass(36_000)
    expect(heard.splice(0)).toEqual(['down: the server did not answer'])
    expect(await attempt()).toEqual(['up'])
    transport.close()
    await world.pass(60_000)
    expect(heard).toEqual([])
    expect(world.server.sockets()).toHaveLength(0)
  })

  it('closes a WebSocket that sends no credentials', async () => {
    const { world, open } = setUp()
    const { realm } = open()
    const closed: unknown[] = []
    const socket = openSimulatedWebSocket(realm, world.network, '')
    socket.onclose = ({ code, reason }) => void closed.push(`${code}: ${reason}`)
    await world.pass(29_000)
    expect(closed).toEqual([])
    await world.pass(2_000)
    expect(closed).toEqual(['1008: no credentials'])
  })
})
