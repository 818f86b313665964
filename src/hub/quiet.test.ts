import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { setUpHub } from '../../test/fake-hub.js'

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms)

/** A word from which so much is left when the doubt is taken off it. */
const wordFor = (ms: number) => Math.ceil((ms + 1_000) / 0.99)

async function setUp() {
  const hub = setUpHub()
  const tab = await hub.attach(['a'], { auth: () => 'token' })
  const { handlers } = hub.transport.last
  const connect = async (quietForMs: number | 'silent', recovered = false) => {
    const asking = handlers.auth()
    await settle()
    await asking
    hub.server.up(recovered, quietForMs)
    await settle()
  }
  const say = (metadata: object) => hub.server.emit('_line', metadata)
  return { ...hub, tab, gaps: () => tab.of('gap'), connect, say }
}

/** A hub that has connected, has sent its first gap, and has got a ping since. */
async function proven() {
  const hub = await setUp()
  await hub.connect(0)
  await settle(25_000)
  hub.server.ping()
  await settle(25_000)
  // The server sent this one after the answer to the one before.
  hub.server.ping()
  hub.tab.got.length = 0
  return hub
}

describe('the first connection', () => {
  it('tells the tabs for how long the server was quiet, with the doubt taken off', async () => {
    const { connect, gaps } = await setUp()
    await connect(101_000)
    expect(gaps()).toEqual([
      { kind: 'gap', seq: 1, reason: 'events before the first connection are not known', quietForMs: 98_990 },
    ])
  })

  it.each([0, 900, 1_000, -5, '60000', null])('%j says nothing', async (word) => {
    const { connect, gaps } = await setUp()
    await connect(word as number)
    await settle(1_000)
    expect(gaps()).toEqual([{ kind: 'gap', seq: 1, reason: 'events before the first connection are not known' }])
  })

  it('waits half a second for the word, and then no longer', async () => {
    const { connect, gaps, say } = await setUp()
    await connect('silent')
    await settle(490)
    expect(gaps()).toEqual([])
    await settle(20)
    say({ quietForMs: 600_000 })
    await settle()
    expect(gaps()).toEqual([{ kind: 'gap', seq: 1, reason: 'events before the first connection are not known' }])
  })

  it('vouches, from then on, for pages that began in the quiet time', async () => {
    const { connect, attach } = await setUp()
    await connect(wordFor(60_000))
    const young = await attach(['a'], { since: { ageMs: 58_000 } })
    expect(young.welcome).toMatchObject({ replay: [] })
    const old = await attach(['a'], { since: { ageMs: 60_000 } })
    expect(old.welcome.gap).toBeDefined()
  })

  it('does not vouch for a tab that has not heard what came before the word', async () => {
    const { attach, server, transport, tab, say } = await setUp()
    transport.last.handlers.onUp(false)
    server.emit('a', { n: 1 })
    const late = await attach(['a'])
    say({ quietForMs: 600_000 })
    await settle(20)
    expect([tab.of('gap')[0], late.of('gap')[0]]).toEqual([
      { kind: 'gap', seq: 2, reason: 'events before the first connection are not known' },
      { kind: 'gap', seq: 2, reason: 'events before the first connection are not known' },
    ])
  })
})

describe('a reconnect', () => {
  it('is no gap when the server was quiet since what is known to have arrived', async () => {
    const { server, connect, gaps } = await proven()
    await settle(4_000)
    server.down()
    await settle(1_000)
    // The last proof is the answer to the ping before the last one: 30 s ago.
    await connect(wordFor(30_000))
    expect(gaps()).toEqual([])
    server.down()
    // Of this connection nothing is known but its handshake.
    await settle(7_000)
    await connect(wordFor(7_000))
    expect(gaps()).toEqual([])
  })

  it('is one when the word is but a little too short', async () => {
    const { server, connect, gaps } = await proven()
    await settle(4_000)
    server.down()
    await settle(1_000)
    await connect(wordFor(29_990))
    expect(gaps()).toMatchObject([{ reason: 'the connection was lost and made again' }])
  })

  it('is one when the word is as long as the break, but for the doubt', async () => {
    const { server, connect, gaps } = await proven()
    server.down()
    await connect(25_500)
    expect(gaps()).toHaveLength(1)
  })

  it('counts the time that the machine slept, though the monotonic clock stood still', async () => {
    const { server, connect, gaps } = await proven()
    server.down()
    vi.setSystemTime(Date.now() + 3_600_000)
    await connect(1_800_000)
    expect(gaps()).toHaveLength(1)
  })

  it('is not helped by a wall clock that was set back', async () => {
    const { server, connect, gaps } = await proven()
    server.down()
    await settle(60_000)
    vi.setSystemTime(Date.now() - 3_600_000)
    await connect(40_000)
    expect(gaps()).toHaveLength(1)
  })

  it('after a connection of which nothing was known yet reaches back to the one before', async () => {
    const { server, connect, gaps } = await proven()
    server.down()
    await connect('silent')
    await settle(100)
    server.down()
    await settle(1_000)
    await connect(wordFor(20_000))
    expect(gaps()).toHaveLength(1)
    expect(gaps()[0]).toMatchObject({ quietForMs: expect.any(Number) })
  })

  it('of a server that can’t replay is none either', async () => {
    const { server, connect, gaps, say } = await proven()
    server.emit('a', { _line: { id: 7 } })
    server.down()
    await connect(wordFor(26_000))
    expect(gaps()).toEqual([])
    say({ replayed: false })
    await settle()
    expect(gaps()).toEqual([])
  })

  it('does not take where the log is for a place to continue from: it may hold what is yet to be sent', async () => {
    const { server, connect, say, transport, gaps } = await proven()
    server.down()
    const asking = transport.last.handlers.auth()
    await settle()
    await asking
    transport.last.handlers.onUp(false)
    say({ cursor: 42 })
    say({ quietForMs: wordFor(26_000) })
    say({ cursor: 42 })
    await settle()
    expect(gaps()).toEqual([])
    server.down()
    expect(await transport.last.handlers.auth()).not.toHaveProperty('cursor')
    await connect(0)
    expect(gaps()).toHaveLength(1)
  })

  it('is a gap when the server says so, however quiet it was', async () => {
    const { server, connect, gaps, say } = await proven()
    server.down()
    await connect(600_000)
    say({ gap: true })
    await settle()
    expect(gaps()).toEqual([{ kind: 'gap', seq: expect.any(Number), reason: 'the server may have missed events' }])
  })
})

describe('a topic', () => {
  it('is told with its own quiet time, which lasts as long as the transport recovers it', async () => {
    const { tab, connect, say, server } = await setUp()
    await connect(600_000)
    tab.use('p', 'q')
    await settle()
    say({ topic: 'p', ok: true, request: 1, quietForMs: 101_000 })
    say({ topic: 'q', ok: true, request: 1, quietForMs: 500 })
    await settle()
    const at = Date.now()
    const p = { kind: 'topic', topic: 'p', ok: true, ageMs: 0, quietForMs: 98_990 }
    expect(tab.of('topic')).toEqual([p, { kind: 'topic', topic: 'q', ok: true, ageMs: 0 }])
    server.down()
    await settle(1_000)
    await connect(0, true)
    say({ topic: 'p', ok: true, request: 2, quietForMs: 0 })
    await settle()
    expect(tab.of('topic').at(-1)).toEqual({ ...p, ageMs: Date.now() - at })
    server.down()
    await settle(1_000)
    await connect(0)
    say({ topic: 'p', ok: true, request: 3 })
    await settle()
    expect(tab.of('topic').at(-1)).toEqual({ kind: 'topic', topic: 'p', ok: true, ageMs: 0 })
  })

  it('says nothing of the user’s own events', async () => {
    const { connect, say, gaps } = await setUp()
    await connect('silent')
    say({ topic: 'p', ok: true, request: 1, quietForMs: 600_000 })
    await settle(600)
    expect(gaps()).toEqual([{ kind: 'gap', seq: 1, reason: 'events before the first connection are not known' }])
  })
})
