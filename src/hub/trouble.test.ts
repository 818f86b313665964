import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { setUpHub } from '../../test/fake-hub.js'
import { createHistory } from './history.js'

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

const pass = (ms = 0) => vi.advanceTimersByTimeAsync(ms)
const HOUR_MS = 3_600_000

describe('what concerns the whole line', () => {
  it('reaches every tab once in an outage, and late ones with their welcome', async () => {
    const { attach, transport, server } = setUpHub()
    const early = [await attach(['a']), await attach(['a'])]
    for (let attempt = 0; attempt < 5; attempt++) {
      transport.last.handlers.onAttemptFailed('websocket error')
      transport.last.handlers.onNoCredentials('no tab')
    }
    await pass()
    const codes = [{ code: 'connect-failed' }, { code: 'auth-failed' }]
    for (const tab of early) expect(tab.of('problem')).toMatchObject(codes)
    const late = await attach(['a'])
    expect(late.welcome.problems).toMatchObject(codes)
    server.up()
    await pass(10_000)
    expect((await attach(['a'])).welcome.problems).toBeUndefined()
    server.down()
    expect((await attach(['a'])).welcome.problems).toBeUndefined()
  })

  it('is a renewal that fails, too', async () => {
    const { attach, transport, server } = setUpHub()
    let asked = 0
    const expiresAt = () => Date.now() + 600_000
    const auth = () => (++asked > 1 ? undefined : 'first')
    const tabs = [await attach(['a']), await attach(['a'], { auth, expiresAt })]
    const asking = transport.last.handlers.auth()
    await pass()
    await asking
    server.up()
    await pass(590_000)
    for (const tab of tabs) expect(tab.of('problem')).toMatchObject([{ code: 'auth-failed' }])
  })

  it('is how often the line flaps', async () => {
    const { attach, server } = setUpHub()
    const tab = await attach(['a'])
    for (let flap = 0; flap < 3; flap++) {
      server.up()
      await pass(200)
      server.down()
    }
    server.up()
    await pass()
    expect(tab.of('gap').map(({ flaps }) => flaps)).toEqual([undefined, 1, 2, 3])
    expect((await attach(['a'])).welcome.flaps).toBe(3)
    await pass(10_000)
    expect((await attach(['a'])).welcome.flaps).toBeUndefined()
  })
})

describe('another user’s connection', () => {
  it('delivers nothing from the moment that the server says whose it is', async () => {
    const { attach, server, transport } = setUpHub()
    const tabs = [await attach(['a']), await attach(['a'])]
    server.up()
    server.emit('_line', { identity: 'u1' })
    server.emit('a', { of: 'u1' })
    await pass(50)
    server.down()
    await pass(2_000)
    server.up()
    server.emit('_line', { identity: 'u2' })
    // What was on its way already.
    server.emit('a', { of: 'u2' })
    await pass(50)
    for (const tab of tabs) {
      expect(tab.batches().flat()).toEqual([['a', { of: 'u1' }]])
      expect(tab.of('state').at(-1)?.socket.name).toBe('wrong-identity')
      expect(tab.of('problem')).toMatchObject([{ code: 'wrong-identity' }])
    }
    expect(transport.last.disconnects).toEqual(['end'])
    expect((await attach(['a'])).welcome).toMatchObject({
      socket: { name: 'wrong-identity' },
      problems: [{ code: 'wrong-identity' }],
    })
  })

  it('is tried again with the credentials of another tab', async () => {
    const { attach, server, transport } = setUpHub()
    await attach(['a'], { auth: () => 'of u1' })
    await attach(['a'], { auth: () => 'of u2' })
    const { handlers } = transport.last
    expect(await handlers.auth()).toEqual({ token: 'of u2', _line: { identity: 'u1' } })
    server.refuse('you are u2', { isWrongIdentity: true })
    await pass(500)
    expect(transport.last.attempts).toBe(2)
    expect(await handlers.auth()).toMatchObject({ token: 'of u1' })
  })
})

describe('a frame that can not be read', () => {
  it('is a gap, and a flood of them is one now and then', async () => {
    const { attach, server, transport } = setUpHub()
    const tab = await attach(['a'])
    server.up()
    await pass()
    tab.got.length = 0
    transport.last.handlers.onBadFrame('is too large')
    await pass()
    expect(tab.of('gap')).toMatchObject([{ reason: 'a frame of the server could not be read' }])
    for (let second = 0; second < 600; second++) {
      for (let frame = 0; frame < 10; frame++) transport.last.handlers.onBadFrame('is no JSON')
      await pass(1_000)
    }
    expect(tab.of('gap').length).toBeLessThan(20)
    tab.got.length = 0
    // The last one is never forgotten.
    await pass(60_000)
    expect(tab.of('gap')).toHaveLength(1)
    await pass(600_000)
    expect(tab.of('gap')).toHaveLength(1)
  })
})

describe('the history', () => {
  it('vouches for a page by its age, not by any date: the clock may have been set back', async () => {
    const { attach, server } = setUpHub()
    await pass(10_000)
    // A page began to load here, and another hub delivered to it until now.
    await pass(60_000)
    vi.setSystemTime(Date.now() - HOUR_MS)
    await attach(['a'])
    server.up()
    await pass(5_000)
    server.emit('a', { n: 1 })
    await pass(5_000)
    expect((await attach(['a'], { since: { ageMs: 70_000 } })).welcome.gap).toBeDefined()
    expect((await attach(['a'], { since: { ageMs: 8_000 } })).welcome.replay).toEqual([['a', { n: 1 }]])
    vi.setSystemTime(Date.now() + 2 * HOUR_MS)
    expect((await attach(['a'], { since: { ageMs: 70_000 } })).welcome.gap).toBeDefined()
  })

  it('never vouches by time for a tab that heard another hub', async () => {
    const { attach, server } = setUpHub()
    await attach(['a'])
    server.up()
    await pass(60_000)
    expect((await attach(['a'], { since: { epoch: 'another', seq: 3, ageMs: 0 } })).welcome.gap).toBeDefined()
  })

  it('allows for the way of a hello: an event of the second before is sent again', () => {
    let now = 10_000
    const history = createHistory(() => now)
    history.break()
    now += 5_000
    history.add(['a', { n: 1 }])
    now += 900
    expect(history.since({ ageMs: 0 }, 'e')?.map(({ pair }) => pair)).toEqual([['a', { n: 1 }]])
    expect(history.since({ ageMs: 5_000 }, 'e')).toBeUndefined()
  })

  it('is bounded in size, and never vouches for what it has dropped', async () => {
    const { attach, server } = setUpHub()
    const tab = await attach(['a'])
    server.up()
    await pass(5_000)
    const since = { epoch: tab.welcome.epoch, seq: 1, ageMs: 0 }
    const text = 'x'.repeat(60_000)
    for (let n = 0; n < 300; n++) {
      server.emit('a', { n, text })
      await pass(10)
    }
    expect((await attach(['a'], { since })).welcome.gap).toBeDefined()
    const late = await attach(['a'], { since: { ...since, seq: 240 } })
    expect(late.welcome.replay?.length).toBeGreaterThan(50)
    expect(JSON.stringify(late.welcome.replay).length).toBeLessThan(7_000_000)
  })

  it('holds a few MB, however large the events are', () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const history = createHistory(() => 1)
    collect()
    const before = process.memoryUsage().heapUsed
    for (let n = 0; n < 1_500; n++) {
      history.add(['a', { text: Buffer.alloc(60_000, 97).toString('latin1') }])
      history.weigh(1, 60_000)
    }
    collect()
    // 90 MB were added.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(20_000_000)
    expect(history.seq).toBe(1_500)
  })

  it('says how old the events are that a tab is sent again: a handler gets none that is older than itself', async () => {
    const { attach, server } = setUpHub()
    const { welcome } = await attach(['a'])
    server.up()
    await pass(5_000)
    server.emit('a', { n: 1 })
    await pass(120_000)
    server.emit('a', { n: 2 })
    vi.setSystemTime(Date.now() - HOUR_MS)
    await pass(30)
    const back = await attach(['a'], { since: { epoch: welcome.epoch, seq: 1, ageMs: 125_000 } })
    expect(back.welcome).toMatchObject({
      replay: [
        ['a', { n: 1 }],
        ['a', { n: 2 }],
      ],
      replayAges: [120_030, 30],
    })
  })
})
