import { InfiniteQueryObserver, MutationObserver, QueryClient, QueryObserver } from '@tanstack/react-query'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryBrowser } from '../../test/browser.js'
import { createSimpleLogicalClock } from '../../test/simple-logical-clock.js'
import type { Locks } from '../platform/environment.js'
import { createOwnWrites } from '../tab/own-writes.js'
import { simulatedSha256 } from '../testing/sha256.js'
import { createInvalidator } from './invalidator.js'
import type { Receipt } from './receipt.js'
import { compileRule } from './rule.js'
import type { ReceivedVersion } from './shared-results.js'
import { createSharing } from './sharing.js'

beforeEach(() => void vi.useFakeTimers({ now: 1_900_000_000_000 }))
afterEach(() => void vi.useRealTimers())

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

/** Windows of one browser, each with a cache of its own and the active query ['a'], which takes 50 ms. */
function setUp({ webLocks = true, deniesLocks = false, timeout = 5_000, carries = 0, maxWait = 1_000 } = {}) {
  const browser = createMemoryBrowser({
    webLocks,
    route: (deliver) => (carries > 0 ? void setTimeout(deliver, carries) : queueMicrotask(deliver)),
  })
  /** What the server has: each change is a number more. */
  let truth = 1
  let fetches = 0
  let fails = 0
  let takes: number | undefined = 50
  let wrap = (value: number): unknown => value
  let seq = 0

  async function read(): Promise<unknown> {
    fetches++
    const value = wrap(truth)
    if (takes === undefined) return new Promise(() => undefined)
    await new Promise((resolve) => setTimeout(resolve, takes))
    if (fails-- > 0) throw new Error('ill')
    return value
  }

  async function open({ name = 'app', epoch = 'e1' } = {}) {
    const tab = browser.tab()
    const environment = deniesLocks ? { ...tab.environment, locks: deniedLocks } : tab.environment
    const requests = createOwnWrites({
      newSecret: tab.environment.id,
      sha256: tab.environment.sha256,
      monotonic: tab.environment.clock.monotonic,
      after: tab.environment.timers.after,
    })
    const client = new QueryClient({
      defaultOptions: { queries: { retry: false, staleTime: Number.POSITIVE_INFINITY } },
    })
    let received: ReceivedVersion | undefined = { epoch, seq }
    const receipts: Receipt[] = []
    const problems: string[] = []
    const invalidator = createInvalidator({
      client,
      rules: new Map(['a', 'b'].map((event) => [event, compileRule(event, [event], () => undefined)])),
      debounce: { waitMs: Math.min(100, maxWait), maxWaitMs: maxWait },
      jitterMs: 2_000,
      restartFetchAfterMs: 10_000,
      logicalClock: requests.logicalClock,
      environment,
      onReceipt: (receipt) => receipts.push(receipt),
      isWatched: () => true,
      sharing: async (hooks) =>
        createSharing({
          ...hooks,
          name,
          timeoutMs: timeout,
          client,
          environment,
          version: () => received,
          report: (code) => void problems.push(code),
        }),
    })
    const shown: unknown[] = []
    const observer = new QueryObserver(client, { queryKey: ['a'], queryFn: read })
    const unuse = observer.subscribe(({ data }) => {
      if (data !== undefined && data !== shown.at(-1)) shown.push(data)
    })
    await pass(60)
    return {
      ...tab,
      client,
      invalidator,
      receipts,
      problems,
      shown,
      unuse,
      observer,
      request: requests.run,
      data: () => client.getQueryData(['a']),
      receive(version: ReceivedVersion | undefined, event = 'a', origin?: string) {
        received = version
        invalidator.push([[event, {}, origin === undefined ? {} : { origin }]])
      },
      gap(version: ReceivedVersion) {
        received = version
        invalidator.resync(tab.environment.clock.monotonic(), true)
      },
      crash() {
        tab.crash()
        observer.destroy()
        client.clear()
      },
    }
  }
  type Tab = Awaited<ReturnType<typeof open>>

  /** So many visible windows, with fresh data. */
  async function openAll(count: number): Promise<Tab[]> {
    const tabs: Tab[] = []
    for (let number = 0; number < count; number++) tabs.push(await open())
    fetches = 0
    return tabs
  }
  async function openTwo(): Promise<[Tab, Tab]> {
    const [one, two] = await openAll(2)
    if (!one || !two) throw new Error('no tabs')
    return [one, two]
  }
  const setTruth = () => truth++
  /** A change at the server, and its event in these windows. */
  function change(tabs: readonly Tab[], event?: string): void {
    truth++
    seq++
    for (const tab of tabs) tab.receive({ epoch: 'e1', seq }, event)
  }
  const all = (tabs: readonly Tab[]) => tabs.map((tab) => tab.data())
  return {
    browser,
    open,
    openAll,
    openTwo,
    setTruth,
    change,
    all,
    fetches: () => fetches,
    fail: (times: number) => {
      fails = times
    },
    setTakes: (ms: number | undefined) => {
      takes = ms
    },
    setWrap: (how: typeof wrap) => {
      wrap = how
    },
  }
}

describe('windows that need a query at once', () => {
  it('fetch it once, and all have it', async () => {
    const { openAll, change, all, fetches, browser } = setUp()
    const tabs = await openAll(5)
    change(tabs)
    await pass(160)
    expect(all(tabs)).toEqual([2, 2, 2, 2, 2])
    await pass(400)
    expect(fetches()).toBe(1)
    for (const { receipts } of tabs)
      expect(receipts.at(-1)).toMatchObject({ shared: [['a']], refetched: [], deferred: [] })
    // Taken data settles the refetch: nobody fetches when the window becomes visible again.
    for (const { page } of tabs) page.show()
    await pass(10_000)
    expect(fetches()).toBe(1)
    expect(browser.locks.names()).toEqual([])
  })

  it('have the last of a burst, with one fetch and one more', async () => {
    const { openAll, change, all, fetches } = setUp()
    const tabs = await openAll(4)
    change(tabs)
    // The fetch is under way.
    await pass(120)
    change(tabs)
    change(tabs)
    await pass(1_000)
    expect(all(tabs)).toEqual([4, 4, 4, 4])
    expect(fetches()).toBe(2)
  })

  it('take what came before their own flush', async () => {
    const { openTwo, change, all, fetches } = setUp()
    const [one, two] = await openTwo()
    change([one, two])
    // Its debounce goes on, for an event of another kind.
    await pass(90)
    two.invalidator.push([['b', {}]])
    await pass(110)
    expect(all([one, two])).toEqual([2, 2])
    await pass(400)
    expect(fetches()).toBe(1)
  })

  it('are not asked again for an event that what they took has in it', async () => {
    const { openTwo, change, fetches, setTruth } = setUp()
    const [one, two] = await openTwo()
    two.page.hide()
    change([two])
    await pass(200)
    setTruth()
    one.receive({ epoch: 'e1', seq: 2 })
    await pass(110)
    // Its flush is yet to come, but somebody looks at it while the other one fetches.
    two.receive({ epoch: 'e1', seq: 2 })
    two.page.show()
    await pass(500)
    expect(two.shown).toEqual([1, 3])
    expect(fetches()).toBe(1)
    expect(two.receipts.at(-1)?.covered).toEqual([['a']])
  })

  it('take it also where the lock comes around faster than the message', async () => {
    const { openAll, change, all, fetches } = setUp({ carries: 40 })
    const tabs = await openAll(4)
    change(tabs)
    await pass(1_000)
    expect(all(tabs)).toEqual([2, 2, 2, 2])
    expect(fetches()).toBe(1)
  })

  it('share after a gap as well, at whatever moment each of them looks', async () => {
    const { openAll, all, fetches } = setUp()
    const tabs = await openAll(3)
    for (const tab of tabs) tab.gap({ epoch: 'e2', seq: 7 })
    await pass(3_000)
    expect(all(tabs)).toEqual([1, 1, 1])
    expect(fetches()).toBe(1)
  })

  it('are the visible ones: the others fetch when they become visible', async () => {
    const { openAll, change, all, fetches } = setUp()
    const tabs = await openAll(3)
    tabs[2]?.page.hide()
    change(tabs)
    await pass(400)
    expect(all(tabs)).toEqual([2, 2, 1])
    tabs[2]?.page.show()
    await pass(400)
    expect(all(tabs)).toEqual([2, 2, 2])
    expect(fetches()).toBe(2)
  })
})

describe('nobody is given older data for newer', () => {
  it('what lacks an event that the taker has received is not taken', async () => {
    const { openAll, change, all, fetches } = setUp()
    const tabs = await openAll(2)
    const [one, two] = tabs
    if (!one || !two) throw new Error('no tabs')
    // The first has not received of the second change yet.
    change(tabs)
    change([two])
    await pass(400)
    expect(all(tabs)).toEqual([3, 3])
    expect(fetches()).toBe(2)
  })

  it('what was fetched under another hub is not taken', async () => {
    const { openAll, all, fetches } = setUp()
    const [one, two] = await openAll(2)
    if (!one || !two) throw new Error('no tabs')
    one.receive({ epoch: 'e1', seq: 9 })
    two.receive({ epoch: 'e2', seq: 1 })
    await pass(400)
    expect(all([one, two])).toEqual([1, 1])
    expect(fetches()).toBe(2)
  })

  it('what was asked for before the taker’s own data came is not taken', async () => {
    const { openAll, change, fetches } = setUp()
    const tabs = await openAll(2)
    const [, two] = tabs
    change(tabs)
    await pass(120)
    // The answer to a change of its own, while the first one fetches.
    two?.client.setQueryData(['a'], 'own')
    change([])
    await pass(45)
    expect(two?.data()).toBe('own')
    await pass(1_000)
    expect(two?.shown).toEqual([1, 'own', 3])
    expect(fetches()).toBe(2)
  })

  it('what was asked for before the moment that is in doubt is not taken', async () => {
    const { openAll, change, fetches } = setUp()
    const tabs = await openAll(2)
    const [one, two] = tabs
    if (!one || !two) throw new Error('no tabs')
    change([one])
    await pass(120)
    // The same place in the same life; yet something may be missing from before.
    two.gap({ epoch: 'e1', seq: 1 })
    await pass(3_000)
    expect(fetches()).toBe(2)
  })

  it('an event that comes while its wish waits is answered with what has it', async () => {
    const { openAll, change, all, fetches, setTakes } = setUp()
    const tabs = await openAll(3)
    setTakes(300)
    change(tabs)
    await pass(120)
    // The one that fetches receives it later.
    change(tabs.slice(1))
    await pass(1_500)
    expect(all(tabs.slice(1))).toEqual([3, 3])
    expect(tabs[1]?.shown).toEqual([1, 3])
    expect(fetches()).toBe(2)
  })

  it('nobody posts what a persister gave a query that had no data', async () => {
    const { openTwo, change } = setUp()
    const [one, two] = await openTwo()
    // Its first fetch has failed, say; the other window's data is on the disk that both have.
    one.client
      .getQueryCache()
      .find({ queryKey: ['a'] })
      ?.reset()
    one.observer.setOptions({
      ...one.observer.options,
      persister: (queryFn, context, query) => (query.state.data === undefined ? 1 : queryFn(context as never)),
    })
    change([one, two])
    await pass(1_000)
    expect(two.data()).toBe(2)
  })

  it('nobody posts what began one does not know when', async () => {
    const { openAll, change, setTakes, fail, setTruth } = setUp()
    const [one, two, three] = await openAll(3)
    if (!one || !two || !three) throw new Error('no tabs')
    setTakes(200)
    fail(1)
    change([one, two, three])
    await pass(120)
    // Its user asks, and then there is a change that this fetch can't have.
    setTakes(400)
    void two.client.refetchQueries({ queryKey: ['a'] })
    await pass(10)
    setTruth()
    two.receive({ epoch: 'e1', seq: 2 })
    three.receive({ epoch: 'e1', seq: 2 })
    await pass(3_000)
    expect([two.data(), three.data()]).toEqual([3, 3])
    expect(three.shown).toEqual([1, 3])
  })

  it('a fetch of the taker’s own is left to finish', async () => {
    const { openAll, change, setTakes } = setUp()
    const tabs = await openAll(2)
    const [, two] = tabs
    if (!two) throw new Error('no tabs')
    change(tabs)
    await pass(120)
    setTakes(200)
    // Its user asks for it.
    void two.client.refetchQueries({ queryKey: ['a'] })
    await pass(60)
    expect(two.data()).toBe(1)
    await pass(200)
    expect(two.shown).toEqual([1, 2])
  })

  it('what was asked for before the taker’s mutation was over is not put over its guess', async () => {
    const { openTwo, setTruth, change } = setUp()
    const [one, two] = await openTwo()
    change([one, two])
    await pass(60)
    two.client.setQueryData(['a'], 3)
    const mutation = new MutationObserver(two.client, {
      mutationFn: async () => {
        await new Promise((resolve) => setTimeout(resolve, 100))
        setTruth()
      },
    })
    void mutation.mutate()
    await pass(5_000)
    expect(two.shown).toEqual([1, 3])
  })

  it('what was asked for before the taker’s own request was answered is not taken for its echo', async () => {
    const { openTwo, setTruth, change } = setUp()
    const [one, two] = await openTwo()
    let origin = ''
    change([one, two])
    await pass(90)
    // Its flush comes at 190; the other window has read at 100, the change is committed at 160, the answer comes at 180.
    two.invalidator.push([['b', {}]])
    void two.request(async (headers) => {
      origin = simulatedSha256(headers['x-partyline-origin'] ?? '').slice(0, 22)
      await new Promise((resolve) => setTimeout(resolve, 70))
      setTruth()
      await new Promise((resolve) => setTimeout(resolve, 20))
    })
    await pass(110)
    for (const tab of [one, two]) tab.receive({ epoch: 'e1', seq: 2 }, 'a', origin)
    await pass(1_000)
    expect([one.data(), two.data()]).toEqual([3, 3])
    expect(two.shown).toEqual([1, 3])
  })

  it.each([-3_600_000, 3_600_000])(
    'what was asked for before the taker’s mutation was over is not taken, though the clock was set by %d ms',
    async (stepMs) => {
      const { openTwo, setTruth, change } = setUp()
      const [one, two] = await openTwo()
      change([one, two])
      await pass(110)
      vi.setSystemTime(Date.now() + stepMs)
      const mutation = new MutationObserver(two.client, {
        mutationFn: async () => {
          await new Promise((resolve) => setTimeout(resolve, 20))
          setTruth()
        },
      })
      void mutation.mutate()
      await pass(25)
      two.client.setQueryData(['a'], 3)
      await pass(5_000)
      expect(two.shown).toEqual([1, 3])
    },
  )

  it('what was asked for before a gap does not pay for it, though it answers the event before', async () => {
    const { openTwo, change, all, setTruth } = setUp()
    const [one, two] = await openTwo()
    change([one, two])
    await pass(120)
    setTruth()
    for (const tab of [one, two]) tab.gap({ epoch: 'e1', seq: 2 })
    await pass(3_000)
    expect(all([one, two])).toEqual([3, 3])
  })

  it('what the app has set is not handed on as fetched when it cancels', async () => {
    const { openTwo, change } = setUp()
    const [one, two] = await openTwo()
    change([one, two])
    await pass(120)
    one.client.setQueryData(['a'], 'guess')
    await one.client.cancelQueries({ queryKey: ['a'] })
    await pass(5_000)
    expect(two.shown).toEqual([1, 2])
  })

  it('a mutation’s guess is left alone until it is over', async () => {
    const { openAll, change, all } = setUp()
    const tabs = await openAll(2)
    const [, two] = tabs
    if (!two) throw new Error('no tabs')
    change(tabs)
    await pass(120)
    const mutation = new MutationObserver(two.client, {
      mutationFn: () => new Promise((resolve) => setTimeout(resolve, 500)),
    })
    void mutation.mutate()
    two.client.setQueryData(['a'], 'guess')
    await pass(300)
    expect(two.data()).toBe('guess')
    await pass(1_000)
    expect(all(tabs)).toEqual([2, 2])
  })
})

describe('nobody waits for ever', () => {
  it('a fetch that fails is tried by the next', async () => {
    const { openAll, change, all, fetches, fail } = setUp()
    const tabs = await openAll(3)
    fail(1)
    change(tabs)
    await pass(600)
    expect(all(tabs).slice(1)).toEqual([2, 2])
    expect(fetches()).toBe(2)
  })

  it('a window that dies leaves its turn to the next', async () => {
    const { openAll, change, all, fetches } = setUp()
    const tabs = await openAll(3)
    change(tabs)
    await pass(120)
    tabs[0]?.crash()
    await pass(400)
    expect(all(tabs.slice(1))).toEqual([2, 2])
    expect(fetches()).toBe(2)
  })

  it('a window whose locks are denied fetches for itself', async () => {
    const { openTwo, change, all } = setUp({ deniesLocks: true })
    const tabs = await openTwo()
    change(tabs)
    await pass(400)
    expect(all(tabs)).toEqual([2, 2])
  })

  it.each([1_000, 0])('a mutation is waited for no longer than maxWait (%i ms)', async (maxWait) => {
    const { openTwo, change, all } = setUp({ maxWait })
    const [one, two] = await openTwo()
    const mutation = new MutationObserver(two.client, {
      mutationFn: () => new Promise((resolve) => setTimeout(resolve, 60_000)),
    })
    void mutation.mutate()
    change([one, two])
    await pass(10_000)
    expect(two.receipts.length).toBeLessThan(10)
    expect(all([one, two])).toEqual([2, 2])
  })

  it('a query that was cleared and is used again, while it waited, has its data', async () => {
    const { openTwo, change, setTakes } = setUp()
    const [one, two] = await openTwo()
    setTakes(2_000)
    change([one, two])
    await pass(200)
    setTakes(50)
    two.client.clear()
    const observer = new QueryObserver(two.client, two.observer.options)
    observer.subscribe(() => undefined)
    await pass(200)
    expect(two.data()).toBe(2)
    change([one, two])
    await pass(10_000)
    expect([one.data(), two.data()]).toEqual([3, 3])
  })

  it('a window that hangs is waited for no longer than the timeout', async () => {
    const { openAll, change, all, fetches, setTakes } = setUp({ timeout: 2_000 })
    const tabs = await openAll(2)
    setTakes(undefined)
    change(tabs)
    await pass(150)
    setTakes(50)
    await pass(1_500)
    expect(fetches()).toBe(1)
    await pass(700)
    expect(all(tabs)).toEqual([1, 2])
    expect(fetches()).toBe(2)
    // Its turn would come now, if it still waited.
    tabs[0]?.crash()
    await pass(1_000)
    expect(fetches()).toBe(2)
  })

  it('who has come to its turn takes the time that it needs', async () => {
    const { openAll, change, all, fetches, fail, setTakes } = setUp({ timeout: 200 })
    const tabs = await openAll(3)
    fail(1)
    change(tabs)
    await pass(90)
    tabs[2]?.invalidator.push([['b', {}]])
    await pass(20)
    setTakes(190)
    await pass(1_000)
    expect(all(tabs).slice(1)).toEqual([2, 2])
    expect(fetches()).toBe(2)
  })

  it('a fetch that is cancelled is made up for', async () => {
    const { openTwo, change, all } = setUp()
    const [one, two] = await openTwo()
    change([one, two])
    await pass(120)
    await one.client.cancelQueries({ queryKey: ['a'] })
    await pass(1_000)
    expect(all([one, two])).toEqual([2, 2])
  })

  it('a window that waits when it goes into the back/forward cache requests again when it is back', async () => {
    const { openTwo, change, all, fetches } = setUp()
    const [one, two] = await openTwo()
    change([one, two])
    await pass(120)
    two.page.fire('away')
    await pass(400)
    two.page.fire('back')
    change([two])
    await pass(400)
    expect(all([one, two])).toEqual([2, 3])
    expect(fetches()).toBe(2)
  })

  it('a window that goes into the back/forward cache lets go of everything', async () => {
    const { openAll, change, all, browser, fetches } = setUp()
    const tabs = await openAll(2)
    const [one] = tabs
    change(tabs)
    await pass(120)
    one?.page.fire('away')
    await pass(0)
    expect(browser.channels.owners()).toEqual([{ name: 'app/shared', owner: 'tab-2' }])
    await pass(400)
    expect(all(tabs)).toEqual([2, 2])
    one?.page.fire('back')
    const before = fetches()
    change(tabs)
    await pass(400)
    expect(all(tabs)).toEqual([3, 3])
    expect(fetches()).toBe(before + 1)
  })

  it('a window that was hidden while it waited fetches when it becomes visible', async () => {
    const { openAll, change, all, fail } = setUp()
    const tabs = await openAll(2)
    fail(1)
    change(tabs)
    await pass(120)
    tabs[1]?.page.hide()
    await pass(5_000)
    expect(all(tabs)).toEqual([1, 1])
    tabs[1]?.page.show()
    await pass(400)
    expect(all(tabs)).toEqual([1, 2])
  })
})

describe('who does not share', () => {
  it('a query that nobody uses any more when its turn comes is not fetched', async () => {
    const { openAll, change, fetches, fail } = setUp()
    const tabs = await openAll(2)
    fail(1)
    change(tabs)
    await pass(120)
    tabs[1]?.unuse()
    await pass(1_000)
    expect(fetches()).toBe(1)
    expect(tabs[1]?.client.getQueryState(['a'])?.isInvalidated).toBe(true)
  })

  it('an infinite query: each window has as many pages as its user asked for', async () => {
    const { openTwo, change } = setUp()
    const [one, two] = await openTwo()
    const use = async (tab: typeof one, pages: number) => {
      const observer = new InfiniteQueryObserver(tab.client, {
        queryKey: ['b'],
        queryFn: async ({ pageParam }) => pageParam,
        initialPageParam: 0,
        getNextPageParam: (last: number) => last + 1,
      })
      observer.subscribe(() => undefined)
      await pass(10)
      for (let page = 1; page < pages; page++) await observer.fetchNextPage()
      return () => observer.getCurrentResult().data?.pages.length
    }
    const [first, second] = [await use(one, 1), await use(two, 3)]
    expect([first(), second()]).toEqual([1, 3])
    await pass(100)
    change([one, two], 'b')
    await pass(1_000)
    expect([first(), second()]).toEqual([1, 3])
  })

  it('what the app has fetched while it waited is not fetched again', async () => {
    const { openTwo, change, setTakes, fetches } = setUp()
    const [one, two] = await openTwo()
    setTakes(500)
    change([one, two])
    await pass(120)
    setTakes(50)
    await Promise.all([two.client.refetchQueries({ queryKey: ['a'] }), pass(100)])
    await pass(5_000)
    expect(two.data()).toBe(2)
    expect(fetches()).toBe(2)
  })

  it('windows of another name: another identity, endpoint or build', async () => {
    const { open, change, all, fetches } = setUp()
    const tabs = [await open({ name: 'ann' }), await open({ name: 'bob' })]
    change(tabs)
    await pass(400)
    expect(all(tabs)).toEqual([2, 2])
    expect(fetches()).toBe(4)
  })

  it.each([['there are no locks', { webLocks: false }]])('fetches at once: %s', async (_why, options) => {
    const { openAll, change, all, fetches } = setUp(options)
    const tabs = await openAll(2)
    change(tabs)
    await pass(160)
    expect(all(tabs)).toEqual([2, 2])
    expect(fetches()).toBe(2)
    expect(tabs[0]?.receipts.at(-1)).toMatchObject({ refetched: [['a']], shared: [] })
  })

  it('fetches at once: nobody is there to share with', async () => {
    const { openAll, fetches } = setUp()
    const [one] = await openAll(1)
    one?.receive(undefined)
    await pass(101)
    expect(fetches()).toBe(1)
    expect(one?.receipts.at(-1)).toMatchObject({ refetched: [['a']], shared: [] })
  })

  it('a poll: nobody can tell what another tab’s has in it', async () => {
    const { openTwo, change, fetches } = setUp()
    const tabs = await openTwo()
    change(tabs)
    await pass(400)
    expect(fetches()).toBe(1)
    for (const { invalidator } of tabs) invalidator.poll()
    await pass(100)
    expect(fetches()).toBe(3)
  })

  it('a session that has ended before the code for it was loaded', async () => {
    const { open, browser } = setUp()
    const opening = open()
    const tab = await opening
    tab.invalidator.close()
    expect(browser.channels.names()).toEqual([])
    const late = createLateTab()
    late.invalidator.close()
    await pass(10)
    expect(late.closed()).toBe(1)
  })

  it('data that can’t be sent is told of, and fetched by each', async () => {
    const { openAll, change, fetches, setWrap } = setUp()
    const tabs = await openAll(2)
    setWrap((value) => ({ value, format: () => 'a function' }))
    change(tabs)
    await pass(1_000)
    expect(fetches()).toBe(2)
    expect(tabs[0]?.problems).toEqual(['share-failed'])
    expect(tabs[1]?.data()).toMatchObject({ value: 2 })
  })

  it('what the app’s own code can’t merge is told of, and fetched', async () => {
    const { openTwo, change } = setUp()
    const [one, two] = await openTwo()
    change([one, two])
    await pass(120)
    const query = two.client.getQueryCache().find({ queryKey: ['a'] })
    if (!query) throw new Error('no query')
    const structuralSharing = () => {
      throw new Error('ill')
    }
    query.options = { queryKey: ['a'], structuralSharing }
    await pass(5_000)
    expect(two.problems).toEqual(['share-failed'])
    expect(two.data()).toBe(2)
  })

  it('ignores messages that are not results, and all messages after its end', async () => {
    const { openAll, change, all, browser } = setUp()
    const tabs = await openAll(2)
    const stranger = browser.channels.client('stranger').openChannel('app/shared')
    const [hash] = ['["a"]']
    const good = { hash, epoch: 'e1', seq: 99, data: 'forged', began: Number.NaN, at: 1 }
    for (const message of [null, 7, 'x', [], {}, good, { ...good, began: 1, seq: '99' }]) stranger.postMessage(message)
    change(tabs)
    await pass(400)
    expect(all(tabs)).toEqual([2, 2])
    change(tabs)
    await pass(120)
    for (const { invalidator } of tabs) invalidator.close()
    await pass(10)
    stranger.close()
    expect([browser.channels.names(), browser.locks.names()]).toEqual([[], []])
    for (const { page } of tabs) expect(page.listenerCount()).toBe(0)
  })
})

/** As where the browser denies a page its storage. */
const deniedLocks: Locks = { request: () => Promise.reject(new DOMException('denied', 'SecurityError')) }

/** Its code is loaded when it is over. */
function createLateTab() {
  const tab = createMemoryBrowser().tab()
  let closed = 0
  const invalidator = createInvalidator({
    client: new QueryClient(),
    rules: new Map(),
    debounce: { waitMs: 100, maxWaitMs: 1_000 },
    jitterMs: 0,
    restartFetchAfterMs: 10_000,
    logicalClock: createSimpleLogicalClock(),
    environment: tab.environment,
    onReceipt: () => undefined,
    isWatched: () => true,
    sharing: async () => ({ isOn: () => true, request: () => undefined, close: () => void closed++ }),
  })
  return { invalidator, closed: () => closed }
}
