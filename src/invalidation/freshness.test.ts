import {
  dehydrate,
  hydrate,
  InfiniteQueryObserver,
  MutationObserver,
  QueryClient,
  QueryObserver,
} from '@tanstack/react-query'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryBrowser } from '../../test/browser.js'
import { createOwnWrites } from '../tab/own-writes.js'
import { simulatedSha256 } from '../testing/sha256.js'
import { type EventPair, ORIGIN_HEADER } from '../wire/protocol.js'
import { createInvalidator } from './invalidator.js'
import type { Receipt } from './receipt.js'
import { compileRule } from './rule.js'

const START = 1_900_000_000_000
const HOUR_MS = 3_600_000
beforeEach(() => void vi.useFakeTimers({ now: START }))
afterEach(() => void vi.useRealTimers())

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

/** What the server makes of a request's secret. */
const hashed = (secret: string) => simulatedSha256(secret).slice(0, 22)

/** A tab with requests of its own, and one active query whose fetches take 50 ms. */
function setUp(queryKeys: readonly string[] = ['a'], before: (client: QueryClient) => void = () => undefined) {
  const client = new QueryClient({
    defaultOptions: {
      queries: { gcTime: Number.POSITIVE_INFINITY, staleTime: Number.POSITIVE_INFINITY, retry: false },
    },
  })
  before(client)
  const tab = createMemoryBrowser().tab()
  const own = createOwnWrites({
    newSecret: tab.environment.id,
    sha256: tab.environment.sha256,
    monotonic: tab.environment.clock.monotonic,
    after: tab.environment.timers.after,
  })
  const receipts: Receipt[] = []
  const invalidator = createInvalidator({
    client,
    rules: new Map(['a', 'b'].map((name) => [name, compileRule(name, [name], () => undefined)])),
    debounce: { waitMs: 100, maxWaitMs: 1_000 },
    jitterMs: 2_000,
    restartFetchAfterMs: 10_000,
    logicalClock: own.logicalClock,
    environment: { ...tab.environment, random: () => 0.5 },
    onReceipt: (receipt) => receipts.push(receipt),
    isWatched: () => true,
  })
  const fetches: Record<string, number[]> = {}
  let failing = false
  let takes = 50
  const use = (key: string) => {
    fetches[key] = []
    return new QueryObserver(client, {
      queryKey: [key],
      queryFn: async () => {
        fetches[key]?.push(Date.now() - START)
        const fails = failing
        await new Promise((resolve) => setTimeout(resolve, takes))
        if (fails) throw new Error('ill')
        return Date.now()
      },
    }).subscribe(() => undefined)
  }
  queryKeys.forEach(use)
  const emit = (name: string, origin?: string): void => {
    // The server has 'b' spread over 40 s, of which this browser waits half.
    const envelope = { ...(origin !== undefined && { origin }), ...(name === 'b' && { waitMs: 20_000 }) }
    const pair: EventPair = [name, {}, envelope]
    invalidator.push([pair])
  }
  /** What the server sends as the origin of the events of a request that was answered after `ms`. */
  async function request(ms = 30): Promise<string> {
    let name = ''
    const done = own.run(async (headers) => {
      name = headers[ORIGIN_HEADER] ?? ''
      await new Promise((resolve) => setTimeout(resolve, ms))
    })
    await pass(ms)
    await done
    return hashed(name)
  }
  return {
    client,
    own,
    tab,
    fetches,
    receipts,
    emit,
    request,
    use,
    invalidator,
    fail: (is: boolean) => {
      failing = is
    },
    slow: (ms: number) => {
      takes = ms
    },
  }
}

describe('what was fetched after an event had come', () => {
  it('has the change: no other fetch follows', async () => {
    const { client, emit, fetches, receipts } = setUp()
    await pass(100)
    emit('a')
    await pass(20)
    void client.invalidateQueries({ queryKey: ['a'] })
    await pass(1_000)
    expect(fetches['a']).toEqual([0, 120])
    expect(receipts.at(-1)).toMatchObject({ covered: [['a']], refetched: [], joined: [] })
  })

  it('is not taken for it while it is under way: when it fails, the fetch is still owed', async () => {
    const { client, emit, fetches, tab, fail } = setUp()
    await pass(100)
    emit('a')
    await pass(90)
    fail(true)
    void client.invalidateQueries({ queryKey: ['a'] })
    await pass(1_000)
    fail(false)
    expect(fetches['a']).toEqual([0, 190])
    tab.page.hide()
    tab.page.show()
    await pass(1_000)
    expect(fetches['a']).toHaveLength(3)
  })

  it('is nothing that the app has set, perhaps by a guess: somebody else’s change is fetched', async () => {
    const { client, emit, fetches } = setUp()
    await pass(100)
    emit('a')
    client.setQueryData(['a'], 'a guess')
    await pass(1_000)
    expect(fetches['a']).toEqual([0, 200])
  })

  it.each(['cancelled', 'failed'])('or is %s, also when it began before the event’s own fetch was due', async (how) => {
    const { client, emit, fetches, tab, fail, slow } = setUp()
    await pass(100)
    slow(300)
    void client.refetchQueries({ queryKey: ['a'] })
    await pass(10)
    emit('a')
    // Joined and settled; the one more is due in a moment, and the app begins one of its own.
    await pass(310)
    fail(how === 'failed')
    void client.refetchQueries({ queryKey: ['a'] })
    await pass(150)
    if (how === 'cancelled') await client.cancelQueries({ queryKey: ['a'] })
    await pass(300)
    fail(false)
    slow(50)
    await pass(5_000)
    tab.page.hide()
    tab.page.show()
    await pass(1_000)
    expect(fetches['a']).toHaveLength(4)
  })

  it('covers the event, but not a gap that came while it was under way', async () => {
    const { client, emit, invalidator, fetches } = setUp()
    await pass(100)
    emit('a')
    await pass(10)
    void client.refetchQueries({ queryKey: ['a'] })
    await pass(10)
    invalidator.resync(Date.now() - START, true)
    await pass(5_000)
    expect(fetches['a']?.slice(0, 2)).toEqual([0, 110])
    expect(fetches['a']).toHaveLength(3)
  })

  it('or was marked after it had begun, and is cancelled', async () => {
    const { client, emit, fetches } = setUp()
    await pass(100)
    emit('a')
    await pass(80)
    void client.refetchQueries({ queryKey: ['a'] })
    await pass(30)
    await client.cancelQueries({ queryKey: ['a'] })
    await pass(1_000)
    expect(fetches['a']).toHaveLength(3)
  })

  it('does not count when it began before: that fetch may have read the old rows', async () => {
    const { client, emit, fetches } = setUp()
    await pass(100)
    void client.invalidateQueries({ queryKey: ['a'] })
    emit('a')
    await pass(1_000)
    expect(fetches['a']).toEqual([0, 100, 200])
  })
})

describe('an event that a request of this tab caused', () => {
  it('fetches nothing that was fetched since the answer', async () => {
    const { client, request, emit, fetches, receipts } = setUp()
    await pass(100)
    const name = await request()
    void client.invalidateQueries({ queryKey: ['a'] })
    await pass(20)
    // The fetch is under way; without the name it would be followed by another one.
    emit('a', name)
    await pass(500)
    emit('a', name)
    await pass(500)
    expect(fetches['a']).toEqual([0, 130])
    expect(receipts.map(({ covered }) => covered.length)).toEqual([1, 1])
    // By now everybody else who received it knows the name, and may have sent it as its own.
    await pass(500)
    emit('a', name)
    await pass(1_000)
    expect(fetches['a']).toHaveLength(3)
  })

  it('takes a setQueryData after the answer for the truth, and one before it not', async () => {
    const { client, request, invalidator, fetches } = setUp(['a', 'b'])
    await pass(100)
    client.setQueryData(['b'], 'a guess')
    const origin = await request()
    client.setQueryData(['a'], 'from the answer')
    invalidator.push([
      ['a', {}, { origin }],
      ['b', {}, { origin }],
    ])
    await pass(30_000)
    expect(fetches).toEqual({ a: [0], b: [0, 230] })
  })

  it('takes a setQueryData for the truth that the components take long to show: the page is busy, the data not old', async () => {
    const { client, request, emit, fetches } = setUp()
    await pass(100)
    const select = (data: unknown) => {
      if (data === 'from the answer') vi.setSystemTime(Date.now() + 200)
      return data
    }
    new QueryObserver(client, { queryKey: ['a'], enabled: false, select }).subscribe(() => undefined)
    const origin = await request()
    client.setQueryData(['a'], 'from the answer')
    emit('a', origin)
    await pass(1_000)
    expect(fetches['a']).toHaveLength(1)
  })

  it('does not take for the truth what is set later: it may be a guess of something else, and taken back', async () => {
    const { client, request, emit, fetches } = setUp()
    await pass(100)
    const name = await request()
    await pass(30)
    client.setQueryData(['a'], 'a guess')
    emit('a', name)
    await pass(1_000)
    expect(fetches['a']).toHaveLength(2)
  })

  it('does not take for the truth what a mutation wrote that began after the answer', async () => {
    const { client, request, emit, fetches } = setUp()
    await pass(100)
    const name = await request()
    void new MutationObserver(client, { mutationFn: () => new Promise((done) => setTimeout(done, 300)) }).mutate()
    client.setQueryData(['a'], 'a guess of something else')
    emit('a', name)
    await pass(1_000)
    expect(fetches['a']).toHaveLength(2)
  })

  it.each([20, 450])('knows its echo also when that overtakes the answer by %d ms', async (ms) => {
    const { client, own, emit, fetches, receipts } = setUp()
    await pass(100)
    const done = own.run(async (headers) => {
      await new Promise((resolve) => setTimeout(resolve, 20))
      emit('a', hashed(headers[ORIGIN_HEADER] ?? ''))
      await new Promise((resolve) => setTimeout(resolve, ms))
    })
    await pass(20 + ms)
    await done
    client.setQueryData(['a'], 'from the answer')
    await pass(1_000)
    expect(fetches['a']).toEqual([0])
    expect(receipts.at(-1)?.covered).toEqual([['a']])
  })

  it('waits for that answer no longer than any event waits in a burst', async () => {
    const { own, emit, fetches } = setUp()
    await pass(100)
    void own.run(async (headers) => {
      await new Promise((resolve) => setTimeout(resolve, 20))
      emit('a', hashed(headers[ORIGIN_HEADER] ?? ''))
      return new Promise(() => undefined)
    })
    await pass(5_000)
    expect(fetches['a']).toHaveLength(2)
    expect(fetches['a']?.[1]).toBeLessThan(1_400)
  })

  it.each([
    ['is about to replace', 10],
    ['has replaced', 200],
  ])('does not take for the truth what another page %s', async (_what, ms) => {
    const { client, request, emit } = setUp()
    const pages: number[] = []
    const list = new InfiniteQueryObserver(client, {
      queryKey: ['a', 'pages'],
      initialPageParam: 0,
      queryFn: async ({ pageParam }) => {
        pages.push(pageParam)
        await new Promise((resolve) => setTimeout(resolve, 150))
        return pageParam
      },
      getNextPageParam: (_last, all) => all.length,
    })
    list.subscribe(() => undefined)
    await pass(200)
    const asking = request(30)
    void list.fetchNextPage()
    const name = await asking
    client.setQueryData(['a', 'pages'], { pages: ['from the answer'], pageParams: [0] })
    await pass(ms)
    emit('a', name)
    await pass(1_000)
    expect(pages).toEqual([0, 1, 0, 1])
  })

  it('does not take for the truth what an older fetch has replaced', async () => {
    const { client, request, emit, fetches } = setUp()
    await pass(100)
    const asking = request(30)
    void client.invalidateQueries({ queryKey: ['a'] })
    const name = await asking
    client.setQueryData(['a'], 'from the answer')
    await pass(60)
    emit('a', name)
    await pass(1_000)
    expect(fetches['a']).toHaveLength(3)
  })

  it('fetches what its own mutation has not', async () => {
    const { request, emit, fetches } = setUp()
    await pass(100)
    emit('a', await request())
    await pass(1_000)
    expect(fetches['a']).toHaveLength(2)
  })

  it.each([
    ['before', [undefined, 'own']],
    ['after', ['own', undefined]],
  ])('makes nobody miss what somebody else changed %s it', async (_when, origins) => {
    const { client, request, emit, fetches } = setUp()
    await pass(100)
    const name = await request()
    void client.invalidateQueries({ queryKey: ['a'] })
    await pass(60)
    for (const origin of origins) emit('a', origin && name)
    await pass(1_000)
    expect(fetches['a']).toEqual([0, 130, 290])
  })

  it('a fetch that began before the answer proves nothing', async () => {
    const { client, own, emit, fetches } = setUp()
    await pass(100)
    let name = ''
    const done = own.run(async (headers) => {
      name = headers[ORIGIN_HEADER] ?? ''
      void client.invalidateQueries({ queryKey: ['a'] })
      await new Promise((resolve) => setTimeout(resolve, 20))
    })
    await pass(20)
    await done
    emit('a', name)
    await pass(1_000)
    expect(fetches['a']).toHaveLength(3)
  })
})

describe('a name that proves nothing', () => {
  it.each([
    ['of another tab', 'you.1'],
    ['of a request that was never made', 'me.2'],
    ['of this tab alone', 'me'],
    ['that is none', ''],
  ])('%s', async (_what, name) => {
    const { client, request, emit, fetches } = setUp()
    await pass(100)
    await request()
    void client.invalidateQueries({ queryKey: ['a'] })
    await pass(60)
    emit('a', name)
    await pass(1_000)
    expect(fetches['a']).toHaveLength(3)
  })

  it('of a request that failed, or is not answered yet', async () => {
    const { client, own, emit, fetches } = setUp()
    await pass(100)
    const failed = own.run(() => Promise.reject(new Error('the network')))
    await expect(failed).rejects.toThrow('the network')
    void own.run(() => new Promise(() => undefined))
    void client.invalidateQueries({ queryKey: ['a'] })
    await pass(60)
    emit('a', 'me.1')
    await pass(500)
    emit('a', 'me.2')
    await pass(500)
    expect(fetches['a']).toHaveLength(4)
  })

  it('that is stale', async () => {
    const { client, request, emit, fetches } = setUp()
    await pass(100)
    const name = await request()
    void client.invalidateQueries({ queryKey: ['a'] })
    await pass(61_000)
    emit('a', name)
    await pass(1_000)
    expect(fetches['a']).toHaveLength(3)
  })
})

/** As `persistQueryClient` and `HydrationBoundary` do. */
const restore = (client: QueryClient, key: string, dataUpdatedAt: number) => {
  const from = new QueryClient()
  from.setQueryData([key], 'restored', { updatedAt: dataUpdatedAt })
  hydrate(client, dehydrate(from))
}

describe('data that comes into the cache without a fetch', () => {
  it('and is older than this session is fetched, late and once, when it is active', async () => {
    const { client, use, fetches } = setUp([])
    await pass(5_000)
    restore(client, 'a', START - 60_000)
    restore(client, 'b', START - 60_000)
    restore(client, 'c', START - 60_000)
    for (const key of ['a', 'c']) use(key)
    await pass(0)
    expect(fetches).toEqual({ a: [], c: [] })
    await pass(10_000)
    // `c` is not mapped, and `b` is not active.
    expect(fetches).toEqual({ a: [6_000], c: [] })
    use('b')
    await pass(10)
    expect(fetches['b']).toHaveLength(1)
  })

  it('and replaces what a query had is not trusted either', async () => {
    const { client, fetches } = setUp()
    await pass(100)
    restore(client, 'a', START + 200_000)
    await pass(10_000)
    expect(fetches['a']).toHaveLength(2)
  })

  it('and is younger than every event that concerns it is left alone; else it is not', async () => {
    const { client, emit, use, fetches } = setUp([])
    await pass(10_000)
    emit('a')
    await pass(10_000)
    restore(client, 'a', Date.now() - 2_000)
    restore(client, 'b', Date.now() - 12_000 + 10_000)
    for (const key of ['a', 'b']) use(key)
    await pass(10_000)
    expect(fetches).toEqual({ a: [], b: [] })
    client.removeQueries({ queryKey: ['a'] })
    emit('a')
    await pass(1_000)
    restore(client, 'a', Date.now() - 1_500)
    await pass(10_000)
    use('a')
    await pass(10)
    expect(fetches['a']).toHaveLength(1)
  })

  it('and is younger than the last gap is left alone, and older data not', async () => {
    const { client, invalidator, use, fetches } = setUp([])
    await pass(10_000)
    invalidator.resync(Date.now() - START, true)
    await pass(10_000)
    restore(client, 'a', Date.now() - 5_000)
    restore(client, 'b', Date.now() - 15_000)
    for (const key of ['a', 'b']) use(key)
    await pass(10_000)
    expect(fetches['a']).toEqual([])
    expect(fetches['b']).toHaveLength(1)
  })

  it('and has a date of before the clock was set back is not taken for younger than the events since', async () => {
    const { client, emit, use, fetches } = setUp([])
    await pass(10_000)
    const date = Date.now()
    await pass(1_000)
    vi.setSystemTime(Date.now() - HOUR_MS)
    await pass(10_000)
    emit('a')
    await pass(HOUR_MS - 10_000)
    restore(client, 'a', date)
    use('a')
    await pass(10_000)
    expect(fetches['a']).toHaveLength(1)
  })

  it('is nothing that a cancelled fetch puts back, also if it was there before the session', async () => {
    const { client, fetches } = setUp(['a'], (early) => early.setQueryData(['a'], 'early'))
    void client.invalidateQueries({ queryKey: ['a'] })
    await pass(10)
    await client.cancelQueries({ queryKey: ['a'] })
    await pass(10_000)
    expect(fetches['a']).toHaveLength(1)
  })

  it('is nothing that a cancelled fetch puts back, nor `initialData`, nor a setQueryData', async () => {
    const { client, fetches } = setUp()
    let others = 0
    await pass(100)
    void client.invalidateQueries({ queryKey: ['a'] })
    await pass(10)
    await client.cancelQueries({ queryKey: ['a'] })
    client.setQueryData(['b'], 'set')
    new QueryObserver(client, {
      queryKey: ['a', 'with initial data'],
      queryFn: () => ++others,
      initialData: 'x',
    }).subscribe(() => undefined)
    await pass(10_000)
    expect(fetches['a']).toHaveLength(2)
    expect(others).toBe(0)
  })
})

describe('while the clock is set back and forth', () => {
  it.each([-HOUR_MS, HOUR_MS])(
    'by %d ms, a topic joined later than a fetch began has the query fetched again',
    async (stepMs) => {
      const { invalidator, fetches } = setUp()
      await pass(1_000)
      vi.setSystemTime(Date.now() + stepMs)
      await pass(1_000)
      invalidator.topicJoined(2_000, undefined)
      await pass(5_000)
      expect(fetches['a']).toHaveLength(2)
    },
  )

  it.each([-HOUR_MS, HOUR_MS])('by %d ms, what was fetched after a topic was joined is left alone', async (stepMs) => {
    const { client, invalidator, fetches } = setUp()
    await pass(1_000)
    vi.setSystemTime(Date.now() + stepMs)
    void client.refetchQueries()
    await pass(1_000)
    vi.setSystemTime(Date.now() - stepMs)
    invalidator.topicJoined(500, undefined)
    await pass(5_000)
    expect(fetches['a']).toHaveLength(2)
  })

  it.each([-HOUR_MS, HOUR_MS])(
    'by %d ms, what this page has fetched is covered where the hub vouches',
    async (stepMs) => {
      const { invalidator, fetches } = setUp()
      await pass(1_000)
      vi.setSystemTime(Date.now() + stepMs)
      await pass(1_000)
      invalidator.resync(-1, false)
      await pass(5_000)
      expect(fetches['a']).toHaveLength(1)
    },
  )

  it.each([-HOUR_MS, -61_000, HOUR_MS])(
    'by %d ms, what the page was loaded with is checked where the hub vouches',
    async (stepMs) => {
      const { invalidator, fetches } = setUp(['a'], (early) => restore(early, 'a', Date.now() - 60_000))
      await pass(100)
      vi.setSystemTime(Date.now() + stepMs)
      await pass(2_000)
      expect(fetches['a']).toEqual([])
      invalidator.resync(-1, false)
      await pass(5_000)
      expect(fetches['a']).toHaveLength(1)
    },
  )

  it.each([-HOUR_MS, HOUR_MS])(
    'by %d ms, the echo of a request is known for a minute, and not longer',
    async (stepMs) => {
      const { client, emit, request, fetches } = setUp()
      await pass(100)
      for (const [waitMs, expected] of [
        [30_000, 1],
        [61_000, 2],
      ] as const) {
        const name = await request()
        client.setQueryData(['a'], 'from the answer')
        await pass(100)
        vi.setSystemTime(Date.now() + stepMs)
        await pass(waitMs)
        emit('a', name)
        await pass(1_000)
        expect(fetches['a']).toHaveLength(expected)
      }
    },
  )
})

describe('an event that is spread', () => {
  it('is answered after a time of this browser’s own, and so are those that come meanwhile: once', async () => {
    const { emit, invalidator, fetches } = setUp(['a', 'b'])
    await pass(100)
    for (let time = 0; time < 20; time++) {
      emit('b')
      await pass(100)
    }
    // For this event alone.
    invalidator.push([['a', {}, { waitMs: 5_000 }]])
    await pass(4_900)
    expect(fetches).toEqual({ a: [0], b: [0] })
    await pass(60_000)
    expect(fetches).toEqual({ a: [0, 7_200], b: [0, 20_200] })
  })

  it('is not answered when something else has fetched meanwhile, and leaves no timer after the end', async () => {
    const { client, emit, invalidator, fetches } = setUp(['b'])
    await pass(100)
    emit('b')
    await pass(1_000)
    void client.invalidateQueries({ queryKey: ['b'] })
    await pass(60_000)
    expect(fetches['b']).toEqual([0, 1_100])
    emit('b')
    invalidator.close()
    expect(vi.getTimerCount()).toBe(0)
  })
})

it('a resync, a look and a poll wait for the mutation that wrote the query, and are then one fetch', async () => {
  const { client, invalidator, tab, fetches } = setUp()
  await pass(100)
  const saving = new MutationObserver(client, { mutationFn: () => new Promise((done) => setTimeout(done, 1_500)) })
  void saving.mutate()
  client.setQueryData(['a'], 'a guess')
  invalidator.resync(Date.now() - START, true)
  await pass(900)
  invalidator.poll()
  tab.page.hide()
  tab.page.show()
  await pass(550)
  expect(fetches['a']).toEqual([0])
  await pass(1_000)
  expect(fetches['a']).toEqual([0, 1_700])
})

describe('a poll', () => {
  it('fetches active queries that are mapped, in a visible tab', async () => {
    const { invalidator, client, tab, fetches, receipts } = setUp(['a', 'c'])
    client.setQueryData(['b'], 'not active')
    await pass(100)
    invalidator.poll()
    await pass(100)
    expect(fetches).toEqual({ a: [0, 100], c: [0] })
    expect(receipts).toHaveLength(1)
    expect(receipts[0]).toMatchObject({ cause: 'poll', refetched: [['a']], deferred: [] })
    tab.page.hide()
    invalidator.poll()
    await pass(100)
    expect(fetches['a']).toHaveLength(2)
  })
})
