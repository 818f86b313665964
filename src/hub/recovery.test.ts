import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { setUpHub } from '../../test/fake-hub.js'
import { createHubLog } from './log.js'
import { createRenewal } from './renewal.js'

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms)

/** A hub that is connected, and one tab. */
async function connected(options: Parameters<ReturnType<typeof setUpHub>['attach']>[1] = { auth: () => 'first' }) {
  const hub = setUpHub()
  const tab = await hub.attach(['a'], options)
  const { handlers } = hub.transport.last
  /** What the handshake would carry now. */
  const handshake = async () => {
    const asking = handlers.auth()
    await settle()
    const { _line, ...given } = (await asking) ?? {}
    return given
  }
  await handshake()
  hub.server.up()
  await settle()
  tab.got.length = 0
  const events = () => tab.batches().flat()
  const event = (id: string | number, n: unknown = id) => hub.server.emit('a', { n, _line: { id } })
  return { ...hub, tab, welcome: tab.welcome, events, event, handshake, connection: hub.transport.last }
}

function nested(levels: number): object {
  let deep: object = {}
  for (let level = 0; level < levels; level++) deep = { deep }
  return deep
}

describe('what the server says of an event', () => {
  it('is taken off its metadata, and only what tabs need goes on to them', async () => {
    const { server, events } = await connected()
    server.emit('a', { n: 1, _line: { origin: 'me.1', id: 7, spreadMs: 5 } })
    server.emit('a', { n: 2, _line: { origin: 12, id: {}, spreadMs: 86_400_000 } })
    server.emit('a', { n: 2.5, _line: { spreadMs: -1, againMs: 'soon' } })
    server.emit('a', { n: 2.6, _line: { againMs: 2_000 } })
    server.emit('a', { n: 2.7, _line: { againMs: 86_400_000 } })
    server.emit('a', { n: 2.8, _line: { trace: 'x'.repeat(100) } })
    server.emit('a', { n: 2.9, _line: { trace: 'x'.repeat(101) } })
    server.emit('a', { n: 3, _line: 'nonsense' })
    server.emit('a', { n: 4 })
    await settle(20)
    expect(events()).toEqual([
      // The fake browser's chance is always a half.
      ['a', { n: 1 }, { origin: 'me.1', waitMs: 3 }],
      ['a', { n: 2 }, { waitMs: 300_000 }],
      ['a', { n: 2.5 }],
      ['a', { n: 2.6 }, { againMs: 2_000 }],
      ['a', { n: 2.7 }, { againMs: 600_000 }],
      ['a', { n: 2.8 }, { trace: 'x'.repeat(100) }],
      ['a', { n: 2.9 }],
      ['a', { n: 3 }],
      ['a', { n: 4 }],
    ])
  })

  it('with bytes in it loses neither its number nor what the server says about it', async () => {
    const { server, events } = await connected()
    const metadata = { file: new ArrayBuffer(8), _line: { id: 7, origin: 'me.1', spreadMs: 10 } }
    server.emit('a', metadata)
    server.emit('a', metadata)
    await settle(20)
    expect(events()).toEqual([['a', null, { origin: 'me.1', waitMs: 5 }]])
  })

  it.each([
    ['is too deep to be posted', nested(100_000)],
    // Socket.IO brings them, as what JSON would make an empty object of.
    ['has bytes in it', { file: new ArrayBuffer(8) }],
    ['has a Map in it', { list: [new Map()] }],
  ])('that %s is no metadata, and the next event is delivered', async (_, metadata) => {
    const { server, events, tab } = await connected()
    server.emit('a', metadata)
    server.emit('a', { n: 1 })
    await settle(20)
    expect(events()).toEqual([
      ['a', null],
      ['a', { n: 1 }],
    ])
    expect(tab.of('problem').map(({ code }) => code)).toEqual(['bad-metadata'])
  })

  it('bad frames are reported to one tab', async () => {
    const { connection, attach, tab } = await connected()
    const other = await attach(['a'])
    for (let n = 0; n < 10; n++) connection.handlers.onBadFrame('is no JSON')
    await settle()
    expect([...tab.of('problem'), ...other.of('problem')]).toEqual([
      { kind: 'problem', code: 'bad-frame', message: 'a frame of the server is no JSON (1 of the kind so far)' },
      { kind: 'problem', code: 'bad-frame', message: 'a frame of the server is no JSON (10 of the kind so far)' },
    ])
  })

  it('an event that came before, by its id, is not delivered again', async () => {
    const { event, events, server, hub } = await connected()
    for (const id of [1, 2, 2, 1, 3]) event(id)
    // Without an id every one counts.
    server.emit('a', { n: 'x' })
    server.emit('a', { n: 'x' })
    await settle(20)
    expect(events().map(([, metadata]) => metadata?.['n'])).toEqual([1, 2, 3, 'x', 'x'])
    // One change may be several events.
    server.emit('b', { _line: { id: 3 } })
    hub.subscribe('t1', ['a', 'b'])
    server.emit('b', { _line: { id: 2 } })
    await settle(20)
    expect(events().at(-1)?.[0]).toBe('b')
  })
})

describe('the server’s messages to the hub', () => {
  it('a gap goes to every tab, and the former numbers of events are forgotten', async () => {
    const { server, tab, attach, event, events, handshake, welcome } = await connected()
    const since = { epoch: welcome.epoch, seq: 0, ageMs: 0 }
    const other = await attach(['b'], { since, auth: () => 'other' })
    event(7)
    await settle(20)
    server.emit('_line', { gap: true })
    await settle()
    const gap = { kind: 'gap', seq: expect.any(Number), reason: 'the server may have missed events' }
    expect([...tab.of('gap'), ...other.of('gap')]).toEqual([gap, gap])
    expect(await handshake()).toEqual({ token: 'other' })
    // A restored log restarts its numbers.
    event(7, 'another 7')
    await settle(20)
    expect(events().map(([, metadata]) => metadata?.['n'])).toEqual([7, 'another 7'])
    // What came before it can't be vouched for.
    const late = await attach(['a'], { since: { epoch: welcome.epoch, seq: 0, ageMs: 0 } })
    expect(late.welcome.gap).toBeDefined()
  })

  it('a gap with a spread comes once, at a moment of this browser’s own', async () => {
    const { server, tab } = await connected()
    server.emit('_line', { gap: true, spreadMs: 8_000 })
    server.emit('_line', { gap: true, spreadMs: 8_000 })
    // The fake browser's chance is always a half.
    await settle(3_990)
    expect(tab.of('gap')).toEqual([])
    await settle(20)
    expect(tab.of('gap')).toHaveLength(1)
    await settle(20_000)
    expect(tab.of('gap')).toHaveLength(1)
    server.emit('_line', { gap: true, spreadMs: 'nonsense' })
    await settle()
    expect(tab.of('gap')).toHaveLength(2)
    // What is urgent does not wait for what is not, and stands for it as well.
    server.emit('_line', { gap: true, spreadMs: 600_000 })
    server.emit('_line', { gap: true })
    await settle(700_000)
    expect(tab.of('gap')).toHaveLength(3)
  })

  it('a gap that is told while the server replays leaves no doubt', async () => {
    const { server, tab, event, handshake } = await connected()
    event(1)
    server.down()
    await handshake()
    server.up()
    server.emit('_line', { gap: true })
    server.emit('_line', { replayed: true })
    await settle(5_000)
    expect(tab.of('gap')).toHaveLength(1)
  })

  it('a connection that is to move goes within the spread, and one that came back meanwhile stays', async () => {
    const { server, connection, tab } = await connected()
    await settle(10_000)
    server.emit('_line', { move: true, spreadMs: 10_000 })
    await settle(4_990)
    expect(connection.attempts).toBe(1)
    await settle(20)
    expect(connection.attempts).toBe(2)
    expect(tab.of('state').at(-1)?.socket).toMatchObject({ name: 'disconnected' })
    server.up(true)
    await settle()
    expect(tab.of('gap')).toEqual([])

    server.emit('_line', { move: true, spreadMs: 10_000 })
    server.down()
    server.up(true)
    await settle(20_000)
    expect(connection.attempts).toBe(2)
  })

  it('unknown or malformed messages change nothing', async () => {
    const { server, tab, connection } = await connected()
    for (const said of [undefined, null, 'gap', [], { gap: 'yes' }, { move: 1 }, { unheard: true }])
      server.emit('_line', said)
    await settle(20_000)
    expect([tab.of('gap'), tab.of('problem')]).toEqual([[], []])
    expect(connection.attempts).toBe(1)
  })

  it('nothing that was put off outlives the hub', async () => {
    const { server, hub, connection, tab } = await connected()
    server.emit('_line', { gap: true, spreadMs: 8_000 })
    server.emit('_line', { move: true, spreadMs: 8_000 })
    hub.close('over')
    await settle(20_000)
    expect(tab.of('gap')).toEqual([])
    expect(connection.attempts).toBe(1)
  })
})

describe('a server that replays', () => {
  it('is given the last id as the cursor; when it says that all is sent, there is no gap', async () => {
    const { event, events, server, handshake, tab } = await connected()
    event(41)
    event('42')
    server.down()
    expect(await handshake()).toEqual({ token: 'first', cursor: '42' })
    server.up()
    event('42')
    event(43)
    server.emit('_line', { replayed: true })
    await settle(30_000)
    expect(events().map(([, metadata]) => metadata?.['n'])).toEqual([41, '42', 43])
    expect(tab.of('gap')).toEqual([])
    expect(tab.of('problem')).toEqual([])
  })

  it('that does not say so within two seconds leaves a gap', async () => {
    const { event, server, handshake, tab } = await connected()
    event(41)
    server.down()
    await handshake()
    server.up()
    await settle(1_900)
    expect(tab.of('gap')).toEqual([])
    await settle(200)
    expect(tab.of('gap')).toMatchObject([{ reason: 'the server did not replay what was missed' }])
    server.emit('_line', { replayed: true })
    await settle(5_000)
    expect(tab.of('gap')).toHaveLength(1)
  })

  it('that was cut off on the way is asked from where it began, and what came live is not repeated', async () => {
    const { event, events, server, handshake, tab } = await connected()
    event(1)
    server.down()
    await handshake()
    server.up()
    // Live, ahead of the replay, which ends in the middle.
    event(5)
    event(2)
    server.down()
    expect(await handshake()).toMatchObject({ cursor: 1 })
    // Socket.IO recovers that second connection's short life; it knows nothing of what was missed before it.
    server.up(true)
    for (const id of [2, 3, 4, 5]) event(id)
    server.emit('_line', { replayed: true })
    server.down()
    expect(await handshake()).toMatchObject({ cursor: 4 })
    await settle(30_000)
    expect(events().map(([, metadata]) => metadata?.['n'])).toEqual([1, 5, 2, 3, 4])
    expect(tab.of('gap')).toEqual([])
  })

  it('and a connection that recovers one which was never decided proves nothing', async () => {
    const { event, server, handshake, tab } = await connected()
    event(1)
    server.down()
    await handshake()
    server.up()
    server.down()
    await handshake()
    server.up(true)
    await settle(3_000)
    expect(tab.of('gap')).toHaveLength(1)
  })

  it('a tab that attaches while it replays is not told that all is well', async () => {
    const { attach, event, server, handshake } = await connected()
    event(1)
    server.down()
    await handshake()
    server.up()
    const joined = await attach(['a'], { since: { ageMs: 900_000 } })
    expect(joined.welcome).not.toHaveProperty('gap')
    expect(joined.welcome).not.toHaveProperty('replay')
    server.emit('_line', { replayed: true })
    await settle()
    expect(joined.of('gap')).toHaveLength(1)
  })

  it('gets no cursor before the first event with an id, and so is not waited for', async () => {
    const { server, handshake, tab } = await connected()
    server.emit('a', { n: 1 })
    server.down()
    expect(await handshake()).toEqual({ token: 'first' })
    server.up()
    await settle()
    expect(tab.of('gap')).toHaveLength(1)
  })

  it('says where its log is to a hub without a cursor, and is given that as the cursor', async () => {
    const { event, server, handshake, tab } = await connected()
    for (const nonsense of [{}, null, true, [3]]) server.emit('_line', { cursor: nonsense })
    server.emit('_line', { cursor: 3 })
    server.down()
    expect(await handshake()).toEqual({ token: 'first', cursor: 3 })
    server.up()
    // It would be a hole in the replay.
    server.emit('_line', { cursor: 6 })
    event(4)
    server.down()
    expect(await handshake()).toMatchObject({ cursor: 3 })
    server.up()
    event(4)
    server.emit('_line', { replayed: true })
    event(5)
    // An event that came says more.
    server.emit('_line', { cursor: 3 })
    server.down()
    expect(await handshake()).toMatchObject({ cursor: 5 })
    expect(tab.of('gap')).toEqual([])
  })

  it('that could not replay, or had nothing to, says from where it will be able to', async () => {
    const { event, server, handshake, tab } = await connected()
    event(3)
    for (const [replayed, start] of [
      [false, 20],
      [true, 30],
    ] as const) {
      server.down()
      await handshake()
      server.up()
      server.emit('_line', { cursor: start })
      server.emit('_line', { replayed })
      server.down()
      expect(await handshake()).toMatchObject({ cursor: start })
      server.up()
      server.emit('_line', { replayed: true })
    }
    expect(tab.of('gap')).toHaveLength(1)
    // What came since says more.
    server.down()
    await handshake()
    server.up()
    server.emit('_line', { cursor: 40 })
    event(41)
    server.emit('_line', { replayed: true })
    server.down()
    expect(await handshake()).toMatchObject({ cursor: 41 })
    // The log may restart its numbers: nothing is known, not even from this connection.
    server.up()
    server.emit('_line', { cursor: 42 })
    event(43)
    server.emit('_line', { gap: true })
    server.down()
    expect(await handshake()).not.toHaveProperty('cursor')
  })

  it('that says it can’t leaves a gap at once, and one only', async () => {
    const { event, server, handshake, tab } = await connected()
    event(41)
    server.emit('_line', { replayed: false })
    expect(tab.of('gap')).toEqual([])
    server.down()
    await handshake()
    server.up()
    event(50)
    server.emit('_line', { replayed: false })
    await settle()
    expect(tab.of('gap')).toHaveLength(1)
    await settle(5_000)
    expect(tab.of('gap')).toHaveLength(1)
    server.down()
    expect(await handshake()).toMatchObject({ cursor: 50 })
  })

  it('may restart its numbers: what may have been missed is refetched, and no event is taken for a duplicate', async () => {
    const { event, events, server, handshake, tab } = await connected()
    for (const id of [1, 2, 3]) event(id)
    server.down()
    await handshake()
    server.up()
    await settle(2_100)
    expect(tab.of('gap')).toHaveLength(1)
    for (const id of [1, 2]) event(id, `new ${id}`)
    await settle(20)
    expect(events().map(([, metadata]) => metadata?.['n'])).toEqual([1, 2, 3, 'new 1', 'new 2'])
    server.down()
    expect(await handshake()).toMatchObject({ cursor: 2 })
  })

  it('forgets its cursor with a gap, until the next number comes', async () => {
    const { event, server, handshake } = await connected()
    event(7)
    server.down()
    await handshake()
    server.up()
    await settle(2_100)
    server.down()
    expect(await handshake()).not.toHaveProperty('cursor')
  })

  it('says nothing to tabs, and asks nothing of a rule', async () => {
    const { server, tab } = await connected()
    server.emit('_line', { replayed: true })
    server.emit('_line', 'nonsense')
    await settle(20)
    expect(tab.got).toEqual([])
  })
})

describe('a probe', () => {
  it('finds a half-open connection out when the browser is online again or a tab becomes visible', async () => {
    for (const why of ['online', 'visible'] as const) {
      const { hub, connection, tab } = await connected()
      connection.answersProbes = false
      await settle(10_000)
      hub.nudge(why)
      await settle(2_400)
      expect(connection.attempts).toBe(1)
      await settle(200)
      expect(connection.attempts).toBe(2)
      expect(tab.of('state').at(-1)?.socket).toEqual({ name: 'disconnected', reason: 'the server did not answer' })
    }
  })

  it('is not missed while the server speaks: its answer stands in line behind a burst', async () => {
    const { hub, connection, server } = await connected()
    connection.answersProbes = false
    hub.nudge('online')
    for (let second = 0; second < 10; second++) {
      await settle(1_000)
      server.emit('a', { second })
    }
    expect([connection.probes, connection.attempts]).toEqual([1, 1])
    await settle(2_400)
    expect(connection.attempts).toBe(1)
    await settle(700)
    expect(connection.attempts).toBe(2)
  })

  it('that was cut off by a reconnect keeps nobody from asking the next connection', async () => {
    const { hub, connection, server, tab } = await connected()
    connection.answersProbes = false
    hub.nudge('online')
    await settle(500)
    server.down()
    server.up()
    for (let second = 0; second < 3; second++) {
      server.emit('a', { second })
      await settle(1_000)
    }
    hub.nudge('online')
    expect(connection.probes).toBe(2)
    await settle(2_600)
    expect(tab.of('state').at(-1)?.socket).toEqual({ name: 'disconnected', reason: 'the server did not answer' })
    // Two connections in a row did not hold, so there is a pause.
    await settle(2_000)
    expect(connection.attempts).toBe(2)
  })

  it('that is answered changes nothing, and twenty tabs ask once', async () => {
    const { hub, connection, tab } = await connected()
    for (let time = 0; time < 20; time++) hub.nudge('visible')
    await settle(60_000)
    expect(connection.probes).toBe(1)
    expect(connection.attempts).toBe(1)
    expect(tab.got).toEqual([])
  })

  it('follows the last of several changes of the network, but only if there is a connection then', async () => {
    const { hub, connection, server } = await connected()
    await settle(10_000)
    for (let time = 0; time < 20; time++) hub.nudge('online')
    await settle(900)
    expect(connection.probes).toBe(1)
    connection.answersProbes = false
    await settle(200)
    expect(connection.probes).toBe(2)
    await settle(2_600)
    expect(connection.attempts).toBe(2)
    for (let time = 0; time < 20; time++) hub.nudge('online')
    await settle(5_000)
    // There is an attempt, which is left alone.
    expect([connection.probes, connection.attempts]).toEqual([2, 2])
    server.up()
    hub.nudge('online')
    hub.nudge('online')
    hub.signOut()
    await settle()
    expect(vi.getTimerCount()).toBeLessThanOrEqual(1)
  })

  it('that waits for its answer is not followed by another one', async () => {
    const { hub, connection } = await connected()
    connection.answersProbes = false
    hub.nudge('online')
    await settle(1_200)
    hub.nudge('online')
    await settle(1_000)
    expect(connection.probes).toBe(1)
  })

  it('of a connection that was lost meanwhile decides nothing about the next one', async () => {
    const { hub, connection, server } = await connected()
    connection.answersProbes = false
    hub.nudge('online')
    await settle(1_000)
    server.down()
    server.up()
    await settle(10_000)
    expect(connection.attempts).toBe(1)
  })

  it('is made after a short sleep; a long one is not asked about', async () => {
    const { connection } = await connected()
    vi.setSystemTime(Date.now() + 30_000)
    await settle(5_000)
    expect([connection.probes, connection.attempts]).toEqual([1, 1])
    vi.setSystemTime(Date.now() + 600_000)
    await settle(5_000)
    expect([connection.probes, connection.attempts]).toEqual([1, 2])
  })

  it('is not made for a look that came late in a thread that was busy hearing', async () => {
    const { connection, server } = await connected()
    for (let second = 0; second < 100; second++) {
      vi.setSystemTime(Date.now() + 1_000)
      server.emit('a', { second })
    }
    await settle(5_000)
    expect([connection.probes, connection.attempts]).toEqual([0, 1])
  })

  it('is made after a sleep, though something that waited was read before the look', async () => {
    const { connection, server } = await connected()
    vi.setSystemTime(Date.now() + 30_000)
    server.emit('a', {})
    await settle(5_000)
    expect([connection.probes, connection.attempts]).toEqual([1, 1])
  })
})

describe('a hub whose tabs at a port do not answer', () => {
  const setUp = async (answers: boolean) => {
    const hub = setUpHub()
    await hub.attach(['a'], answers ? { auth: () => 'x' } : {})
    const follower = await hub.attach(['a'], { trusted: false, auth: () => 'never asked' })
    const asked = hub.transport.last.handlers.auth().then(
      () => 'given',
      () => 'none',
    )
    await settle(10_000)
    return { ...hub, follower, asked: await asked }
  }

  it('lets another hub own the connection for its followers, which it may not ask', async () => {
    const { asked, ended, follower } = await setUp(false)
    expect(asked).toBe('none')
    expect(ended()).toBe(1)
    expect(follower.of('credentials-request')).toEqual([])
  })

  it('stays when one of them answers', async () => {
    const { asked, ended } = await setUp(true)
    expect(asked).toBe('given')
    expect(ended()).toBe(0)
  })

  it('stays when nobody follows, and lets another hub try when somebody does, even if a tab says that there are none', async () => {
    const hub = setUpHub()
    const tab = await hub.attach(['a'])
    hub.transport.last.handlers.auth().catch(() => undefined)
    await settle(10_000)
    expect(hub.ended()).toBe(0)
    await hub.attach(['a'], { trusted: false })
    const asked = hub.transport.last.handlers.auth().catch((thrown: Error) => thrown.message)
    await settle()
    hub.hub.credentials(tab.of('credentials-request').at(-1)?.request ?? 0, {
      ok: false,
      message: 'auth failed: offline',
    })
    expect(await asked).toBe('auth failed: offline')
    expect(hub.ended()).toBe(1)
  })
})

describe('credentials that end', () => {
  async function expiring(renewal: 'accepted' | 'refused' | 'unknown') {
    let number = 0
    const setting = await connected({ auth: () => `token ${++number}`, expiresAt: () => Date.now() + 600_000 })
    setting.connection.renewal = renewal
    return setting
  }

  it('are renewed ahead of their end, over the connection there is, again and again', async () => {
    const { connection, tab } = await expiring('accepted')
    await settle(500_000)
    expect(connection.renewals).toEqual([])
    await settle(60_000)
    expect(connection.renewals).toEqual([{ token: 'token 2', _line: { identity: 'u1' } }])
    await settle(1_200_000)
    expect(connection.renewals.length).toBeGreaterThanOrEqual(3)
    expect(connection.attempts).toBe(1)
    expect(tab.of('gap')).toEqual([])
  })

  it('take a reconnect where the server does not know how, or refuses', async () => {
    for (const renewal of ['unknown', 'refused'] as const) {
      const { connection } = await expiring(renewal)
      await settle(530_000)
      expect(connection.renewals).toHaveLength(1)
      expect(connection.attempts).toBe(2)
    }
  })

  it('are not taken for renewed because events come: where nobody answers, the hub reconnects', async () => {
    const { connection, server } = await expiring('unknown')
    const second = async () => {
      server.emit('a', {})
      await settle(1_000)
    }
    for (let asked = 0; asked < 600 && connection.renewals.length === 0; asked++) await second()
    expect(connection.attempts).toBe(1)
    for (let waited = 0; waited < 3; waited++) await second()
    expect(connection.attempts).toBe(2)
  })

  it('are left alone while there is no connection, which asks for itself', async () => {
    const { connection, server, handshake } = await expiring('accepted')
    server.down()
    await settle(580_000)
    expect(connection.renewals).toEqual([])
    await handshake()
    server.up()
    await settle(500_000)
    expect(connection.renewals).toEqual([])
  })

  it('that nobody renews are asked for again, and reported once', async () => {
    let asked = 0
    const { connection, tab } = await connected({
      // Silent from the second time on.
      auth: () => (++asked > 1 ? undefined : 'first'),
      expiresAt: () => Date.now() + 600_000,
    })
    await settle(600_000)
    expect(connection.renewals).toEqual([])
    expect(asked).toBeGreaterThan(2)
    expect(asked).toBeLessThan(12)
    expect(tab.of('problem').map(({ code }) => code)).toEqual(['auth-failed'])
  })

  it('that a tab gave and the server refused are asked of another tab the next time', async () => {
    const { attach, connection, handshake } = await expiring('refused')
    await attach(['a'], { auth: () => 'of another tab' })
    await settle(560_000)
    expect(connection.renewals).toMatchObject([{ token: 'of another tab' }])
    expect(await handshake()).toEqual({ token: 'token 2' })
  })

  it('are left alone while the server refuses', async () => {
    let asked = 0
    const { server, handshake } = await connected({
      auth: () => `token ${++asked}`,
      expiresAt: () => Date.now() + 120_000,
    })
    for (let refusal = 0; refusal < 4; refusal++) {
      await handshake()
      server.refuse()
      await settle(30_000)
    }
    const before = asked
    await settle(3_600_000)
    expect(asked).toBe(before)
  })

  it('leave no timer behind when the hub ends', async () => {
    const { hub, event, server, handshake } = await expiring('accepted')
    event(1)
    server.down()
    await handshake()
    server.up()
    hub.signOut()
    await settle()
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('the renewal', () => {
  const environment = {
    clock: { now: () => Date.now(), monotonic: () => performance.now() },
    timers: {
      after(ms: number, run: () => void) {
        expect(ms).toBeLessThan(2 ** 31)
        const timer = setTimeout(run, ms)
        return () => clearTimeout(timer)
      },
    },
    random: () => 0.5,
  }
  const log = createHubLog(environment.clock.monotonic)

  it('of a life of many weeks overflows no timer', async () => {
    const onRenewed = vi.fn()
    const ask = async () => ({ ok: true, auth: { token: 'x' } }) as const
    createRenewal({ environment, log, ask, onRenewed, onTrouble: vi.fn() }).plan(Date.now() + 60 * 86_400_000)
    await settle(59 * 86_400_000)
    expect(onRenewed).not.toHaveBeenCalled()
    await settle(86_400_000)
    expect(onRenewed).toHaveBeenCalledExactlyOnceWith({ token: 'x' })
  })

  it('comes when it is due, though the clock was set back by an hour', async () => {
    const onRenewed = vi.fn()
    // Longer than one timer of a browser.
    const ask = async () => ({ ok: true, auth: { token: 'x' } }) as const
    createRenewal({ environment, log, ask, onRenewed, onTrouble: vi.fn() }).plan(Date.now() + 30 * 86_400_000)
    vi.setSystemTime(Date.now() - 40 * 86_400_000)
    await settle(30 * 86_400_000)
    expect(onRenewed).toHaveBeenCalledOnce()
  })

  it('is dropped when a connection attempt has asked meanwhile, or it was called off', async () => {
    const onRenewed = vi.fn()
    const answers: ((given: { ok: true; auth: object }) => void)[] = []
    const ask = () => new Promise<never>((resolve) => void answers.push(resolve as never))
    const renewal = createRenewal({ environment, log, ask, onRenewed, onTrouble: vi.fn() })
    renewal.plan(Date.now() + 20_000)
    await settle(20_000)
    renewal.plan(Date.now() + 600_000)
    answers[0]?.({ ok: true, auth: {} })
    await settle(1_000)
    renewal.cancel()
    await settle(600_000)
    expect(answers).toHaveLength(1)
    expect(onRenewed).not.toHaveBeenCalled()
  })
})
