import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createPipe } from '../../test/browser.js'
import { KEY, SETTINGS, setUpHub } from '../../test/fake-hub.js'
import { PROTOCOL } from '../wire/protocol.js'

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

function setUp(options?: Parameters<typeof setUpHub>[0]) {
  return { ...setUpHub(options), settle: () => vi.advanceTimersByTimeAsync(0) }
}

describe('fan-out', () => {
  it('opens one socket, whatever the number of tabs', async () => {
    const { attach, transport } = setUp()
    for (let tab = 0; tab < 5; tab++) await attach(['a'])
    expect(transport.live()).toBe(1)
    expect(transport.last.attempts).toBe(1)
  })

  it('sends the first event at once and a burst as one message per tab', async () => {
    const { attach, server, settle } = setUp()
    const tab = await attach(['a'])
    server.up()
    server.emit('a', { n: 0 })
    await settle()
    expect(tab.batches().map(({ length }) => length)).toEqual([1])
    for (let n = 1; n <= 500; n++) server.emit('a', { n })
    await vi.advanceTimersByTimeAsync(20)
    expect(tab.batches().map(({ length }) => length)).toEqual([1, 500])
    expect(tab.batches()[1]?.[499]).toEqual(['a', { n: 500 }])
  })

  it('starts no timer for a single event: in a hidden leader each costs a pipe and a turn of the event loop', async () => {
    const { attach, server, settle } = setUp()
    const tab = await attach(['a'])
    server.up()
    await vi.advanceTimersByTimeAsync(1_000)
    const timers = vi.getTimerCount()
    server.emit('a', { n: 0 })
    expect(vi.getTimerCount()).toBe(timers)
    // Two more are a burst: one timer for both.
    server.emit('a', { n: 1 })
    server.emit('a', { n: 2 })
    expect(vi.getTimerCount()).toBe(timers + 1)
    await vi.advanceTimersByTimeAsync(20)
    expect(vi.getTimerCount()).toBe(timers)
    await settle()
    expect(tab.batches().map(({ length }) => length)).toEqual([1, 2])
  })

  it('does not wait for a timer that is late, as a hidden leader’s are', async () => {
    const { attach, server, settle } = setUp()
    const tab = await attach(['a'])
    server.up()
    server.emit('a', { n: 0 })
    await settle()
    // The clock goes on, the timers do not.
    const now = performance.now()
    vi.spyOn(performance, 'now').mockReturnValue(now + 30_000)
    server.emit('a', { n: 1 })
    vi.mocked(performance.now).mockRestore()
    await settle()
    expect(tab.batches().map(({ length }) => length)).toEqual([1, 1])
  })

  it('sends a tab only the events that it subscribes to', async () => {
    const { attach, server, hub } = setUp()
    const one = await attach(['a'])
    const both = await attach(['a', 'b'])
    server.up()
    server.emit('b', {})
    await vi.advanceTimersByTimeAsync(50)
    expect(one.of('events')).toEqual([])
    expect(both.of('events')).toHaveLength(1)
    hub.subscribe(one.id, ['b'])
    server.emit('b', {})
    await vi.advanceTimersByTimeAsync(50)
    expect(one.of('events')).toHaveLength(1)
  })

  it('sends a tab only those events of a batch that it subscribes to', async () => {
    const { attach, server } = setUp()
    const one = await attach(['a'])
    const both = await attach(['a', 'b'])
    server.up()
    await vi.advanceTimersByTimeAsync(50)
    for (const name of ['a', 'a', 'b', 'a']) server.emit(name, {})
    await vi.advanceTimersByTimeAsync(50)
    const names = (tab: typeof one) => tab.batches().map((events) => events.map(([name]) => name))
    expect(names(both)).toEqual([['a'], ['a', 'b', 'a']])
    expect(names(one)).toEqual([['a'], ['a', 'a']])
  })

  it('takes absent metadata for empty, what is no object for the value of one, and what is no JSON for null', async () => {
    const { attach, server } = setUp()
    const tab = await attach(['a'])
    server.up()
    for (const metadata of [undefined, null, { x: 1 }, 'text', ['list'], new Date()]) server.emit('a', metadata)
    await vi.advanceTimersByTimeAsync(50)
    expect(tab.batches().flatMap((events) => events.map(([, metadata]) => metadata))).toEqual([
      {},
      {},
      { x: 1 },
      { value: 'text' },
      { value: ['list'] },
      null,
    ])
    expect(tab.of('problem')).toMatchObject([{ code: 'bad-metadata', event: 'a' }])
  })

  it.each(['nobody_knows', '__proto__', 'constructor', 'toString', ''])(
    'tells one tab, once, of the unknown event %j',
    async (name) => {
      const { attach, server } = setUp()
      const tabs = [await attach(['a']), await attach(['a'])]
      server.up()
      server.emit(name, {})
      server.emit(name, {})
      await vi.advanceTimersByTimeAsync(50)
      expect(tabs.flatMap((tab) => tab.of('problem'))).toMatchObject([{ code: 'unknown-event', event: name }])
      expect(tabs.flatMap((tab) => tab.of('events'))).toEqual([])
    },
  )
})

describe('gaps and history', () => {
  it('answers each connection without recovery with a gap for everyone', async () => {
    const { attach, server, settle } = setUp()
    const tab = await attach(['a'])
    server.up()
    server.down()
    server.up()
    await settle()
    expect(tab.of('gap').map((gap) => gap.reason)).toEqual([
      'events before the first connection are not known',
      'the connection was lost and made again',
    ])
    server.down()
    server.up(true)
    await settle()
    expect(tab.of('gap')).toHaveLength(2)
  })

  it('vouches for everything since the page began, when it was connected all the while', async () => {
    const { attach, server } = setUp()
    await attach(['a', 'b'])
    server.up()
    await vi.advanceTimersByTimeAsync(1_000)
    const began = Date.now()
    await vi.advanceTimersByTimeAsync(200)
    server.emit('a', { n: 1 })
    server.emit('b', { n: 2 })
    await vi.advanceTimersByTimeAsync(200)
    const late = await attach(['a'], { since: { ageMs: Date.now() - began } })
    expect(late.welcome.gap).toBeUndefined()
    expect(late.welcome.replay).toEqual([['a', { n: 1 }]])
  })

  it('tells a tab that is older than the connection of a gap', async () => {
    const { attach, server } = setUp()
    const began = Date.now()
    await vi.advanceTimersByTimeAsync(500)
    await attach(['a'])
    server.up()
    const late = await attach(['a'], { since: { ageMs: Date.now() - began } })
    expect(late.welcome.gap).toBeDefined()
    expect(late.welcome.replay).toBeUndefined()
  })

  it('replays a returning tab what it missed, and a gap that it missed is a gap', async () => {
    const { attach, server, settle } = setUp()
    const stays = await attach(['a'])
    const leaves = await attach(['a'])
    server.up()
    server.emit('a', { n: 1 })
    await vi.advanceTimersByTimeAsync(50)
    const seq = leaves.of('events').at(-1)?.seq as number
    leaves.detach()
    server.emit('a', { n: 2 })
    await vi.advanceTimersByTimeAsync(50)
    const since = { epoch: stays.welcome.epoch, seq, ageMs: 0 }
    expect((await attach(['a'], { since })).welcome.replay).toEqual([['a', { n: 2 }]])

    server.down()
    server.up()
    await settle()
    expect((await attach(['a'], { since: { ...since, seq: seq + 1 } })).welcome.gap).toBeDefined()
  })

  it('owes a gap to a tab that attached while the socket was away, even if it recovers', async () => {
    const { attach, server, settle } = setUp()
    const first = await attach(['a'])
    server.up()
    await settle()
    server.down()
    const late = await attach(['a'], { since: { ageMs: 900_000 } })
    expect(late.welcome.gap).toBeUndefined()
    server.up(true)
    await settle()
    expect(late.of('gap')).toHaveLength(1)
    expect(first.of('gap')).toHaveLength(1)
  })

  it('does not deliver to a joining tab the events before it joined', async () => {
    const { attach, server } = setUp()
    await attach(['a'])
    server.up()
    server.emit('a', { n: 1 })
    server.emit('a', { n: 2 })
    const late = await attach(['a'])
    await vi.advanceTimersByTimeAsync(50)
    expect(late.of('events')).toEqual([])
  })
})

describe('tabs come and go', () => {
  it('sees a crashed tab by its lock, and ends after the linger', async () => {
    const { attach, transport, ended, browser } = setUp()
    const tab = await attach(['a'])
    tab.crash()
    await vi.advanceTimersByTimeAsync(4_999)
    expect(ended()).toBe(0)
    await vi.advanceTimersByTimeAsync(1)
    expect(ended()).toBe(1)
    expect(transport.live()).toBe(0)
    expect(browser.locks.names()).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('keeps the socket over a reload of the only tab', async () => {
    const { attach, transport, ended } = setUp()
    for (let reload = 0; reload < 3; reload++) {
      const tab = await attach(['a'])
      tab.detach()
      await vi.advanceTimersByTimeAsync(1_000)
    }
    await attach(['a'])
    await vi.advanceTimersByTimeAsync(20_000)
    expect(ended()).toBe(0)
    expect(transport.opened).toHaveLength(1)
  })

  it('closes at once when the identity ended in the last tab, but not while another one is there', async () => {
    const { attach, ended } = setUp()
    const one = await attach(['a'])
    const two = await attach(['a'])
    one.detach('released')
    expect(ended()).toBe(0)
    two.detach('released')
    expect(ended()).toBe(1)
  })

  it('posts nothing to a tab that has detached', async () => {
    const { attach, server, hub } = setUp()
    await attach(['a'])
    const parked = await attach(['a'])
    server.up()
    await vi.advanceTimersByTimeAsync(50)
    parked.detach()
    const before = parked.got.length
    server.emit('a', {})
    server.down()
    server.up()
    hub.signOut()
    await vi.advanceTimersByTimeAsync(50)
    expect(parked.got).toHaveLength(before)
  })

  it('without Web Locks, takes a silent tab for gone and keeps one that pings', async () => {
    const { attach, hub, ended } = setUp({ webLocks: false })
    await attach(['a'])
    const pings = await attach(['a'])
    for (let minute = 0; minute < 6; minute++) {
      await vi.advanceTimersByTimeAsync(60_000)
      expect(hub.ping(pings.id)).toBe(true)
    }
    expect(hub.ping('t1')).toBe(false)
    expect(ended()).toBe(0)
  })

  it('without Web Locks, reads the ping that waits behind its own timer before it takes the tab for gone', async () => {
    const { attach, hub, ended } = setUp({ webLocks: false })
    const tab = await attach(['a'])
    await vi.advanceTimersByTimeAsync(149_000)
    // The thread was busy: the ping is read right after the timer.
    setTimeout(() => hub.ping(tab.id), 1_001 + 75_000)
    await vi.advanceTimersByTimeAsync(76_001)
    expect(ended()).toBe(0)
    expect(hub.ping(tab.id)).toBe(true)
  })

  it('tells tabs of their number a few times, not once for each of them', async () => {
    const { attach, settle } = setUp()
    const first = await attach(['a'])
    for (let tab = 0; tab < 19; tab++) await attach(['a'])
    await settle()
    expect(first.of('state').at(-1)?.tabs).toBe(20)
    expect(first.of('state').length).toBeLessThan(5)
  })
})

describe('credentials', () => {
  it('asks a live tab at every attempt', async () => {
    const { attach, transport } = setUp()
    let token = 0
    await attach(['a'], { auth: () => `t${++token}` })
    const { auth } = transport.last.handlers
    expect(await auth()).toEqual({ token: 't1', _line: { identity: 'u1' } })
    expect(await auth()).toMatchObject({ token: 't2' })
  })

  it('goes on to another tab when one is silent or dies, and says so when all are', async () => {
    const { attach, transport } = setUp()
    await attach(['a'])
    const dies = await attach(['a'])
    await attach(['a'], { auth: () => 'from the third' })
    const answer = transport.last.handlers.auth()
    await vi.advanceTimersByTimeAsync(1_001)
    dies.crash()
    await vi.advanceTimersByTimeAsync(0)
    expect(await answer).toMatchObject({ token: 'from the third' })
  })

  it('ends rather than connect for a tab that is gone', async () => {
    const { attach, transport, ended } = setUp()
    const tab = await attach(['a'])
    tab.detach()
    await expect(transport.last.handlers.auth()).rejects.toThrow('no tab is left')
    expect(ended()).toBe(1)
  })

  it('tries refused credentials again a few times, then says unauthorized with the reason', async () => {
    const { attach, server, transport } = setUp()
    const tab = await attach(['a'])
    for (let time = 0; time < 4; time++) {
      server.refuse('token expired')
      await vi.advanceTimersByTimeAsync(5_000)
    }
    expect(transport.last.attempts).toBe(5)
    expect(tab.of('state').at(-1)?.socket).toEqual({ name: 'unauthorized', reason: 'token expired' })
    expect(tab.of('problem')).toMatchObject([{ code: 'unauthorized' }])
  })

  it('never ends trying, at most a minute later, and is connected when the server can judge again', async () => {
    const { attach, server, transport } = setUp()
    const tab = await attach(['a'])
    const pauses: number[] = []
    for (let time = 0; time < 60; time++) {
      const { attempts } = transport.last
      const began = Date.now()
      server.refuse('the session store is away')
      while (transport.last.attempts === attempts && Date.now() - began < 120_000) await vi.advanceTimersByTimeAsync(50)
      pauses.push(Date.now() - began)
    }
    // Half of each range is drawn.
    expect(pauses.slice(0, 5)).toEqual([250, 500, 1_000, 2_000, 4_000])
    expect(new Set(pauses.slice(10))).toEqual(new Set([30_000]))
    expect(tab.of('problem')).toMatchObject([{ code: 'unauthorized' }])
    server.up()
    await vi.advanceTimersByTimeAsync(20)
    expect(tab.of('state').at(-1)?.socket).toEqual({ name: 'connected' })
  })

  it('asks another tab after a refusal, and tries once more when a tab becomes visible', async () => {
    const { attach, server, transport, hub } = setUp()
    await attach(['a'], { auth: () => 'first' })
    await attach(['a'], { auth: () => 'second' })
    const { auth } = transport.last.handlers
    expect(await auth()).toMatchObject({ token: 'second' })
    server.refuse()
    expect(await auth()).toMatchObject({ token: 'first' })
    await vi.advanceTimersByTimeAsync(5_000)
    for (let time = 0; time < 9; time++) {
      server.refuse()
      await vi.advanceTimersByTimeAsync(time < 8 ? 30_000 : 2_000)
    }
    const { attempts } = transport.last
    hub.nudge('visible')
    expect(transport.last.attempts).toBe(attempts + 1)
  })

  it('a connection that held resets the count of refusals', async () => {
    const { attach, server, transport } = setUp()
    const tab = await attach(['a'])
    for (let hour = 0; hour < 6; hour++) {
      server.refuse('the server closed the connection')
      await vi.advanceTimersByTimeAsync(5_000)
      server.up()
      await vi.advanceTimersByTimeAsync(3_600_000)
    }
    expect(tab.of('state').at(-1)?.socket).toEqual({ name: 'connected' })
    expect(transport.last.attempts).toBe(7)
  })

  it('says once in an outage that the server can not be reached', async () => {
    const { attach, server, transport, settle } = setUp()
    const tab = await attach(['a'])
    for (let attempt = 0; attempt < 5; attempt++) transport.last.handlers.onAttemptFailed('websocket error')
    await settle()
    expect(tab.of('state').at(-1)?.socket).toEqual({ name: 'connecting', reason: 'websocket error' })
    expect(tab.of('problem')).toMatchObject([{ code: 'connect-failed' }])
    server.up()
    // A connection that does not hold is no end of the outage.
    server.down()
    transport.last.handlers.onAttemptFailed('websocket error')
    await settle()
    expect(tab.of('problem')).toHaveLength(1)
    server.up()
    await vi.advanceTimersByTimeAsync(10_000)
    server.down()
    transport.last.handlers.onAttemptFailed('websocket error')
    await settle()
    expect(tab.of('state').at(-1)?.socket.name).toBe('disconnected')
    expect(tab.of('problem')).toHaveLength(2)
  })

  it('goes on trying, slower and slower, when no tab can give credentials', async () => {
    const { attach, transport } = setUp()
    const tab = await attach(['a'])
    for (let time = 0; time < 5; time++) {
      transport.last.handlers.onNoCredentials('auth failed: 500')
      await vi.advanceTimersByTimeAsync(15_000)
    }
    expect(transport.last.attempts).toBe(6)
    expect(tab.of('problem')).toMatchObject([{ code: 'auth-failed' }])
  })
})

describe('nudges', () => {
  it('reconnects at once when online, but once for twenty tabs', async () => {
    const { attach, server, hub, transport } = setUp()
    await attach(['a'])
    server.up()
    server.down()
    const before = transport.last.attempts
    for (let tab = 0; tab < 20; tab++) hub.nudge('online')
    expect(transport.last.attempts).toBe(before + 1)
  })

  it('leaves a live connection alone', async () => {
    const { attach, server, hub, transport } = setUp()
    await attach(['a'])
    server.up()
    hub.nudge('visible')
    hub.nudge('online')
    expect(transport.last.attempts).toBe(1)
  })

  it('replaces the socket after the machine slept', async () => {
    const { attach, server, transport } = setUp()
    await attach(['a'])
    server.up()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(transport.last.attempts).toBe(1)
    // A hidden leader's timers run once a minute: no sleep.
    vi.setSystemTime(Date.now() + 60_000)
    await vi.advanceTimersByTimeAsync(5_000)
    expect(transport.last.attempts).toBe(1)
    vi.setSystemTime(Date.now() + 3_600_000)
    await vi.advanceTimersByTimeAsync(5_000)
    expect(transport.last.attempts).toBe(2)
  })
})

describe('the end', () => {
  it('signing out tells every tab, closes the socket and leaves nothing behind', async () => {
    const { attach, hub, server, transport, ended, browser } = setUp()
    const tabs = [await attach(['a']), await attach(['a'])]
    server.up()
    hub.signOut()
    await vi.advanceTimersByTimeAsync(0)
    expect(tabs.map((tab) => tab.of('signed-out').length)).toEqual([1, 1])
    expect(transport.live()).toBe(0)
    expect(ended()).toBe(1)
    expect(vi.getTimerCount()).toBe(0)
    expect(browser.locks.names()).toEqual([`${KEY}/tab/t1`, `${KEY}/tab/t2`])
  })

  it('says when a tab comes with other settings, and keeps its own', async () => {
    const { attach, hub, transport } = setUp()
    await attach(['a'])
    const { port2 } = createPipe()
    const welcome = await hub.attach(
      port2,
      {
        protocol: PROTOCOL,
        tab: 'other',
        settings: { ...SETTINGS, socket: { path: '/other' } },
        events: [],
        check: 'c',
        since: { ageMs: 0 },
      },
      true,
    )
    expect(welcome).toMatchObject({ ok: true, settingsDiffer: true })
    expect(transport.last.settings.socket).toEqual({})
  })
})
