import { InfiniteQueryObserver, MutationObserver, QueryClient, QueryObserver } from '@tanstack/react-query'
import { afterEach, beforeEach, expect, inject, it, vi } from 'vitest'
import { createMemoryBrowser } from '../../test/browser.js'
import { createSimpleLogicalClock } from '../../test/simple-logical-clock.js'
import { createInvalidator } from './invalidator.js'
import type { Receipt } from './receipt.js'
import { compileRule } from './rule.js'

beforeEach(() => void vi.useFakeTimers({ now: new Date('2030-01-01T00:00:00Z').getTime() }))
afterEach(() => void vi.useRealTimers())
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)
const sleep = (ms: number) => new Promise((r) => setTimeout(r, ms))

interface SetUp {
  readonly before?: (client: QueryClient) => void
  readonly onThrown?: (thrown: unknown) => void
}

function setUp({ before, onThrown = () => undefined }: SetUp = {}) {
  const client = new QueryClient({
    defaultOptions: {
      queries: { gcTime: Number.POSITIVE_INFINITY, staleTime: Number.POSITIVE_INFINITY, retry: false },
      mutations: { gcTime: Number.POSITIVE_INFINITY },
    },
  })
  before?.(client)
  const tab = createMemoryBrowser().tab()
  const receipts: Receipt[] = []
  const pendings: { count: number }[] = []
  const rules = { loan: ['loans'], feed: ['feed'] } as Record<string, unknown>
  const invalidator = createInvalidator({
    client: client as never,
    rules: new Map(Object.entries(rules).map(([e, r]) => [e, compileRule(e, r, () => undefined)])),
    debounce: { waitMs: 100, maxWaitMs: 1000 },
    jitterMs: 2000,
    restartFetchAfterMs: 10_000,
    logicalClock: createSimpleLogicalClock(),
    environment: { ...tab.environment, random: () => 0.5 },
    onReceipt: (r) => receipts.push(r),
    onPending: (pending) => pendings.push(pending),
    onThrown,
    isWatched: () => true,
  })
  const emit = (n: string, m: object = {}) => invalidator.push([[n, m as never]])
  return { client, tab, invalidator, receipts, pendings, emit }
}

it('an event that a fetch has covered outdates a guess: its rollback is refetched', async () => {
  const { client, emit } = setUp()
  let server = 'v1'
  const o = new QueryObserver(client, {
    queryKey: ['loans'],
    queryFn: async () => {
      await sleep(10)
      return server
    },
  })
  o.subscribe(() => undefined)
  await pass(50)
  const m = new MutationObserver<unknown, Error, void, unknown>(client, {
    mutationFn: async () => {
      await sleep(1000)
      throw new Error('no')
    },
    onMutate: () => {
      const old = client.getQueryData(['loans'])
      client.setQueryData(['loans'], 'guess')
      return old
    },
    onError: (_e, _v, old) => void client.setQueryData(['loans'], old),
  })
  m.mutate().catch(() => undefined)
  await pass(50)
  server = 'v2'
  emit('loan')
  await pass(5)
  void client.refetchQueries({ queryKey: ['loans'] }) // the app's own, inside the debounce
  await pass(20)
  expect(o.getCurrentResult().data).toBe('v2')
  await pass(120_000)
  expect(o.getCurrentResult().data).toBe('v2')
})

it('what a hub vouches for counts only if the fetch that runs succeeds', async () => {
  let fail = true
  let n = 0
  const { client, invalidator } = setUp({
    before: (c) => c.setQueryData(['loans'], 'old', { updatedAt: Date.now() - 60_000 }),
  })
  const o = new QueryObserver(client, {
    queryKey: ['loans'],
    staleTime: 0,
    queryFn: async () => {
      n++
      await sleep(50)
      if (fail) throw new Error('503')
      return 'new'
    },
  })
  o.subscribe(() => undefined)
  await pass(20)
  invalidator.resync(-1, false)
  await pass(100)
  expect(n).toBe(1)
  fail = false
  await pass(600_000)
  expect(o.getCurrentResult().data).toBe('new')
})

it('what was restored before the page is refetched where the hub vouches', async () => {
  const { client, invalidator } = setUp({
    before: (c) => c.setQueryData(['loans'], 'old', { updatedAt: Date.now() - 60_000 }),
  })
  const o = new QueryObserver(client, { queryKey: ['loans'], queryFn: async () => 'new' })
  o.subscribe(() => undefined)
  invalidator.resync(-1, false)
  await pass(10_000)
  expect(o.getCurrentResult().data).toBe('new')
})

it('what a hub vouches for is no more page’s business: the pages before it are refetched', async () => {
  const { client, invalidator } = setUp({
    before: (c) => c.setQueryData(['feed'], { pages: ['old0'], pageParams: [0] }, { updatedAt: Date.now() - 60_000 }),
  })
  const o = new InfiniteQueryObserver(client, {
    queryKey: ['feed'],
    initialPageParam: 0,
    getNextPageParam: (_last: unknown, all: unknown[]) => all.length,
    queryFn: async ({ pageParam }: { pageParam: number }) => {
      await sleep(50)
      return `new${pageParam}`
    },
  } as never)
  o.subscribe(() => undefined)
  void o.fetchNextPage()
  await pass(20)
  invalidator.resync(-1, false)
  await pass(600_000)
  expect((o.getCurrentResult().data as { pages: unknown }).pages).toEqual(['new0', 'new1'])
})

it('one more page does not make the others young', async () => {
  const t = setUp({
    before: (c) => c.setQueryData(['feed'], { pages: ['old0'], pageParams: [0] }, { updatedAt: Date.now() - 60_000 }),
  })
  const p = new InfiniteQueryObserver(t.client, {
    queryKey: ['feed'],
    initialPageParam: 0,
    getNextPageParam: (_last: unknown, all: unknown[]) => all.length,
    queryFn: async ({ pageParam }: { pageParam: number }) => {
      await sleep(5)
      return `new${pageParam}`
    },
  } as never)
  p.subscribe(() => undefined)
  void p.fetchNextPage()
  await pass(100)
  t.invalidator.resync(-1, false)
  await pass(600_000)
  expect((p.getCurrentResult().data as { pages: unknown }).pages).toEqual(['new0', 'new1'])
})

it('data with an old date, set between an event and its flush, is refetched', async () => {
  const { client, emit } = setUp()
  let server = 'v1'
  const o = new QueryObserver(client, {
    queryKey: ['loans'],
    queryFn: async () => {
      await sleep(5)
      return server
    },
  })
  o.subscribe(() => undefined)
  await pass(5_000)
  const listAt = Date.now()
  await pass(5_000)
  server = 'v2'
  emit('loan')
  await pass(5)
  void client.refetchQueries({ queryKey: ['loans'] })
  await pass(20)
  client.setQueryData(['loans'], 'v1', { updatedAt: listAt }) // from a list that was read before the event
  await pass(600_000)
  expect(o.getCurrentResult().data).toBe('v2')
})

it('a query that leaves the cache during a long walk owes nothing', async () => {
  const { client, tab, invalidator, emit, pendings } = setUp()
  for (let i = 0; i < 200; i++) client.setQueryData(['loans', i], i)
  const o = new QueryObserver(client, { queryKey: ['loans', 199], queryFn: async () => 1, meta: {} })
  const stop = o.subscribe(() => undefined)
  // Each look at a query costs 1 ms: the walk takes several tasks.
  const real = tab.environment.clock.monotonic
  let extra = 0
  client.getQueryCache().subscribe((e) => {
    if (e.type === 'updated') {
      extra += 1
    }
  })
  ;(tab.environment.clock as { monotonic: () => number }).monotonic = () => real() + extra
  emit('loan')
  vi.advanceTimersByTime(100)
  client.removeQueries({ queryKey: ['loans'] })
  await pass(60_000)
  stop()
  o.destroy()
  await pass(600_000)
  expect(pendings.at(-1)).toEqual({ count: 0, since: undefined })
  expect(invalidator.pendingChanges(['loans'])).toMatchObject({ since: undefined })
})

it('an app’s code that throws costs no other query its fetch', async () => {
  const { client, emit, receipts } = setUp()
  let n = 0
  let boom = false
  const o = new InfiniteQueryObserver(client, {
    queryKey: ['feed'],
    meta: { live: 'first-page' },
    initialPageParam: 0,
    getNextPageParam: (_last: unknown, all: unknown[]) => all.length,
    queryFn: async ({ pageParam }: { pageParam: number }) => pageParam,
    structuralSharing: (_before: unknown, next: unknown) => {
      if (boom) throw new Error('boom')
      return next
    },
  } as never)
  o.subscribe(() => undefined)
  await pass(10)
  await o.fetchNextPage()
  const p = new QueryObserver(client, { queryKey: ['loans'], queryFn: async () => ++n })
  p.subscribe(() => undefined)
  await pass(10)
  boom = true
  const errors: unknown[] = []
  process.once('uncaughtException', (e) => errors.push(e))
  emit('feed')
  emit('loan')
  try {
    await pass(1000)
  } catch (e) {
    errors.push(e)
  }
  await pass(60_000).catch(() => undefined)
  expect(n).toBe(2)
  expect(receipts.length).toBeGreaterThan(0)
})

it('a poll is no change of a query that is fetched on demand', async () => {
  const { client, invalidator } = setUp()
  const o = new QueryObserver(client, { queryKey: ['loans'], meta: { live: 'manual' }, queryFn: async () => 1 })
  o.subscribe(() => undefined)
  await pass(10)
  invalidator.poll()
  await pass(1000)
  expect(invalidator.pendingChanges(['loans'])).toEqual({ count: 0, isUncertain: false, since: undefined })
})

it('a query that nothing can fetch is not fetched for ever', async () => {
  const { client, emit, receipts, pendings } = setUp()
  client.setQueryData(['loans', 'draft'], 'local state')
  const o = new QueryObserver(client, { queryKey: ['loans', 'draft'] })
  o.subscribe(() => undefined)
  emit('loan')
  await pass(3_600_000)
  expect(receipts.length).toBeLessThan(4)
  expect(pendings.at(-1)?.count).toBe(0)
})

it('a next page that waits for its retry is not given up for an event', async () => {
  const { client, emit } = setUp()
  let tries = 0
  const o = new InfiniteQueryObserver(client, {
    queryKey: ['feed'],
    retry: 1,
    retryDelay: 3000,
    initialPageParam: 0,
    getNextPageParam: (_last: unknown, all: unknown[]) => all.length,
    queryFn: async ({ pageParam }: { pageParam: number }) => {
      if (pageParam === 1 && ++tries === 1) throw new Error('x')
      return pageParam
    },
  } as never)
  o.subscribe(() => undefined)
  await pass(100)
  void o.fetchNextPage()
  await pass(500)
  emit('feed')
  await pass(60_000)
  expect((o.getCurrentResult().data as { pages: unknown }).pages).toEqual([0, 1])
})

it('a next page that is slow is not given up for an event', async () => {
  const { client, emit } = setUp()
  const o = new InfiniteQueryObserver(client, {
    queryKey: ['feed'],
    initialPageParam: 0,
    getNextPageParam: (_last: unknown, all: unknown[]) => all.length,
    queryFn: async ({ pageParam }: { pageParam: number }) => {
      if (pageParam === 1) await sleep(12_000)
      return pageParam
    },
  } as never)
  o.subscribe(() => undefined)
  await pass(100)
  void o.fetchNextPage()
  await pass(10_500)
  emit('feed')
  await pass(60_000)
  expect((o.getCurrentResult().data as { pages: unknown }).pages).toEqual([0, 1])
})

it('a query that is fetched on demand is never called joined', async () => {
  const { client, emit, receipts } = setUp()
  let n = 0
  const o = new QueryObserver(client, {
    queryKey: ['loans'],
    meta: { live: 'manual' },
    queryFn: async () => {
      n++
      await sleep(500)
      return 1
    },
  })
  o.subscribe(() => undefined)
  await pass(10)
  emit('loan')
  await pass(60_000)
  expect(receipts[0]?.joined).toEqual([])
  expect(n).toBe(1)
})

it('a rollback after a vouched resync is refetched', async () => {
  const { client, invalidator } = setUp({
    before: (c) => c.setQueryData(['loans'], 'old', { updatedAt: Date.now() - 60_000 }),
  })
  const o = new QueryObserver(client, { queryKey: ['loans'], queryFn: async () => 'new' })
  o.subscribe(() => undefined)
  const m = new MutationObserver<unknown, Error, void, unknown>(client, {
    mutationFn: async () => {
      await sleep(1000)
      throw new Error('no')
    },
    onMutate: () => {
      const old = client.getQueryData(['loans'])
      client.setQueryData(['loans'], 'guess')
      return old
    },
    onError: (_e, _v, old) => void client.setQueryData(['loans'], old),
  })
  m.mutate().catch(() => undefined)
  await pass(50)
  invalidator.resync(-1, false)
  await pass(60_000)
  expect(o.getCurrentResult().data).toBe('new')
})

it('a mutation that waits for the network does not end the hold of later ones', async () => {
  const { client, emit } = setUp()
  const o = new QueryObserver(client, { queryKey: ['loans'], queryFn: async () => 'server' })
  o.subscribe(() => undefined)
  await pass(50)
  const mutate = (ms: number) =>
    new MutationObserver<unknown, Error, void, unknown>(client, {
      mutationFn: () => sleep(ms),
      onMutate: () => void client.setQueryData(['loans'], 'guess'),
    })
      .mutate()
      .catch(() => undefined)
  void mutate(600_000)
  await pass(70_000)
  void mutate(5_000)
  await pass(50)
  emit('loan')
  await pass(1_000)
  expect(o.getCurrentResult().data).toBe('guess')
})

// Older versions know no such functions.
it.skipIf(inject('peers') === 'oldest').each(['event', 'look', 'gap', 'poll'])(
  'nor does an `enabled` function that throws, at an %s of any kind',
  async (what) => {
    const thrown: unknown[] = []
    const { client, tab, emit, invalidator } = setUp({ onThrown: (one) => thrown.push(one) })
    let isBroken = false
    const enabled = () => {
      if (isBroken) throw new Error('boom')
      return true
    }
    let fetches = 0
    new QueryObserver(client, { queryKey: ['loans', 'odd'], queryFn: async () => 1, enabled }).subscribe(
      () => undefined,
    )
    new QueryObserver(client, { queryKey: ['loans'], queryFn: async () => ++fetches }).subscribe(() => undefined)
    await pass(50)
    if (what === 'look') {
      tab.page.hide()
      emit('loan')
      await pass(500)
    }
    isBroken = what !== 'gap'
    if (what === 'event') emit('loan')
    if (what === 'poll') invalidator.poll()
    if (what === 'gap') {
      invalidator.resync(1_000, true)
      isBroken = true
    }
    tab.page.show()
    await pass(5_000)
    isBroken = false
    expect(fetches).toBe(2)
    expect(thrown.length).toBeGreaterThan(0)
  },
)

it('a cancelled fetch is aborted before another one begins, also where the debounce is late', async () => {
  const { client, emit } = setUp()
  let inFlight = 0
  let most = 0
  const o = new QueryObserver(client, {
    queryKey: ['loans'],
    queryFn: async ({ signal }) => {
      most = Math.max(most, ++inFlight)
      let counted = true
      const done = () => {
        if (counted) inFlight--
        counted = false
      }
      signal.addEventListener('abort', done)
      await sleep(1_000)
      done()
      return 'v1'
    },
  })
  o.subscribe(() => undefined)
  await pass(1_500)
  emit('loan')
  await pass(150)
  expect(client.isFetching()).toBe(1)
  emit('loan')
  // The thread was busy for so long, or the clock was set.
  vi.setSystemTime(Date.now() + 300)
  const cancelled = client.cancelQueries({ queryKey: ['loans'] })
  expect(client.isFetching()).toBe(0)
  await cancelled
  await pass(5_000)
  expect(most).toBe(1)
  expect(o.getCurrentResult()).toMatchObject({ data: 'v1', fetchStatus: 'idle', isStale: false })
})
