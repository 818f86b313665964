import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { SETTINGS, setUpHub } from '../../test/fake-hub.js'
import type { Simulation } from '../wire/hub-calls.js'

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

const pass = (ms = 0) => vi.advanceTimersByTimeAsync(ms)

function setUp(options: Parameters<typeof setUpHub>[0] = {}) {
  const all = setUpHub(options)
  const { hub, transport } = all
  /** As an attempt does that gets as far as that. */
  const askForCredentials = async () => {
    const asked = transport.last.handlers.auth().catch(() => undefined)
    await pass(SETTINGS.authTimeoutMs + 1)
    return asked
  }
  const steps = (kind?: string) =>
    hub
      .inspect(0)
      .records.filter((record) => !kind || record.kind === kind)
      .map(({ step }) => step)
  const last = (kind: string) =>
    hub
      .inspect(0)
      .records.filter((record) => record.kind === kind)
      .at(-1)
  const simulate = (simulation: unknown) => hub.simulate(simulation as Simulation)
  return { ...all, askForCredentials, steps, last, simulate, inspect: () => hub.inspect(0) }
}

describe('the records of a connection', () => {
  it('tell of each attempt, its end, and when the next one comes', async () => {
    const { attach, server, transport, steps, last, inspect } = setUp()
    await attach(['a'])
    server.up()
    await pass(3)
    server.down('transport close')
    expect(steps('connection')).toEqual(['connecting', 'connected', 'lost'])
    const { inMs = 0 } = last('connection') ?? {}
    expect(last('connection')).toMatchObject({ reason: 'transport close', ageMs: 0 })
    expect(inMs).toBeGreaterThan(0)
    expect(inspect()).toMatchObject({ attempts: 1, nextAttemptInMs: inMs, flaps: 1, socketAgeMs: 0 })
    await pass(inMs)
    expect(last('connection')).toMatchObject({ step: 'connecting', attempt: 2 })
    expect(inspect().nextAttemptInMs).toBeUndefined()
    transport.last.handlers.onAttemptFailed('xhr poll error')
    expect(last('connection')).toMatchObject({ step: 'failed', reason: 'xhr poll error' })
    await pass(30_000)
    expect(inspect().socket.name).toBe('disconnected')
    // For how long it has been so, not since the last attempt.
    expect(inspect().socketAgeMs).toBe(inMs + 30_000)
  })

  it('count attempts from 0 once a connection has held', async () => {
    const { attach, server, inspect } = setUp()
    await attach(['a'])
    server.up()
    server.down()
    await pass(2_000)
    server.up()
    expect(inspect()).toMatchObject({ attempts: 2, flaps: 1 })
    await pass(10_000)
    expect(inspect()).toMatchObject({ attempts: 0, flaps: 0, socket: { name: 'connected' }, socketAgeMs: 10_000 })
    server.down()
    expect(inspect()).toMatchObject({ attempts: 0, flaps: 0 })
  })

  it('tell of refusals, also of a last one and of somebody else’s', async () => {
    const { attach, server, steps, last, askForCredentials } = setUp()
    await attach(['a'], { auth: () => 'x' })
    await askForCredentials()
    server.refuse('bad token')
    expect(last('connection')).toMatchObject({ step: 'refused', reason: 'bad token', inMs: expect.any(Number) })
    server.refuse('who are you', { isWrongIdentity: true })
    server.refuse('banned', { final: true })
    expect(steps('connection').slice(-2)).toEqual(['wrong-identity', 'refused'])
    expect(last('connection')?.inMs).toBeUndefined()
  })

  it('tell of a connection that was given up', async () => {
    const { attach, server, steps } = setUp()
    await attach(['a'])
    server.up()
    await pass(10_000)
    server.emit('_line', { move: true })
    expect(steps('connection').slice(-2)).toEqual(['given-up', 'connecting'])
    server.up()
    server.emit('_line', { move: true })
    expect(steps('connection').slice(-2)).toEqual(['connected', 'given-up'])
  })
})

it('the records of credentials tell which tab was asked, and what came of it', async () => {
  const { attach, server, hub, askForCredentials, steps, last, inspect } = setUp()
  const silent = await attach(['a'])
  await askForCredentials()
  expect(last('credentials')).toMatchObject({ step: 'failed', tab: silent.id, reason: expect.stringContaining('1000') })
  const able = await attach(['a'], { auth: () => 'x', expiresAt: () => Date.now() + 600_000 })
  await askForCredentials()
  expect(steps('credentials')).toEqual(['asked', 'failed', 'asked', 'given', 'planned'])
  expect(hub.inspect(0).records.filter(({ step }) => step === 'given')).toMatchObject([{ tab: able.id }])
  server.up()
  const { inMs = 0 } = last('credentials') ?? {}
  expect(inspect().renewalInMs).toBeGreaterThan(inMs - 2_000)
  await pass(inMs)
  expect(steps('credentials').slice(-4)).toEqual(['asked', 'given', 'planned', 'accepted'])
  server.down()
  expect(inspect().renewalInMs).toBeUndefined()
})

it('the records of gaps tell what was missed, and what was sent again', async () => {
  const { attach, server, steps, last, inspect } = setUp()
  const tab = await attach(['a'])
  server.up()
  expect(last('gap')).toMatchObject({ step: 'missed', reason: 'events before the first connection are not known' })
  server.emit('a')
  server.emit('a')
  const other = await attach(['a'], { since: { epoch: tab.welcome.epoch, seq: 1, ageMs: 0 } })
  expect(last('gap')).toMatchObject({ step: 'replayed', tab: other.id, count: 2 })
  server.down()
  server.up(true)
  expect(steps('gap')).toEqual(['missed', 'replayed', 'none'])
  expect(inspect().counters).toMatchObject({ gaps: 1, replays: 1, connections: 2 })
})

it('topics have a state and a number of tabs, and their outcomes are recorded', async () => {
  const { attach, server, transport, inspect, hub } = setUp()
  const one = await attach(['a'], { topics: ['room/1', 'room/2'] })
  await attach(['a'], { topics: ['room/1'] })
  expect(inspect().topics).toEqual([
    { name: 'room/1', state: 'offline', tabs: 2 },
    { name: 'room/2', state: 'offline', tabs: 1 },
  ])
  server.up()
  expect(inspect().topics.map(({ state }) => state)).toEqual(['joining', 'joining'])
  const { request } = transport.last.said.filter(([event]) => event === '_line:join').at(-1)?.[1] ?? {}
  server.emit('_line', { topic: 'room/1', ok: true, request })
  server.emit('_line', { topic: 'room/2', ok: false, request, message: 'not yours' })
  expect(inspect().topics.map(({ state }) => state)).toEqual(['joined', 'refused'])
  one.use()
  await pass(1_000)
  expect(inspect().topics).toEqual([{ name: 'room/1', state: 'joined', tabs: 1 }])
  expect(hub.inspect(0).records.filter(({ kind }) => kind === 'topic')).toMatchObject([
    { step: 'joined', topic: 'room/1' },
    { step: 'refused', topic: 'room/2', reason: 'not yours' },
    { step: 'left', topic: 'room/2' },
  ])
})

describe('the records', () => {
  it('are given from a number on, the newest last', async () => {
    const { attach, server, hub } = setUp()
    await attach(['a'])
    const before = hub.inspect(0).records
    await pass(5)
    server.up()
    const later = hub.inspect(before.at(-1)?.n ?? 0).records
    expect([...before, ...later].map(({ n }) => n)).toEqual(hub.inspect(0).records.map((_, index) => index + 1))
    expect(later.map(({ ageMs }) => ageMs)).toEqual(later.map(() => 0))
    expect(hub.inspect(0).records[0]?.ageMs).toBe(5)
  })

  it('are 40 of a kind at most, and a flood of one kind pushes out no other', async () => {
    const { attach, server, steps } = setUp()
    await attach(['a'])
    for (let round = 0; round < 100; round++) server.refuse('x'.repeat(10_000))
    expect(steps('connection')).toHaveLength(40)
    expect(steps('hub')).toContain('attached')
  })

  it('quote somebody else for 300 characters at most', async () => {
    const { attach, server, last } = setUp()
    await attach(['a'])
    server.refuse('x'.repeat(10_000))
    expect(last('connection')?.reason).toHaveLength(300)
  })

  it('are none for events: those are counted', async () => {
    const { attach, server, hub, inspect } = setUp()
    const [one] = [await attach(['a']), await attach(['a'])]
    server.up()
    await pass(1_000)
    const before = hub.inspect(0)
    for (let n = 0; n < 1_000; n++) server.emit('a', { n })
    await pass(1_000)
    const { counters, records } = inspect()
    expect(records).toHaveLength(before.records.length)
    const batches = one.of('events')
    expect(counters).toMatchObject({
      events: 1_000,
      // Once, however many tabs get it.
      batches: batches.length,
      characters: batches.reduce((sum, { events }) => sum + events.length, 0),
    })
  })
})

describe('a tab', () => {
  it('is asked for its title only while somebody inspects the hub, at most once a second', async () => {
    const { attach, server, inspect } = setUp()
    const tab = await attach(['a'])
    server.up()
    await pass(5_000)
    expect(tab.of('describe')).toEqual([])
    inspect()
    inspect()
    await pass()
    expect(tab.of('describe')).toHaveLength(1)
    await pass(999)
    inspect()
    await pass()
    expect(tab.of('describe')).toHaveLength(1)
    await pass(1)
    inspect()
    await pass()
    expect(tab.of('describe')).toHaveLength(2)
  })

  it('is shown with what it said, what it subscribes to, and when it was heard', async () => {
    const { attach, inspect, hub } = setUp()
    const tab = await attach(['a', 'b'], { topics: ['room'] })
    const shown = () => inspect().tabs[0]
    expect(shown()).toEqual({ id: tab.id, events: ['a', 'b'], topics: ['room'], heardAgoMs: 0, isParked: false })
    await pass(70)
    expect(shown()?.heardAgoMs).toBe(70)
    tab.describe('x'.repeat(1_000), false)
    expect(shown()).toMatchObject({ title: 'x'.repeat(200), isVisible: false, heardAgoMs: 0 })
    await pass(70)
    hub.ping(tab.id)
    expect(shown()?.heardAgoMs).toBe(0)
  })

  it('has a role where the hub runs in a leader tab', async () => {
    const roles = async (host: 'shared-worker' | 'leader-tab') => {
      const { attach, inspect } = setUp({ host })
      await attach(['a'])
      await attach(['a'], { trusted: false })
      return inspect().tabs.map(({ role }) => role)
    }
    expect(await roles('shared-worker')).toEqual([undefined, undefined])
    expect(await roles('leader-tab')).toEqual(['leader', 'follower'])
  })

  it('that is parked is remembered until it attaches again, and for ten minutes', async () => {
    const { attach, inspect } = setUp({ host: 'leader-tab' })
    await attach(['a'])
    const parked = await attach(['b'], { trusted: false })
    const closed = await attach(['c'], { trusted: false })
    parked.describe('a page')
    closed.detach('closed')
    parked.detach('parked')
    const shown = () => inspect().tabs.slice(1)
    expect(shown()).toMatchObject([{ id: parked.id, title: 'a page', isVisible: false, isParked: true, events: ['b'] }])
    expect(shown()[0]?.role).toBeUndefined()
    expect(inspect().records.filter(({ step }) => step === 'left')).toMatchObject([
      { tab: closed.id, reason: 'closed' },
      { tab: parked.id, reason: 'parked' },
    ])
    await pass(599_999)
    expect(shown()).toHaveLength(1)
    await parked.attachAgain()
    expect(shown()).toMatchObject([{ id: parked.id, isParked: false }])
    parked.detach('parked')
    await pass(600_000)
    expect(shown()).toEqual([])
  })

  it('is one of ten at most that are remembered', async () => {
    const { attach, inspect } = setUp()
    await attach(['a'])
    for (let tab = 0; tab < 15; tab++) (await attach(['a'])).detach('parked')
    expect(inspect().tabs.filter(({ isParked }) => isParked)).toHaveLength(10)
  })
})

it('the round-trip time is that of the last probe, which an inspection makes now and then', async () => {
  const { attach, server, transport, inspect } = setUp()
  await attach(['a'])
  inspect()
  expect(transport.last.probes).toBe(0)
  server.up()
  expect(inspect().roundTripMs).toBeUndefined()
  expect(transport.last.probes).toBe(1)
  await pass(1_000)
  expect(inspect().roundTripMs).toBe(0)
  expect(transport.last.probes).toBe(1)
  await pass(4_000)
  inspect()
  expect(transport.last.probes).toBe(2)
})

it('an inspection makes no attempt, and cuts no pause short', async () => {
  const { attach, server, transport, inspect } = setUp()
  await attach(['a'])
  server.up()
  server.down()
  const { nextAttemptInMs } = inspect()
  const { attempts } = transport.last
  await pass(10)
  expect(inspect().nextAttemptInMs).toBe((nextAttemptInMs ?? 0) - 10)
  expect(transport.last.attempts).toBe(attempts)
})

it('never contains a credential, whatever happened', async () => {
  const act = fc.constantFrom(
    'up',
    'down',
    'refuse',
    'final',
    'fail',
    'auth',
    'renew',
    'park',
    'attach',
    'event',
    'wait',
  )
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 25 }), async (acts) => {
      const { attach, server, transport, hub, askForCredentials, inspect } = setUp()
      let tokens = 0
      const auth = () => {
        if (tokens++ % 3 === 2) throw new Error('SECRET in what auth threw')
        return `SECRET-${tokens}`
      }
      const open = () => attach(['a'], { auth, expiresAt: () => Date.now() + 20_000 })
      const tabs = [await open(), await open()]
      for (const name of acts) {
        if (name === 'up') server.up()
        else if (name === 'down') server.down()
        else if (name === 'refuse') server.refuse()
        else if (name === 'final') server.refuse('no', { final: true })
        else if (name === 'fail') transport.last.handlers.onAttemptFailed('no')
        else if (name === 'auth') await askForCredentials()
        else if (name === 'renew') await pass(20_000)
        else if (name === 'park' && tabs.length > 1) tabs.pop()?.detach('parked')
        else if (name === 'attach') tabs.push(await open())
        else if (name === 'event') server.emit('a', { token: 'SECRET of an event' })
        else await pass(1_000)
        expect(JSON.stringify(inspect())).not.toContain('SECRET')
      }
      hub.close('over')
    }),
    { numRuns: 60 },
  )
})

describe('a simulation', () => {
  const connected = async (options: Parameters<typeof setUpHub>[0] = {}) => {
    const all = setUp(options)
    const tab = await all.attach(['a'], { auth: () => 'x' })
    all.server.up()
    await pass(10_000)
    return { ...all, tab }
  }

  it('of an event takes the way of the server’s own', async () => {
    const { tab, simulate } = await connected()
    simulate({ name: 'event', event: 'a', metadata: { id: 7, _line: { origin: 'me.1', id: 5 } }, count: 3 })
    await pass(100)
    expect(tab.batches().flat()).toEqual(Array.from({ length: 3 }, () => ['a', { id: 7 }, { origin: 'me.1' }]))
    simulate({ name: 'event', event: 'b' })
    await pass()
    expect(tab.of('problem')).toMatchObject([{ code: 'unknown-event', event: 'b' }])
  })

  it('of an event has no number: the server replays from its own', async () => {
    const { simulate, server, askForCredentials } = await connected()
    server.emit('a', { _line: { id: 3 } })
    simulate({ name: 'event', event: 'a', metadata: { _line: { id: 999 } } })
    server.down()
    expect((await askForCredentials())?.['cursor']).toBe(3)
  })

  it('of more than 5,000 events is one of 5,000, and one of none is none', async () => {
    const { simulate, inspect } = await connected()
    simulate({ name: 'event', event: 'a', count: 1e9 })
    expect(inspect().counters.events).toBe(5_000)
    for (const count of [0, -1, Number.NaN, 'many', {}, null]) simulate({ name: 'event', event: 'a', count })
    expect(inspect().counters.events).toBe(5_000)
  })

  it('of a lost connection is followed by an attempt after the usual pause', async () => {
    const { simulate, inspect, transport } = await connected()
    const { attempts } = transport.last
    expect(simulate({ name: 'drop' })).toBe(true)
    expect(transport.last.disconnects).toEqual(['keep'])
    expect(inspect()).toMatchObject({ socket: { name: 'disconnected', reason: 'simulated' } })
    expect(transport.last.attempts).toBe(attempts)
    await pass(inspect().nextAttemptInMs)
    expect(transport.last.attempts).toBe(attempts + 1)
    // There is nothing to lose.
    expect(simulate({ name: 'drop' })).toBe(false)
    expect(transport.last.disconnects).toEqual(['keep'])
  })

  it('of a reconnect makes another connection at once, also where the present one has not held', async () => {
    const { simulate, server, transport } = await connected()
    const { attempts } = transport.last
    simulate({ name: 'reconnect' })
    expect(transport.last.attempts).toBe(attempts + 1)
    server.up()
    await pass(2_000)
    simulate({ name: 'reconnect' })
    expect(transport.last.attempts).toBe(attempts + 2)
  })

  it('of a gap reaches every tab', async () => {
    const { simulate, tab } = await connected()
    const before = tab.of('gap').length
    simulate({ name: 'gap' })
    await pass()
    expect(tab.of('gap').slice(before)).toMatchObject([{ reason: 'simulated' }])
  })

  it('of a refusal is one: the next attempt comes after a pause, and is let in', async () => {
    const { simulate, server, inspect, last } = await connected()
    expect(simulate({ name: 'refusal' })).toBe(true)
    expect(simulate({ name: 'refusal' })).toBe(false)
    expect(last('connection')).toMatchObject({ step: 'refused', reason: 'simulated' })
    await pass(inspect().nextAttemptInMs)
    server.up()
    expect(inspect().socket.name).toBe('connected')
  })

  it('of a move ends the hub only where a follower can take over', async () => {
    for (const host of ['shared-worker', 'this-tab', 'leader-tab'] as const) {
      const { simulate, attach, ended } = await connected({ host })
      expect(simulate({ name: 'move-leader' })).toBe(false)
      await pass(1_000)
      expect(ended()).toBe(0)
      if (host === 'this-tab') continue
      await attach(['a'], { trusted: false })
      expect(simulate({ name: 'move-leader' })).toBe(host === 'leader-tab')
      await pass(1_000)
      expect([host, ended()]).toEqual([host, host === 'leader-tab' ? 1 : 0])
    }
  })

  it('of nonsense does nothing', async () => {
    const { simulate, inspect, hub, ended } = await connected()
    const before = JSON.stringify(inspect().records)
    for (const nonsense of [undefined, null, 1, 'drop', [], {}, { name: 'toString' }, { name: 'event' }])
      expect(simulate(nonsense)).toBe(false)
    expect(simulate({ name: 'event', event: '_line', metadata: { identity: 'somebody else' } })).toBe(false)
    expect(simulate({ name: 'event', event: 7 })).toBe(false)
    await pass(1)
    expect(JSON.stringify(inspect().records.map((record) => ({ ...record, ageMs: record.ageMs - 1 })))).toBe(before)
    expect(ended()).toBe(0)
    for (const nonsense of [undefined, null, Number.NaN, 'all', {}, []])
      expect(hub.inspect(nonsense as never).epoch).toBe(hub.epoch)
  })
})

describe('a tab that wants every event', () => {
  it('gets each, also again, and none is unknown', async () => {
    const { attach, server } = setUp()
    const all = await attach(['*'])
    const some = await attach(['a'])
    server.up()
    server.emit('a')
    await pass(50)
    server.emit('b', { n: 1 })
    server.emit('a')
    await pass(50)
    expect(all.batches().flat()).toEqual([
      ['a', {}],
      ['b', { n: 1 }],
      ['a', {}],
    ])
    expect(some.batches().flat()).toEqual([
      ['a', {}],
      ['a', {}],
    ])
    expect([...all.of('problem'), ...some.of('problem')]).toEqual([])
    const since = { epoch: all.welcome.epoch, seq: all.welcome.seq + 1, ageMs: 0 }
    expect((await attach(['*'], { since })).welcome.replay?.map(([name]) => name)).toEqual(['a', 'b', 'a'])
    expect((await attach(['a'], { since })).welcome.replay?.map(([name]) => name)).toEqual(['a', 'a'])
  })

  it('gets what is posted once for all followers, which a tab without all of it does not', async () => {
    const { attach, server, browser, hub } = setUp()
    const post = vi.fn()
    const { environment } = browser.tab()
    const tabs = [await attach(['*'], { trusted: false }), await attach(['a', 'b'], { trusted: false })]
    const channel = environment.openChannel?.(tabs[0]?.welcome.multicast ?? '')
    channel?.addEventListener('message', ({ data }) => post(data.events))
    for (const tab of tabs) tab.joinMulticast()
    server.up()
    server.emit('a')
    await pass(50)
    server.emit('c')
    await pass(50)
    expect(post.mock.calls).toEqual([['[["a",{}]]']])
    expect(tabs.map((tab) => tab.batches().flat())).toEqual([[['c', {}]], []])
    hub.close('over')
  })

  it('does not make an event that is named * anybody else’s', async () => {
    const { attach, server } = setUp()
    const tab = await attach(['a'])
    server.up()
    server.emit('*', { n: 1 })
    server.emit('a')
    await pass(50)
    expect(tab.batches().flat()).toEqual([['a', {}]])
    expect(tab.of('problem')).toMatchObject([{ code: 'unknown-event', event: '*' }])
  })
})
