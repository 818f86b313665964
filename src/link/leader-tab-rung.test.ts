import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryBrowser, NO_SIGN_OUTS } from '../../test/browser.js'
import { SETTINGS } from '../../test/fake-hub.js'
import { createFakeTransport } from '../../test/fake-transport.js'
import { createElector, unopposed } from '../election/create-elector.js'
import { serveHub } from '../hub/serve.js'
import type { Passage } from '../testing/simulated-channels.js'
import type { Endpoint } from '../wire/endpoint.js'
import type { EventPair } from '../wire/protocol.js'
import { leaderTabRung } from './leader-tab-rung.js'
import { createLink } from './link.js'
import type { LinkState } from './link-options.js'
import { followRung } from './rungs.js'
import { type LoadHub, thisTabRung } from './this-tab-rung.js'

const KEY = 'partyline/v1/app/test'

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms)

/** Tabs without a SharedWorker, whose hub's chunk may fail to load. */
function setUp({ webLocks = true, delay = 0 } = {}) {
  const carried: Passage[] = []
  const browser = createMemoryBrowser({
    webLocks,
    route(deliver, passage) {
      carried.push(passage)
      if (delay > 0) setTimeout(deliver, delay)
      else queueMicrotask(deliver)
    },
  })
  const transport = createFakeTransport()
  const errors: string[] = []

  /** `busyMs`: how late its hub answers. */
  function open(failures: number, busyMs = 0, events: readonly string[] = ['a']) {
    const { environment, page, crash } = browser.tab()
    let left = failures
    let loads = 0
    const load =
      (host: 'leader-tab' | 'this-tab'): LoadHub =>
      async (elector) => {
        loads++
        if (left-- > 0) throw new TypeError('Failed to fetch dynamically imported module')
        const served = serveHub({ environment, key: KEY, host, open: transport.open, elector })
        const late = (endpoint: Endpoint): Endpoint => ({
          ...endpoint,
          postMessage: (message) => void setTimeout(() => endpoint.postMessage(message), busyMs),
        })
        return busyMs > 0 ? { ...served, connect: (endpoint) => served.connect(late(endpoint)) } : served
      }
    const states: LinkState[] = []
    const got: EventPair[] = []
    /** The numbers of events, and gaps. */
    const log: unknown[] = []
    let names = events
    const link = createLink({
      environment,
      key: KEY,
      check: 'c',
      tab: environment.id(),
      settings: SETTINGS,
      signOuts: NO_SIGN_OUTS,
      rungs: [
        leaderTabRung({ environment, key: KEY, elector: createElector(environment, KEY), load: load('leader-tab') }),
        thisTabRung({ environment, key: KEY, hubs: new Map(), load: load('this-tab') }),
      ],
      follow: followRung(environment, KEY),
      events: () => names,
      topics: () => [],
      oneTab: () => ({ names: [], hiddenForMs: 0 }),
      onTopics: () => undefined,
      auth: async () => ({ ok: true, auth: {} }),
      report: (code) => errors.push(code),
      onState: (state) => states.push(state),
      onEvents(events) {
        got.push(...events)
        log.push(...numbers(events))
      },
      onGap: () => log.push('gap'),
      onVouched: () => undefined,
    })
    const want = (...events: string[]) => {
      names = events
      link.subscriptionsChanged()
    }
    return {
      page,
      crash,
      state: () => states.at(-1),
      loads: () => loads,
      got,
      log,
      want,
      close: link.close,
    }
  }
  const emit = (name: string, n: number) => transport.last.handlers.onEvent(name, { n })
  return { open, transport, errors, browser, carried, emit }
}

it('a hub chunk that fails to load once is loaded again, and no tab gets a socket of its own', async () => {
  const { open, transport, errors } = setUp()
  const first = open(1)
  await settle(1_000)
  expect(first.state()).toMatchObject({ phase: 'attached', host: 'leader-tab', role: 'leader', steps: [] })
  expect(errors).toEqual([])
  const second = open(0)
  await settle(1_000)
  expect(second.state()).toMatchObject({ role: 'follower' })
  expect(transport.live()).toBe(1)
})

it('one that does not load leaves no pipe open', async () => {
  const { environment } = createMemoryBrowser().tab()
  const openPipe = vi.spyOn(environment, 'openPipe')
  const load = () => Promise.reject(new TypeError('Failed to fetch dynamically imported module'))
  const attempt = { fail: () => undefined, signal: new AbortController().signal, hubTimedOut: false }
  const rungs = [
    leaderTabRung({ environment, key: KEY, elector: unopposed, load }),
    thisTabRung({ environment, key: KEY, hubs: new Map(), load }),
  ]
  for (const rung of rungs) await expect(rung.open(attempt)).rejects.toThrow('Failed to fetch')
  expect(openPipe).not.toHaveBeenCalled()
})

it('one that keeps failing is reported, tried again after rests, and the leadership is free meanwhile', async () => {
  const { open, transport, errors } = setUp()
  const ill = open(13)
  await settle(200)
  expect(ill.loads()).toBe(4)
  expect(ill.state()).toMatchObject({ phase: 'seeking', reason: expect.stringContaining('could not be loaded') })
  expect(errors).toEqual(['host-failed'])
  const well = open(0)
  await settle(1_000)
  expect(well.state()).toMatchObject({ role: 'leader' })
  await settle(60_000)
  expect(ill.state()).toMatchObject({ phase: 'attached', role: 'follower', steps: [] })
  expect(transport.live()).toBe(1)
  // And when it is alone it gets there in the end.
  well.crash()
  for (const connection of transport.opened) connection.closed = true
  await settle(120_000)
  expect(ill.state()).toMatchObject({ phase: 'attached', role: 'leader', steps: [] })
  expect(transport.live()).toBe(1)
})

it('a hub in this very tab has no timeout: only this tab itself can keep it from answering', async () => {
  const { open, transport, errors } = setUp()
  const busy = open(0, 60_000)
  await settle(59_000)
  expect(busy.state()?.phase).not.toBe('attached')
  await settle(2_000)
  expect(busy.state()).toMatchObject({ phase: 'attached', role: 'leader', steps: [] })
  expect([busy.loads(), errors, transport.live()]).toEqual([1, [], 1])
})

it('fifty tabs that open at once find their leader in a few messages each', async () => {
  const { open, transport, carried } = setUp({ delay: 3 })
  const tabs = Array.from({ length: 50 }, () => open(0))
  await settle(1_000)
  transport.last.handlers.onUp(false)
  transport.last.handlers.onEvent('_line', { quietForMs: 0 })
  await settle(1_000)
  expect(tabs.map(({ state }) => state()?.tabs)).toEqual(tabs.map(() => 50))
  const sent = (kind: string) => carried.filter(({ message }) => (message as { kind?: string }).kind === kind).length
  // Each reaches one tab, not all of those that search as well; the election reaches all, the leader too.
  expect([sent('elected'), sent('connect-request'), sent('connect-response'), sent('multicast-joined')]).toEqual([
    50, 49, 49, 49,
  ])
  expect(carried.length).toBeLessThan(50 * 10)
})

const numbers = (events: readonly EventPair[]) => events.map(([, metadata]) => metadata?.['n'])

describe('events to followers', () => {
  it('are posted once for all, and each is delivered once', async () => {
    const { open, transport, browser, carried, emit } = setUp()
    const tabs = Array.from({ length: 5 }, () => open(0))
    await settle(1_000)
    transport.last.handlers.onUp(false)
    transport.last.handlers.onEvent('_line', { quietForMs: 0 })
    await settle(1_000)
    carried.length = 0
    for (let n = 1; n <= 3; n++) {
      emit('a', n)
      await settle(100)
    }
    expect(tabs.map(({ got }) => numbers(got))).toEqual(tabs.map(() => [1, 2, 3]))
    // One channel has carried them, from the leader to its four followers.
    expect(new Set(carried.map(({ channel }) => channel)).size).toBe(1)
    expect(carried).toHaveLength(3 * 4)
    // A single follower gets them over its own endpoint.
    for (const tab of tabs.slice(2)) tab.crash()
    await settle(1_000)
    carried.length = 0
    emit('a', 4)
    await settle(100)
    expect(tabs.slice(0, 2).map(({ got }) => numbers(got))).toEqual([
      [1, 2, 3, 4],
      [1, 2, 3, 4],
    ])
    expect(carried.map(({ channel }) => channel)).toEqual([expect.stringContaining('/pipe/')])
    expect(browser.channels.names().filter((name) => name.includes('/events/'))).toHaveLength(2)
  })

  it('go only to the tabs that subscribe to them', async () => {
    const { open, transport, carried, emit } = setUp()
    open(0)
    const one = open(0, 0, ['a', 'b'])
    const other = open(0, 0, ['a', 'b'])
    await settle(1_000)
    transport.last.handlers.onUp(false)
    transport.last.handlers.onEvent('_line', { quietForMs: 0 })
    other.want('a')
    await settle(1_000)
    carried.length = 0
    emit('b', 1)
    await settle(100)
    expect([one.got.length, other.got.length, carried.length]).toEqual([1, 0, 1])
    emit('a', 2)
    await settle(100)
    other.want('a', 'b')
    await settle(100)
    emit('b', 3)
    await settle(100)
    expect([one, other].map(({ got }) => numbers(got))).toEqual([
      [1, 2, 3],
      [2, 3],
    ])
  })

  it('stay in order with other messages: a gap, and a takeover', async () => {
    const { open, transport, emit } = setUp({ delay: 3 })
    const tabs = [open(0), open(0), open(0), open(0)]
    await settle(1_000)
    transport.last.handlers.onUp(false)
    transport.last.handlers.onEvent('_line', { quietForMs: 0 })
    await settle(1_000)
    for (const { log } of tabs) log.length = 0
    emit('a', 1)
    emit('a', 2)
    transport.last.handlers.onDown('transport close')
    transport.last.handlers.onUp(false)
    transport.last.handlers.onEvent('_line', { quietForMs: 0 })
    emit('a', 3)
    await settle(1_000)
    for (const { log } of tabs) expect(log).toEqual([1, 2, 'gap', 3])
    const [leader, ...followers] = tabs
    leader?.crash()
    await settle(1_000)
    transport.last.handlers.onUp(false)
    transport.last.handlers.onEvent('_line', { quietForMs: 0 })
    await settle(1_000)
    for (const { log } of followers) log.length = 0
    emit('a', 4)
    await settle(1_000)
    expect(followers.map(({ log }) => log)).toEqual([[4], [4], [4]])
  })

  it('are not delivered to a tab that has left, while others get them', async () => {
    const { open, transport, emit } = setUp()
    const tabs = [open(0), open(0), open(0), open(0)]
    await settle(1_000)
    transport.last.handlers.onUp(false)
    transport.last.handlers.onEvent('_line', { quietForMs: 0 })
    await settle(1_000)
    tabs[3]?.close(false)
    for (let n = 1; n <= 5; n++) {
      emit('a', n)
      await settle(50)
    }
    expect(tabs.map(({ got }) => got.length)).toEqual([5, 5, 5, 0])
  })

  it('are delivered once to a tab that attaches in the middle of a stream', async () => {
    // Longer than between two batches: until the hub knows that a tab joined the multicast, a batch comes over both.
    const { open, transport, emit } = setUp({ delay: 30 })
    open(0)
    const early = [open(0), open(0)]
    await settle(1_000)
    transport.last.handlers.onUp(false)
    transport.last.handlers.onEvent('_line', { quietForMs: 0 })
    await settle(1_000)
    const late = Array.from({ length: 4 }, () => open(0))
    for (let n = 1; n <= 400; n++) {
      emit('a', n)
      await settle(1)
    }
    await settle(1_000)
    for (const { got } of early) expect(numbers(got)).toEqual(Array.from({ length: 400 }, (_, index) => index + 1))
    for (const { got } of late) {
      const received = numbers(got) as number[]
      const first = received[0] ?? 0
      expect(received).toEqual(Array.from({ length: 401 - first }, (_, index) => first + index))
    }
  })

  it('come to each tab by its own endpoint where no lock tells of its death: the hub may take a tab for closed that listens', async () => {
    const { open, transport, carried, emit } = setUp({ webLocks: false })
    const tabs = [open(0), open(0), open(0)]
    // The election by heartbeats is a chunk of its own.
    await vi.dynamicImportSettled()
    await settle(10_000)
    transport.last.handlers.onUp(false)
    transport.last.handlers.onEvent('_line', { quietForMs: 0 })
    await settle(1_000)
    carried.length = 0
    emit('a', 1)
    await settle(0)
    expect(tabs.map(({ got }) => numbers(got))).toEqual([[1], [1], [1]])
    const pipes = carried.filter(({ message }) => (message as { kind?: string }).kind === 'events')
    expect(new Set(pipes.map(({ channel }) => channel)).size).toBe(2)
  })
})
