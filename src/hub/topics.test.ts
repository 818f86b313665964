import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { setUpHub } from '../../test/fake-hub.js'
import { createFakeTransport } from '../../test/fake-transport.js'

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

/** A hub, and a server that keeps the books of its topics. */
function setUp({ answers = true, settings }: { answers?: boolean; settings?: Parameters<typeof setUpHub>[0] } = {}) {
  const hub = setUpHub(settings)
  const pass = (ms = 0) => vi.advanceTimersByTimeAsync(ms)
  let read = 0
  /** Every join and leave of one topic, in order, since the connection began. */
  const log: string[] = []
  const rooms = new Set<string>()
  /** Joined, and answered so over this connection: to ask for it once more would be too much. */
  const known = new Set<string>()
  const faults: string[] = []
  const refused = new Set<string>()
  const say = (metadata: object) => hub.server.emit('_line', metadata)

  /** The server reads what was said to it, and answers. */
  async function serve(): Promise<void> {
    await pass()
    for (const [event, { topics, request }] of hub.transport.last.said.slice(read)) {
      read++
      for (const topic of topics as string[]) {
        log.push(`${event.slice(6)} ${topic}`)
        if (event === '_line:leave') {
          if (!rooms.delete(topic)) faults.push(`left ${topic}, which was not joined`)
          known.delete(topic)
        } else {
          const ok = !refused.has(topic)
          if (known.has(topic)) faults.push(`joined ${topic} twice`)
          if (ok) rooms.add(topic)
          if (ok && answers) known.add(topic)
          if (answers) say({ topic, ok, request, ...(!ok && { message: 'not yours' }) })
        }
      }
    }
    await pass()
  }
  const set = (to: boolean) => {
    answers = to
  }
  const up = async (recovered = false) => {
    known.clear()
    if (!recovered) {
      log.length = 0
      rooms.clear()
    }
    hub.server.up(recovered)
    await serve()
  }
  return { ...hub, pass, log, rooms, faults, refused, say, serve, up, set }
}

const joined = (ageMs = 0, topic = 'p') => ({ kind: 'topic', topic, ok: true, ageMs })

describe('the first joins, the last leaves', () => {
  it('whatever the number of tabs and of their uses', async () => {
    const { attach, up, serve, pass, log } = setUp()
    const tabs = [
      await attach(['a'], { topics: ['p'] }),
      await attach(['a']),
      await attach(['a'], { topics: ['p', 'q'] }),
    ]
    await up()
    expect(log).toEqual(['join p', 'join q'])
    tabs[1]?.use('p')
    await serve()
    tabs[0]?.use()
    tabs[2]?.detach()
    await pass(5_000)
    await serve()
    expect(log).toEqual(['join p', 'join q', 'leave q'])
    tabs[1]?.use()
    await pass(900)
    await serve()
    expect(log).toHaveLength(3)
    await pass(200)
    await serve()
    expect(log).toEqual(['join p', 'join q', 'leave q', 'leave p'])
  })

  it('many are asked for in frames that servers take', async () => {
    const { attach, up, transport, rooms, faults } = setUp()
    const topics = Array.from({ length: 500 }, (_, n) => `${n}"`.padEnd(200, 'x'))
    await attach(['a'], { topics })
    await up()
    const frames = transport.last.said.map(([event, metadata]) => JSON.stringify({ event, metadata }).length)
    expect(Math.max(...frames)).toBeLessThan(16_500)
    expect(frames.length).toBeLessThan(10)
    expect([rooms.size, faults]).toEqual([500, []])
  })

  it('a reload and a change of page leave nothing', async () => {
    const { attach, up, serve, pass, log } = setUp()
    const tab = await attach(['a'], { topics: ['p'] })
    await up()
    tab.detach()
    await pass(800)
    const again = await attach(['a'], { topics: ['p'] })
    again.use()
    await pass(500)
    again.use('p')
    await pass(5_000)
    await serve()
    expect(log).toEqual(['join p'])
  })

  it.each([true, false])('a tab that crashes has left (Web Locks: %s)', async (webLocks) => {
    const { attach, up, serve, pass, log, hub } = setUp({ settings: { webLocks } })
    const other = await attach(['a'])
    const alive = setInterval(() => hub.ping(other.id), 30_000)
    const tab = await attach(['a'], { topics: ['p'] })
    await up()
    tab.crash()
    await pass(300_000)
    clearInterval(alive)
    await serve()
    expect(log).toEqual(['join p', 'leave p'])
  })

  it('what is left while there is no connection is gone with it', async () => {
    const { attach, server, up, pass, log } = setUp()
    const tab = await attach(['a'], { topics: ['p', 'q'] })
    await up()
    server.down()
    tab.use('q')
    await pass(5_000)
    await up()
    expect(log).toEqual(['join q'])
  })

  it('but where the connection is recovered, it has to be left', async () => {
    const { attach, server, up, pass, rooms, log } = setUp()
    const tab = await attach(['a'], { topics: ['p', 'q'] })
    await up()
    server.down()
    tab.use('q')
    await pass(5_000)
    await up(true)
    expect([...rooms]).toEqual(['q'])
    expect(log.slice(2)).toEqual(['leave p', 'join q'])
  })
})

describe('what the tabs are told', () => {
  it('each that uses it, when it is joined; and one that comes later, since when', async () => {
    const { attach, up, serve, pass } = setUp()
    const one = await attach(['a'], { topics: ['p'] })
    const other = await attach(['a'])
    expect(one.welcome.topics).toEqual([])
    await up()
    expect(one.of('topic')).toEqual([joined()])
    await pass(60_000)
    // An age does not depend on clocks.
    vi.setSystemTime(Date.now() - 120_000)
    other.use('p')
    await serve()
    const late = await attach(['a'], { topics: ['p'] })
    expect(other.of('topic')).toEqual([joined(60_000)])
    expect(late.welcome.topics).toMatchObject([{ topic: 'p', ok: true, ageMs: 60_000 }])
    expect(one.of('topic')).toHaveLength(1)
  })

  it('a connection that was not recovered is another moment, a recovered one is not', async () => {
    const { attach, server, up, pass } = setUp()
    const tab = await attach(['a'], { topics: ['p'] })
    await up()
    await pass(1_000)
    server.down()
    await up(true)
    expect(tab.of('topic')).toEqual([joined(), joined(1_000)])
    server.down()
    await pass(1_000)
    await up()
    expect(tab.of('topic').at(-1)).toEqual(joined())
  })

  it('a replay from the cursor is complete for the user’s events, not for the topic’s', async () => {
    const { attach, server, up, pass, say, transport } = setUp()
    const tab = await attach(['a'], { topics: ['p'], auth: () => 'x' })
    await up()
    server.emit('a', { _line: { id: 7 } })
    await pass(1_000)
    server.down()
    const [offered] = await Promise.all([transport.last.handlers.auth(), pass(1_000)])
    expect(offered).toMatchObject({ cursor: 7 })
    await up()
    say({ replayed: true })
    await pass()
    expect(tab.of('gap')).toHaveLength(1)
    expect(tab.of('topic')).toEqual([joined(), joined()])
  })

  it('was left and joined again: what came between was missed', async () => {
    const { attach, up, serve, pass } = setUp()
    const tab = await attach(['a'], { topics: ['p'] })
    await up()
    tab.use()
    await pass(2_000)
    await serve()
    tab.use('p')
    await serve()
    expect(tab.of('topic').at(-1)).toEqual(joined())
  })

  it('an answer to what was asked before it was left is no answer', async () => {
    const { attach, up, serve, pass, say, set } = setUp({ answers: false })
    const tab = await attach(['a'], { topics: ['p'] })
    await up()
    tab.use()
    await pass(2_000)
    await serve()
    tab.use('p')
    await serve()
    say({ topic: 'p', ok: true, request: 1 })
    await pass()
    expect(tab.of('topic')).toEqual([])
    set(true)
    await pass(5_010)
    await serve()
    expect(tab.of('topic')).toEqual([joined()])
  })
})

describe('a topic that is refused', () => {
  const refusal = { kind: 'topic', topic: 'p', ok: false, name: 'refused', message: 'not yours' }

  it('is told with its reason in the tabs that use it, and all else goes on', async () => {
    const { attach, up, refused, server, pass, serve, log } = setUp()
    refused.add('p')
    const tabs = [await attach(['a'], { topics: ['p', 'q'] }), await attach(['a'], { topics: ['q'] })]
    await up()
    server.emit('a', {})
    await pass(60_000)
    await serve()
    expect(tabs[0]?.of('topic')).toEqual([refusal, joined(0, 'q')])
    expect(tabs[1]?.of('topic')).toEqual([joined(0, 'q')])
    expect(tabs.map((tab) => tab.of('events').length)).toEqual([1, 1])
    // Not in a loop, and there is nothing to leave.
    tabs[0]?.use('q')
    await pass(60_000)
    await serve()
    expect(log).toEqual(['join p', 'join q'])
  })

  it('is asked for again after a reconnect', async () => {
    const { attach, up, refused, server } = setUp()
    refused.add('p')
    const tab = await attach(['a'], { topics: ['p'] })
    await up()
    refused.clear()
    server.down()
    await up()
    expect(tab.of('topic')).toEqual([refusal, joined()])
  })

  it('is asked for again with renewed credentials', async () => {
    const { attach, up, refused, serve, pass, transport } = setUp()
    refused.add('p')
    const tab = await attach(['a'], { topics: ['p'], auth: () => 'x', expiresAt: () => Date.now() + 600_000 })
    await Promise.all([transport.last.handlers.auth(), pass()])
    await up()
    refused.clear()
    for (let second = 0; second < 595; second++) {
      await pass(1_000)
      await serve()
    }
    expect(transport.last.renewals).toHaveLength(1)
    expect(tab.of('topic')).toEqual([refusal, joined()])
  })

  it('may be taken away by the server, and nobody takes it for joined any more', async () => {
    const { attach, up, say, pass } = setUp()
    const tab = await attach(['a'], { topics: ['p'] })
    await up()
    say({ topic: 'p', ok: false, message: 'not yours' })
    await pass()
    expect(tab.of('topic')).toEqual([joined(), refusal])
    const late = await attach(['a'], { topics: ['p'] })
    expect(late.welcome.topics).toMatchObject([{ ok: false, name: 'refused' }])
  })
})

describe('a right that came and went while the connection was away', () => {
  it('leaves a hole, also where the connection is recovered', async () => {
    const { attach, server, up, say, pass } = setUp()
    const tab = await attach(['a'], { topics: ['p'] })
    await up()
    await pass(1_000)
    server.down()
    // The next attempt has begun: what was missed comes before the connection is reported.
    await pass(1_000)
    say({ topic: 'p', ok: false, message: 'not yours' })
    await up(true)
    expect(tab.of('topic')).toEqual([joined(), joined()])
  })
})

describe('a topic that was not joined', () => {
  it('is asked for again ever more slowly, and the tabs are told what is new', async () => {
    const { attach, up, pass, serve, log, refused } = setUp()
    refused.add('p')
    const tab = await attach(['a'], { topics: ['p'] })
    await up()
    const run = async (ms: number) => {
      for (let passed = 0; passed < ms; passed += 2_000) {
        await serve()
        await pass(2_000)
      }
    }
    await run(3_600_000)
    expect(log.length).toBeGreaterThan(4)
    expect(log.length).toBeLessThan(10)
    expect(tab.of('topic')).toMatchObject([{ topic: 'p', name: 'refused' }])
    expect((await attach(['a'], { topics: ['p'] })).welcome.topics).toMatchObject([{ topic: 'p', name: 'refused' }])
    refused.delete('p')
    await run(1_800_000)
    expect(tab.of('topic').at(-1)).toMatchObject({ topic: 'p', ok: true })
    const { length } = log
    await run(3_600_000)
    expect(log).toHaveLength(length)
  })
})

describe('a server that can not tell now', () => {
  it('is asked again soon', async () => {
    const { attach, up, pass, say, log } = setUp({ answers: false })
    const tab = await attach(['a'], { topics: ['p'] })
    await up()
    say({ topic: 'p', ok: false, request: 1, message: 'try again later', code: 'unavailable' })
    await pass()
    expect(tab.of('topic')).toMatchObject([{ topic: 'p', ok: false, name: 'failed', message: 'try again later' }])
    await pass(15_100)
    say({ topic: 'p', ok: true, request: 2 })
    await pass()
    expect(tab.of('topic').at(-1)).toMatchObject({ topic: 'p', ok: true })
    expect(log.length).toBeLessThan(4)
  })
})

describe('a server that does not answer', () => {
  it('is asked three times, then it is said so; it may still answer later', async () => {
    const { attach, up, pass, serve, log, say } = setUp({ answers: false })
    const tab = await attach(['a'], { topics: ['p'] })
    await up()
    await pass(14_900)
    expect(tab.of('topic')).toEqual([])
    await pass(60_000)
    await serve()
    expect(log).toEqual(['join p', 'join p', 'join p'])
    expect(tab.of('topic')).toMatchObject([{ topic: 'p', ok: false, name: 'failed' }])
    say({ topic: 'p', ok: true, request: 1 })
    await pass()
    expect(tab.of('topic').at(-1)).toEqual(joined())
  })

  it('where it answers more than once, the tabs are told once', async () => {
    const { attach, up, say, pass, refused } = setUp()
    refused.add('q')
    const tab = await attach(['a'], { topics: ['p', 'q'] })
    await up()
    say({ topic: 'p', ok: true, request: 1 })
    say({ topic: 'q', ok: false, request: 1, message: 'not yours' })
    await pass()
    expect(tab.of('topic')).toHaveLength(2)
  })

  it('an answer that nobody asked for is ignored', async () => {
    const { attach, up, say, pass } = setUp({ answers: false })
    const tab = await attach(['a'], { topics: ['p'] })
    await up()
    for (const odd of [
      { topic: 'p', ok: true },
      { topic: 'x', ok: false },
      { topic: 7, ok: true, request: 1 },
      { topic: null },
    ])
      say(odd)
    await pass()
    expect(tab.got.filter(({ kind }) => kind === 'topic')).toEqual([])
  })
})

describe('any history', () => {
  const TOPICS = ['p', 'q', 'r']
  const step = fc.oneof(
    fc.record({ do: fc.constant('attach' as const), topics: fc.subarray(TOPICS) }),
    fc.record({ do: fc.constant('use' as const), tab: fc.nat(5), topics: fc.subarray(TOPICS) }),
    fc.record({ do: fc.constantFrom('detach' as const, 'crash' as const), tab: fc.nat(5) }),
    fc.record({ do: fc.constantFrom('down' as const, 'up' as const, 'recover' as const) }),
    fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(0, 1, 300, 999, 1_001, 6_000) }),
    fc.record({ do: fc.constant('answers' as const), on: fc.boolean() }),
  )

  it('the server’s topics are what the tabs use, and each is joined and left in turn', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        vi.setSystemTime(1_000_000)
        const world = setUp()
        // Without a tab the hub would end.
        await world.attach(['a'])
        const tabs = new Map<number, { tab: Awaited<ReturnType<typeof world.attach>>; topics: readonly string[] }>()
        let connected = false
        let count = 0
        const go = async (recovered: boolean) => {
          if (!connected) await world.up(recovered && count++ > 0)
          connected = true
        }
        for (const what of steps) {
          const of = 'tab' in what ? [...tabs.keys()][what.tab % Math.max(tabs.size, 1)] : undefined
          const found = of === undefined ? undefined : tabs.get(of)
          if (what.do === 'attach') {
            tabs.set(count++, { tab: await world.attach(['a'], { topics: what.topics }), topics: what.topics })
          } else if (what.do === 'use' && found) {
            found.tab.use(...what.topics)
            found.topics = what.topics
          } else if ((what.do === 'detach' || what.do === 'crash') && found && of !== undefined) {
            found.tab[what.do]()
            tabs.delete(of)
          } else if (what.do === 'down' && connected) {
            // What was said before has arrived, or is lost with the connection.
            await world.serve()
            world.server.down()
            connected = false
          } else if (what.do === 'up' || what.do === 'recover') await go(what.do === 'recover')
          else if (what.do === 'pass') await world.pass(what.ms)
          else if (what.do === 'answers') world.set(what.on)
          if (connected) await world.serve()
        }
        world.set(true)
        await go(false)
        for (let quiet = 0; quiet < 4; quiet++) {
          await world.pass(6_000)
          await world.serve()
        }
        const used = new Set([...tabs.values()].flatMap(({ topics }) => topics))
        expect([...world.rooms].sort()).toEqual([...used].sort())
        expect(world.faults).toEqual([])
        // Every tab knows of each of its topics that it is joined, or that nobody would say.
        for (const { tab, topics } of tabs.values())
          for (const topic of topics) {
            const last = [...(tab.welcome.topics ?? []), ...tab.of('topic')].filter((one) => one.topic === topic).at(-1)
            expect(last).toBeDefined()
          }
      }),
      { numRuns: 80 },
    )
  })
})

it('a transport that only receives has no topics: each tab is told at once', async () => {
  const { attach, server, transport } = setUpHub({ transport: createFakeTransport(['send']) })
  const tab = await attach([], { topics: ['p'] })
  server.up()
  await vi.advanceTimersByTimeAsync(0)
  const told = { topic: 'p', ok: false, name: 'failed', message: expect.stringMatching(/only receives/) }
  expect(tab.of('topic')).toEqual([{ kind: 'topic', ...told }])
  const late = await attach([], { topics: ['p'] })
  expect(late.welcome.topics).toEqual([told])
  await vi.advanceTimersByTimeAsync(3_600_000)
  expect(tab.of('topic')).toHaveLength(1)
  expect(transport.last.said).toEqual([])
})
