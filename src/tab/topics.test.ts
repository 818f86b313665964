import { notifyManager, QueryClient, QueryObserver } from '@tanstack/react-query'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { PartylineError, Receipt, TopicOptions, TopicState } from '../index.js'
import { createTestBrowser, type TestBrowser } from '../testing/index.js'
import { createTabTopics, type TopicUse } from './topics.js'

// Whole tabs, the real library in each, over a server in memory.

notifyManager.setScheduler(queueMicrotask)

type Key = 'task' | 'note' | 'other'
let rows: Record<Key, number>
const lines: { mounted(): void }[] = []
beforeEach(() => {
  rows = { task: 1, note: 1, other: 1 }
})
afterEach(() => {
  for (const line of lines.splice(0)) line.mounted()
})

function openApp(browser: TestBrowser, { uses = ['task'] as Key[], identity = 'ann', signedIn = true } = {}) {
  const tab = browser.openTab()
  const queryClient = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } })
  const errors: PartylineError[] = []
  const fetched: string[] = []
  const receipts: Receipt[] = []
  const line = tab.createPartyline({
    url: 'https://api.example.com',
    invalidates: { task_changed: ['task'], note_changed: ['note'] },
    onError: (error) => void errors.push(error),
  })
  line.onReceipt((receipt) => receipts.push(receipt))
  const mount = (who: string | null = identity) => line.mount({ queryClient, identity: who })
  const unmount = signedIn ? mount() : () => undefined
  lines.push({ mounted: unmount })
  /** Answers that have been read at the server and are still on their way; undefined: none is held up. */
  let held: (() => void)[] | undefined
  async function read(key: Key): Promise<number> {
    fetched.push(key)
    const row = rows[key]
    if (held) await new Promise<void>((resolve) => void held?.push(resolve))
    return row
  }
  function use(queryKey: readonly [Key, ...string[]]) {
    const observer = new QueryObserver(queryClient, { queryKey, queryFn: () => read(queryKey[0]) })
    observer.subscribe(() => undefined)
    return observer
  }
  const observers = uses.map((key) => use([key]))
  const states: TopicState[] = []
  return {
    tab,
    line,
    mount,
    unmount,
    queryClient,
    errors,
    fetched,
    receipts,
    states,
    use,
    fetch: (key: Key) => queryClient.prefetchQuery({ queryKey: [key], queryFn: () => read(key) }),
    state: () => states.at(-1)?.name,
    topic: (name: string, options: TopicOptions = {}) =>
      line.topic(name, { onState: (state) => void states.push(state), ...options }),
    holdUp: () => {
      held ??= []
    },
    release: () => {
      for (const run of held ?? []) run()
      held = undefined
    },
    shown: () => observers.map((observer) => observer.getCurrentResult().data),
  }
}

const topicsOf = (browser: TestBrowser) => browser.server.sockets().map(({ topics }) => [...topics].sort())

/** Something changes, and every socket in the topic is sent the event. */
function change(browser: TestBrowser, key: 'task' | 'note' = 'task', topic = 'p') {
  rows[key]++
  browser.server.topic(topic, `${key}_changed`)
}

it('the moment of a join is the answer’s age before it came, whenever it is asked for', () => {
  const joined: number[] = []
  let now = 100_000
  const use = () => ({ name: 'p', queryKeys: undefined, onState: () => undefined })
  const uses = new Set<TopicUse>([use()])
  const topics = createTabTopics({
    uses,
    report: () => undefined,
    monotonic: () => now,
    onJoined: ({ at }) => void joined.push(at),
  })
  topics.connected(true)
  topics.answered([{ topic: 'p', ok: true, ageMs: 60_000 }])
  now += 5_000
  uses.add(use())
  topics.update()
  expect(joined).toEqual([40_000, 40_000])
})

describe('over all tabs of a browser', () => {
  it.each([{ sharedWorker: true }, { sharedWorker: false }])(
    'one join, and one leave after the last (%j)',
    async (has) => {
      const browser = createTestBrowser(has)
      const apps = Array.from({ length: 5 }, () => openApp(browser))
      const leaves = apps.map((app) => [app.topic('p'), app.topic('p')] as const)
      await browser.settle()
      expect(topicsOf(browser)).toEqual([['p']])
      expect(apps.map((app) => app.state())).toEqual(Array(5).fill('joined'))
      change(browser)
      await browser.settle()
      expect(apps.map((app) => app.shown())).toEqual(Array(5).fill([2]))

      for (const [one] of leaves) one()
      await browser.settle()
      expect(topicsOf(browser)).toEqual([['p']])
      for (const [, other] of leaves.slice(1)) other()
      await browser.settle()
      expect(topicsOf(browser)).toEqual([['p']])
      apps[0]?.tab.crash()
      await browser.settle()
      expect(topicsOf(browser)).toEqual([[]])
    },
  )

  it('leaving and joining at once sends nothing', async () => {
    const browser = createTestBrowser()
    const app = openApp(browser)
    let leave = app.topic('p')
    await browser.settle()
    app.states.length = 0
    for (let page = 0; page < 3; page++) {
      leave()
      leave = app.topic('p')
    }
    expect(topicsOf(browser)).toEqual([['p']])
    await browser.settle()
    expect(app.states).toEqual([{ name: 'joined' }])
  })

  it('a page that is away is in no topic, and catches up when it is back', async () => {
    const browser = createTestBrowser()
    const [app] = [openApp(browser), openApp(browser)]
    app.topic('p')
    await browser.settle()
    app.tab.leave()
    await browser.pass(5_000)
    expect(topicsOf(browser)).toEqual([[]])
    change(browser)
    await browser.settle()
    expect(app.tab.return()).toBe(true)
    await browser.settle()
    expect(topicsOf(browser)).toEqual([['p']])
    expect([app.state(), app.shown()]).toEqual(['joined', [2]])
  })
})

describe('no tab stays stale', () => {
  it('what was said between a fetch and the join is made up for', async () => {
    const browser = createTestBrowser({ latency: 200 })
    const app = openApp(browser)
    await browser.settle()
    expect(app.shown()).toEqual([1])
    app.topic('p')
    // Nobody is in the topic yet: it reaches no one.
    change(browser)
    await browser.settle()
    expect(app.shown()).toEqual([2])
  })

  it('also by a fetch that was under way while it was joined', async () => {
    const browser = createTestBrowser()
    const app = openApp(browser)
    await browser.settle()
    app.fetched.length = 0
    app.holdUp()
    void app.queryClient.refetchQueries()
    await browser.pass(10)
    app.topic('p')
    change(browser)
    await browser.settle()
    expect(app.state()).toBe('joined')
    app.release()
    await browser.settle()
    expect(app.shown()).toEqual([2])
    expect(app.fetched).toEqual(['task', 'task'])
  })

  it('also where another tab has joined while this one fetched, and this one comes later', async () => {
    const browser = createTestBrowser()
    const [app, other] = [openApp(browser), openApp(browser)]
    await browser.settle()
    app.holdUp()
    void app.queryClient.refetchQueries()
    await browser.pass(10)
    change(browser)
    other.topic('p')
    await browser.settle()
    app.release()
    await browser.settle()
    expect(app.shown()).toEqual([1])
    // What the app sets by itself makes it no younger.
    app.queryClient.setQueryData(['task'], 1)
    app.topic('p')
    await browser.settle()
    expect(app.shown()).toEqual([2])
  })

  it('also where this one has fetched meanwhile before anybody was signed in', async () => {
    const browser = createTestBrowser()
    const other = openApp(browser)
    await browser.settle()
    const app = openApp(browser, { uses: [], signedIn: false })
    app.holdUp()
    const fetching = app.fetch('task')
    await browser.pass(10)
    change(browser)
    other.topic('p')
    await browser.settle()
    app.release()
    await browser.settle()
    await fetching
    app.use(['task'])
    lines.push({ mounted: app.mount() })
    app.topic('p')
    await browser.settle()
    expect(app.state()).toBe('joined')
    expect(app.queryClient.getQueryData(['task'])).toBe(2)
  })

  it('what the app has set, and never fetched, is no younger than what it was made of', async () => {
    const browser = createTestBrowser()
    const other = openApp(browser)
    const app = openApp(browser, { uses: ['note'] })
    await browser.settle()
    change(browser)
    other.topic('p')
    await browser.settle()
    await browser.pass(50)
    // The detail, of the list.
    app.queryClient.setQueryData(['task', 'detail'], app.shown()[0], { updatedAt: browser.now() })
    app.use(['task', 'detail'])
    app.topic('p')
    await browser.settle()
    expect(app.fetched).toContain('task')
    expect(app.queryClient.getQueryData(['task', 'detail'])).toBe(2)
  })

  it('what was fetched after the join is left alone, and a tab that comes later pays nothing', async () => {
    const browser = createTestBrowser()
    const first = openApp(browser, { uses: [] })
    first.topic('p')
    await browser.settle()
    const app = openApp(browser)
    await browser.settle()
    app.fetched.length = 0
    app.topic('p')
    await browser.settle()
    expect(app.state()).toBe('joined')
    expect(app.fetched).toEqual([])
    change(browser)
    await browser.settle()
    expect(app.shown()).toEqual([2])
  })

  it('many uses of a topic are checked in one walk over the cache', async () => {
    const browser = createTestBrowser()
    const app = openApp(browser, { uses: ['task', 'note'] })
    await browser.settle()
    const checks = () => app.receipts.splice(0).filter(({ deferred }) => deferred.length > 0)
    checks()
    for (let row = 0; row < 20; row++) app.topic('p', { queryKeys: [[row % 2 === 0 ? 'task' : 'note']] })
    await browser.settle()
    expect(checks().map(({ deferred }) => deferred)).toEqual([[['task'], ['note']]])
  })

  it('who has left is told nothing more', async () => {
    const browser = createTestBrowser()
    const app = openApp(browser)
    const heard: string[] = []
    const leaves = [1, 2].map((one) =>
      app.line.topic('p', {
        onState: ({ name }) => {
          if (name !== 'joined') return
          heard.push(`${one} ${name}`)
          for (const leave of leaves) leave()
        },
      }),
    )
    await browser.settle()
    expect(heard).toEqual(['1 joined'])
  })

  it('only what the topic is about is refetched; without keys, all that a rule can reach', async () => {
    const browser = createTestBrowser()
    const app = openApp(browser, { uses: ['task', 'note', 'other'] })
    await browser.settle()
    app.fetched.length = 0
    app.topic('p', { queryKeys: [['task']] })
    await browser.settle()
    expect(app.fetched).toEqual(['task'])
    // Another component, with other keys: its data is as old.
    app.topic('p', { queryKeys: [['note']] })
    await browser.settle()
    expect(app.fetched).toEqual(['task', 'note'])
    app.topic('q')
    await browser.settle()
    expect(app.fetched.sort()).toEqual(['note', 'note', 'task', 'task'])
  })

  it.each(['stop', 'kill', 'close', 'sleep'] as const)('over a loss of the connection: %s', async (how) => {
    const browser = createTestBrowser({ sharedWorker: how !== 'close' })
    const all = [openApp(browser), openApp(browser), openApp(browser)]
    for (const app of all) app.topic('p')
    await browser.settle()
    const leader = all.find(({ line }) => line.status.role === 'leader')
    const apps = all.filter((app) => app !== leader).slice(0, 2)
    if (how === 'stop') browser.server.stop()
    if (how === 'kill') browser.killWorkers()
    if (how === 'close') leader?.tab.close()
    expect(leader === undefined).toBe(how !== 'close')
    if (how === 'sleep') await browser.sleep(600_000)
    change(browser)
    if (how === 'stop') await browser.pass(5_000)
    if (how === 'stop') for (const app of apps) app.states.splice(0)
    browser.server.start()
    await browser.pass(60_000)
    // Nobody says that it is joined before the server has.
    if (how === 'stop')
      for (const app of apps) expect(app.states.map(({ name }) => name)).toEqual(['joining', 'joined'])
    expect(topicsOf(browser)).toEqual([['p']])
    expect(apps.map((app) => [app.state(), app.shown()])).toEqual([
      ['joined', [2]],
      ['joined', [2]],
    ])
  })
})

describe('any history', () => {
  const tab = fc.nat(3)
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('join' as const, 'leave' as const), tab }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('change' as const) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('fetch' as const, 'answer' as const), tab }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('away' as const, 'back' as const), tab }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constantFrom('stop' as const, 'start' as const, 'cut' as const, 'restore' as const, 'kill' as const),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(1, 7, 30, 120, 900, 4_000) }),
    },
  )

  it.each([
    { sharedWorker: true, recovery: false },
    { sharedWorker: true, recovery: true },
    { sharedWorker: false, recovery: true },
  ])(
    'every tab in the topic shows the data of the server in the end (%j)',
    async (has) => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.nat(1_000), async (steps, seed) => {
          rows = { task: 1, note: 1, other: 1 }
          const browser = createTestBrowser({ ...has, seed, latency: 60 })
          const apps = Array.from({ length: 4 }, () => openApp(browser))
          const leaves = new Map<number, () => void>()
          const leave = (index: number) => {
            leaves.get(index)?.()
            leaves.delete(index)
          }
          for (const one of steps) {
            const index = 'tab' in one ? one.tab : 0
            const app = apps[index]
            if (one.do === 'change') change(browser)
            else if (one.do === 'pass') await browser.pass(one.ms)
            else if (one.do === 'stop' || one.do === 'start') browser.server[one.do]()
            else if (one.do === 'cut' || one.do === 'restore') browser.network[one.do]()
            else if (one.do === 'kill') browser.killWorkers()
            else if (one.do === 'back') app?.tab.state === 'cached' && app.tab.return()
            else if (app?.tab.state === 'active') {
              if (one.do === 'away') app.tab.leave()
              else if (one.do === 'fetch') {
                app.holdUp()
                void app.queryClient.refetchQueries()
              } else if (one.do === 'answer') app.release()
              else if (one.do === 'leave') leave(index)
              else if (one.do === 'join' && !leaves.has(index)) leaves.set(index, app.topic('p'))
            }
          }
          browser.server.start()
          browser.network.restore()
          await browser.pass(1_000)
          for (const app of apps) app.release()
          for (const app of apps) if (app.tab.state === 'cached') app.tab.return()
          await browser.pass(120_000)
          const inTopic = apps.filter((app, index) => leaves.has(index) && app.tab.state === 'active')
          expect(inTopic.map((app) => [app.state(), app.shown()])).toEqual(inTopic.map(() => ['joined', [rows.task]]))
          if (apps.some((app) => app.tab.state === 'active'))
            expect(topicsOf(browser)).toEqual([inTopic.length > 0 ? ['p'] : []])
          for (const line of lines.splice(0)) line.mounted()
        }),
        { numRuns: 60 },
      )
    },
    60_000,
  )
})

describe('a topic that is not to be had', () => {
  it('is an error on that topic alone', async () => {
    const browser = createTestBrowser({ authorize: (_identity, topic) => topic === 'p' || 'not yours' })
    const [app, other] = [openApp(browser), openApp(browser)]
    const states: TopicState[] = []
    app.topic('q', { onState: (state) => void states.push(state) })
    for (const one of [app, other]) one.topic('p')
    await browser.settle()
    expect(states.at(-1)).toEqual({ name: 'refused', reason: 'not yours' })
    expect(app.errors.map(({ code, detail }) => [code, detail['topic']])).toEqual([['topic-refused', 'q']])
    expect(other.errors).toEqual([])
    change(browser)
    await browser.settle()
    expect([app, other].map((one) => [one.line.status.name, one.state(), one.shown()])).toEqual(
      Array(2).fill(['connected', 'joined', [2]]),
    )
  })

  it.each(['', 'x'.repeat(201), 7 as never])('a name that is none is told, and not sent (%j)', async (name) => {
    const browser = createTestBrowser()
    const app = openApp(browser)
    app.topic(name)
    app.topic('x'.repeat(200))
    await browser.settle()
    expect(app.errors.map(({ code }) => code)).toEqual(['bad-topic'])
    expect(app.states.map((state) => state.name)).toContain('failed')
    expect(topicsOf(browser)).toEqual([['x'.repeat(200)]])
  })

  it('a tab uses a hundred at most', async () => {
    const browser = createTestBrowser()
    const app = openApp(browser)
    for (let n = 0; n < 102; n++) app.topic(`p${n}`)
    await browser.settle()
    expect(topicsOf(browser)[0]).toHaveLength(100)
    expect(app.errors.map(({ code, detail }) => [code, detail['topic']])).toEqual([
      ['bad-topic', 'p100'],
      ['bad-topic', 'p101'],
    ])
  })

  it('an onState that throws is told, and the others are called', async () => {
    const browser = createTestBrowser()
    const app = openApp(browser)
    app.topic('p', {
      onState: () => {
        throw new Error('broken')
      },
    })
    app.topic('p')
    await browser.settle()
    expect(app.state()).toBe('joined')
    expect(app.errors.map(({ code }) => code)).toContain('handler-failed')
  })
})

describe('whose it is', () => {
  it('may be asked for before anybody is signed in, and outlasts sessions', async () => {
    const asked: string[] = []
    const browser = createTestBrowser({ authorize: (identity, topic) => asked.push(`${identity} ${topic}`) > 0 })
    const app = openApp(browser)
    app.topic('p')
    await browser.settle()
    app.unmount()
    await browser.settle()
    expect(app.state()).toBe('away')
    const leave = app.mount('bob')
    lines.push({ mounted: leave })
    await browser.settle()
    expect(app.state()).toBe('joined')
    expect(asked).toEqual(['ann p', 'bob p'])
    app.line.signOut()
    expect(app.state()).toBe('away')
    await browser.settle()
    expect(browser.server.sockets()).toEqual([])
  })
})
