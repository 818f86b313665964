import {
  focusManager,
  MutationObserver,
  onlineManager,
  Query,
  QueryClient,
  type QueryKey,
  QueryObserver,
  type QueryObserverOptions,
} from '@tanstack/react-query'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryBrowser } from '../../test/browser.js'
import { createSimpleLogicalClock } from '../../test/simple-logical-clock.js'
import type { EventPair } from '../wire/protocol.js'
import { createInvalidator, type InvalidatorOptions } from './invalidator.js'
import type { Receipt } from './receipt.js'
import { compileRule } from './rule.js'

/** Whether this version of TanStack Query has `staleTime: 'static'`. */
const knowsStatic = 'isStatic' in Query.prototype

const START = new Date('2030-01-01T00:00:00Z').getTime()

beforeEach(() => {
  vi.useFakeTimers({ now: START })
})

afterEach(() => {
  vi.useRealTimers()
  focusManager.setFocused(undefined)
  onlineManager.setOnline(true)
})

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

/** What the events of these tests make stale. */
const RULES: Record<string, unknown> = {
  loan: ['loans'],
  paid: { touches: ['balance'], targets: (m: { id: number }) => [['balance', m.id]] },
  paidAll: { touches: ['balance'], targets: (m: { ids: number[] }) => m.ids.map((id) => ['balance', id]) },
  moved: {
    touches: ['tx'],
    targets: (m: { id: number; type?: string }) => [{ queryKey: ['tx'], scope: { id: m.id, type: m.type } }],
  },
}

interface SetUp extends Partial<Pick<InvalidatorOptions, 'debounce' | 'jitterMs' | 'logicalClock'>> {
  readonly random?: number
  readonly rules?: Record<string, unknown>
  readonly watched?: () => boolean
  readonly complain?: (code: string) => void
}

/** A tab with an invalidator and a real QueryClient. */
function setUp({
  debounce = { waitMs: 100, maxWaitMs: 1_000 },
  jitterMs = 2_000,
  random = 0.5,
  rules = RULES,
  logicalClock = createSimpleLogicalClock(),
  watched = () => true,
  complain = (code) => expect.fail(`reported ${code}`),
}: SetUp = {}) {
  const client = new QueryClient({
    defaultOptions: {
      // Infinite times, so that every fetch and every timer that is left is ours.
      queries: { gcTime: Number.POSITIVE_INFINITY, staleTime: Number.POSITIVE_INFINITY, retry: false },
      mutations: { gcTime: Number.POSITIVE_INFINITY },
    },
  })
  const tab = createMemoryBrowser().tab()
  const receipts: Receipt[] = []
  const invalidator = createInvalidator({
    client,
    rules: new Map(Object.entries(rules).map(([event, rule]) => [event, compileRule(event, rule, complain)])),
    debounce,
    jitterMs,
    restartFetchAfterMs: 10_000,
    logicalClock,
    environment: { ...tab.environment, random: () => random },
    onReceipt: (receipt) => receipts.push(receipt),
    isWatched: watched,
  })
  return {
    client,
    invalidator,
    page: tab.page,
    /** What each flush did, in brief. */
    receipts: () => receipts.map(brief),
    fullReceipts: receipts,
    emit: (name: string, metadata: EventPair[1] = {}) => invalidator.push([[name, metadata]]),
    watch: (queryKey: QueryKey, options?: WatchOptions) => watch(client, queryKey, options),
    mutate: (ms: number, failing = false) => mutate(client, ms, failing),
  }
}

/** The names of the events, and those of the lists of queries that are not empty. */
function brief({ cause, events, refetched, joined, deferred, skipped, covered, failed }: Receipt): object {
  const outcomes = Object.entries({ refetched, joined, deferred, skipped, covered, failed }).filter(
    ([, keys]) => keys.length > 0,
  )
  return { cause, events: events.map(({ name }) => name), ...Object.fromEntries(outcomes) }
}

interface WatchOptions extends Partial<QueryObserverOptions<number>> {
  /** How long a fetch takes, in milliseconds. */
  readonly takes?: number
  /** Which fetches fail, counted from 1. */
  readonly fails?: readonly number[]
}

/** A component that shows a query, and what the server saw of it. */
function watch(client: QueryClient, queryKey: QueryKey, { takes = 10, fails = [], ...options }: WatchOptions = {}) {
  const fetches = { began: [] as number[], aborted: 0, running: 0, mostRunning: 0 }
  const queryFn = async ({ signal }: { signal: AbortSignal }): Promise<number> => {
    fetches.began.push(Date.now() - START)
    const number = fetches.began.length
    fetches.running++
    fetches.mostRunning = Math.max(fetches.mostRunning, fetches.running)
    signal.addEventListener('abort', () => fetches.aborted++)
    await new Promise((resolve) => setTimeout(resolve, takes))
    fetches.running--
    if (fails.includes(number)) throw new Error('the server is ill')
    return number
  }
  const observer = new QueryObserver<number>(client, { queryKey, queryFn, ...options } as QueryObserverOptions<number>)
  let unsubscribe = observer.subscribe(() => undefined)
  return {
    fetches,
    /** When the fetches began, in milliseconds since the start of the test. */
    began: fetches.began,
    query: () => observer.getCurrentQuery(),
    data: () => observer.getCurrentResult().data,
    setOptions: (change: Partial<QueryObserverOptions<number>>) =>
      observer.setOptions({ ...observer.options, ...change } as QueryObserverOptions<number>),
    leave: () => unsubscribe(),
    comeBack() {
      unsubscribe = observer.subscribe(() => undefined)
    },
  }
}

function mutate(client: QueryClient, ms: number, failing: boolean): void {
  const mutationFn = () =>
    new Promise<void>((resolve, reject) => setTimeout(() => (failing ? reject(new Error('refused')) : resolve()), ms))
  new MutationObserver(client, { mutationFn }).mutate().catch(() => undefined)
}

describe('events', () => {
  it('become one flush, `wait` after the last of them', async () => {
    const { emit, watch, receipts } = setUp()
    const loans = watch(['loans'])
    const balance = watch(['balance', 7])
    await pass(100)

    emit('loan')
    await pass(60)
    emit('paid', { id: 7 })
    await pass(99)
    expect(receipts()).toEqual([])

    await pass(1)
    expect(receipts()).toEqual([{ cause: 'events', events: ['loan', 'paid'], refetched: [['loans'], ['balance', 7]] }])
    expect(loans.began).toEqual([0, 260])
    expect(balance.began).toEqual([0, 260])
  })

  it('that do not stop are flushed `maxWait` after the first of them', async () => {
    const { emit, watch } = setUp()
    const loans = watch(['loans'])
    await pass(100)
    for (let n = 0; n < 50; n++) {
      emit('loan')
      await pass(50)
    }
    await pass(500)
    // 2,500 ms of events, from 100 on: after 1,000 and 2,000 ms of them, and when they are over.
    expect(loans.began).toEqual([0, 1_100, 2_100, 2_650])
  })

  it('in a burst of 500 in one second cost a query three fetches at most, and none is lost', async () => {
    const { emit, watch, fullReceipts } = setUp()
    const loans = watch(['loans'], { takes: 50 })
    await pass(100)
    loans.began.length = 0
    for (let n = 0; n < 500; n++) {
      emit('loan')
      await pass(2)
    }
    const lastEvent = Date.now() - START - 2
    await pass(5_000)
    expect(loans.began.length).toBeLessThanOrEqual(3)
    expect(loans.began.at(-1)).toBeGreaterThan(lastEvent)
    expect(fullReceipts.flatMap(({ events }) => events)).toHaveLength(500)
  })

  it.each(['constructor', '__proto__', 'toString'])('may be named %s, as what every object has', async (name) => {
    const { emit, watch } = setUp({ rules: Object.fromEntries([[name, 'loans']]) })
    const loans = watch(['loans'])
    await pass(100)
    emit(name)
    await pass(200)
    expect(loans.began).toEqual([0, 200])
  })

  it('are kept for receipts alone: one that came before anybody listened is in none', async () => {
    let watched = false
    const { emit, receipts } = setUp({ watched: () => watched })
    emit('loan')
    watched = true
    emit('paid', { id: 7 })
    await pass(200)
    expect(receipts()).toEqual([{ cause: 'events', events: ['paid'] }])
  })

  it('without a rule do nothing, not even a flush', async () => {
    const { emit, watch, receipts } = setUp()
    const loans = watch(['loans'])
    await pass(100)
    emit('weather', { id: 1 })
    expect(vi.getTimerCount()).toBe(0)
    await pass(2_000)
    expect(loans.began).toEqual([0])
    expect(receipts()).toEqual([])
  })

  it('that match no query still have their receipt', async () => {
    const { emit, receipts } = setUp()
    emit('paid', { id: 7 })
    await pass(100)
    expect(receipts()).toEqual([{ cause: 'events', events: ['paid'] }])
  })

  it.each([true, false])(
    'that make nothing stale cost no walk, and a timer only for a receipt (watched: %s)',
    async (watched) => {
      const { client, emit, receipts } = setUp({ rules: { pinged: () => [] }, watched: () => watched })
      const walk = vi.spyOn(client, 'refetchQueries')
      emit('pinged')
      expect(vi.getTimerCount()).toBe(watched ? 1 : 0)
      await pass(100)
      expect(receipts()).toEqual(watched ? [{ cause: 'events', events: ['pinged'] }] : [])
      expect(walk).not.toHaveBeenCalled()
    },
  )

  it('with metadata that was no object make stale what their rule reaches', async () => {
    const { emit, watch, receipts } = setUp()
    watch(['balance', 7])
    watch(['balance', 8])
    watch(['loans'])
    await pass(100)
    emit('paid', null)
    await pass(100)
    expect(receipts()).toEqual([
      {
        cause: 'events',
        events: ['paid'],
        refetched: [
          ['balance', 7],
          ['balance', 8],
        ],
      },
    ])
  })

  it('are told as they came, with the moment of the flush', async () => {
    const { invalidator, fullReceipts } = setUp()
    invalidator.push([
      ['loan', { id: 1 }],
      ['weather', {}],
      ['loan', null],
    ])
    await pass(100)
    const events = [
      { name: 'loan', metadata: { id: 1 } },
      { name: 'loan', metadata: {} },
    ]
    const none = {
      answers: [],
      refetched: [],
      shared: [],
      joined: [],
      deferred: [],
      skipped: [],
      covered: [],
      failed: [],
    }
    expect(fullReceipts).toEqual([{ number: 1, at: START + 100, cause: 'events', events, ...none }])
  })
})

describe('targets', () => {
  it('with a scope skip the queries that contradict it, and no others', async () => {
    const { emit, watch, receipts } = setUp()
    const keys = [
      ['tx'],
      ['tx', { page: 2 }],
      ['tx', { type: 'card' }],
      ['tx', { type: 'transfer' }],
      ['tx', { id: '7' }],
      ['tx', { id: 8 }],
    ]
    for (const key of keys) watch(key)
    watch(['tx', 'monthly'], { meta: { scope: { id: 9 } } })
    await pass(100)
    emit('moved', { id: 7, type: 'card' })
    await pass(100)
    expect(receipts()).toEqual([
      {
        cause: 'events',
        events: ['moved'],
        refetched: [['tx'], ['tx', { page: 2 }], ['tx', { type: 'card' }], ['tx', { id: '7' }]],
        skipped: [
          ['tx', { type: 'transfer' }],
          ['tx', { id: 8 }],
          ['tx', 'monthly'],
        ],
      },
    ])
  })

  it('leave a skipped query as fresh as it was', async () => {
    const { emit, watch } = setUp()
    const transfers = watch(['tx', { type: 'transfer' }])
    await pass(100)
    emit('moved', { id: 7, type: 'card' })
    await pass(2_000)
    expect(transfers.began).toEqual([0])
    expect(transfers.query().state.isInvalidated).toBe(false)
  })

  it('of different scopes are all asked: one that agrees is enough', async () => {
    const { emit, watch, receipts } = setUp()
    watch(['tx', { type: 'transfer' }])
    await pass(100)
    emit('moved', { id: 7, type: 'card' })
    emit('moved', { id: 7, type: 'transfer' })
    await pass(100)
    expect(receipts()).toEqual([
      { cause: 'events', events: ['moved', 'moved'], refetched: [['tx', { type: 'transfer' }]] },
    ])
  })

  const circular: { self?: unknown } = {}
  circular.self = circular
  it.each<[what: string, one: unknown, other: unknown]>([
    ['a number and its name', 1, '1'],
    ['undefined and nothing', { page: undefined, a: 1 }, { a: 1, b: 2 }],
    ['undefined and null', { page: undefined }, { page: null }],
    ['infinities', Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
    ['infinity and null', Number.POSITIVE_INFINITY, null],
    ['a big integer and its name', 1n, '1'],
    ['a date and its text', new Date(START), new Date(START).toJSON()],
    ['what holds itself and a string', circular, 'x'],
    ['a list and its text', ['a'], 'a'],
  ])('that only look alike are not taken for one: %s', async (_what, one, other) => {
    const { client, emit, receipts } = setUp({ rules: { raw: (m: { targets: unknown }) => m.targets } })
    // Queries of a hash of their own, since TanStack's own can't tell some of these apart.
    for (const [queryHash, part] of Object.entries({ one, other })) {
      new QueryObserver(client, { queryKey: ['x', part], queryHash, queryFn: () => 1 }).subscribe(() => undefined)
    }
    await pass(100)
    for (const targets of [[['x', one]], [['x', other]]]) emit('raw', { targets })
    await pass(100)
    expect(receipts()).toEqual([
      {
        cause: 'events',
        events: ['raw', 'raw'],
        refetched: [
          ['x', one],
          ['x', other],
        ],
      },
    ])
  })
})

describe('a flush goes over the cache once', () => {
  it('whatever the number of targets, and asks of each query once', async () => {
    const { client, emit, watch } = setUp()
    const ids = Array.from({ length: 200 }, (_, id) => id)
    for (const id of ids) watch(['balance', id])
    watch(['loans'])
    await pass(100)

    const asked: string[] = []
    const refetchQueries = client.refetchQueries.bind(client)
    const spy = vi.spyOn(client, 'refetchQueries').mockImplementation((filters, options) =>
      refetchQueries(
        {
          ...filters,
          predicate(query) {
            asked.push(query.queryHash)
            return filters?.predicate?.(query) ?? true
          },
        },
        options,
      ),
    )
    const invalidateQueries = vi.spyOn(client, 'invalidateQueries')
    const findAll = vi.spyOn(client.getQueryCache(), 'findAll')
    emit('paidAll', { ids })
    emit('loan')
    await pass(100)

    expect(spy).toHaveBeenCalledTimes(1)
    expect(spy).toHaveBeenCalledWith(expect.anything(), { cancelRefetch: false })
    expect(findAll).toHaveBeenCalledTimes(1)
    expect(invalidateQueries).not.toHaveBeenCalled()
    expect(asked).toHaveLength(201)
    expect(new Set(asked).size).toBe(201)
    await pass(100)
    expect(client.isFetching()).toBe(0)
    expect(spy).toHaveBeenCalledTimes(1)
  })
})

describe('a query that nobody fetches is only marked', () => {
  it('not active: fetched when it becomes active', async () => {
    const { emit, watch, receipts } = setUp()
    const loans = watch(['loans'])
    await pass(100)
    loans.leave()
    emit('loan')
    await pass(200)
    expect(receipts()).toEqual([{ cause: 'events', events: ['loan'], deferred: [['loans']] }])
    expect(loans.began).toEqual([0])
    loans.comeBack()
    await pass(100)
    expect(loans.began).toEqual([0, 300])
  })

  it('disabled: fetched when it is enabled', async () => {
    const { emit, watch, receipts } = setUp()
    const loans = watch(['loans'])
    await pass(100)
    loans.setOptions({ enabled: false })
    emit('loan')
    await pass(200)
    expect(receipts()).toEqual([{ cause: 'events', events: ['loan'], deferred: [['loans']] }])
    expect(loans.began).toEqual([0])
    loans.setOptions({ enabled: true })
    await pass(100)
    expect(loans.began).toEqual([0, 300])
  })

  it('neither when the tab becomes visible', async () => {
    const { emit, watch, page, receipts } = setUp()
    const away = watch(['loans', 'away'])
    const disabled = watch(['loans', 'disabled'])
    await pass(100)
    away.leave()
    disabled.setOptions({ enabled: false })
    emit('loan')
    await pass(100)
    page.hide()
    page.show()
    await pass(100)
    expect([...away.began, ...disabled.began]).toEqual([0, 0])
    expect(receipts()).toHaveLength(1)
  })

  it.skipIf(!knowsStatic)('static: not even that', async () => {
    const { client, emit, watch, receipts, invalidator } = setUp()
    const loans = watch(['loans'], { staleTime: 'static' })
    await pass(100)
    emit('loan')
    await pass(200)
    invalidator.resync(Date.now() - START, true)
    await pass(2_000)
    expect(loans.began).toEqual([0])
    expect(loans.query().state.isInvalidated).toBe(false)
    expect(receipts()).toEqual([{ cause: 'events', events: ['loan'] }])
    expect(client.isFetching()).toBe(0)
  })

  it.skipIf(!knowsStatic)(
    'static, and loaded for the first time when the event came: that load is the last one',
    async () => {
      const { emit, watch } = setUp()
      const loans = watch(['loans'], { takes: 300, staleTime: 'static' as never })
      await pass(50)
      emit('loan')
      await pass(60_000)
      expect(loans.began).toEqual([0])
    },
  )
})

describe('a query that is being fetched is left to finish, then fetched once more', () => {
  it('also when it is its first load, which TanStack would lose', async () => {
    const { emit, watch, receipts } = setUp()
    const loans = watch(['loans'], { takes: 300 })
    await pass(50)
    emit('loan')
    await pass(100)
    expect(receipts()).toEqual([{ cause: 'events', events: ['loan'], joined: [['loans']] }])
    await pass(2_000)
    expect(loans.began).toEqual([0, 400])
    expect(loans.data()).toBe(2)
    expect(receipts().slice(1)).toEqual([{ cause: 'again', events: [], refetched: [['loans']] }])
  })

  it('also when that first load fails', async () => {
    const { emit, watch } = setUp()
    const loans = watch(['loans'], { takes: 300, fails: [1] })
    await pass(50)
    emit('loan')
    await pass(2_000)
    expect(loans.began).toEqual([0, 400])
    expect(loans.data()).toBe(2)
  })

  it('unless it waits for its next retry: then it is restarted, once', async () => {
    const { emit, watch } = setUp()
    const loans = watch(['loans'], { fails: [1, 2], retry: 1, retryDelay: 500 })
    await pass(50)
    emit('loan')
    await pass(200)
    emit('loan')
    await pass(2_000)
    expect(loans.began).toEqual([0, 150, 660, 770])
  })

  it('but not when it failed after the event and TanStack has tried again: that request has the change', async () => {
    const { emit, watch } = setUp()
    const loans = watch(['loans'], { takes: 300, fails: [1], retry: 1, retryDelay: 10 })
    await pass(50)
    emit('loan')
    await pass(2_000)
    expect(loans.began).toEqual([0, 310])
    expect(loans.data()).toBe(2)
  })

  it('exactly once, however many events there were', async () => {
    const { emit, watch, receipts } = setUp()
    const loans = watch(['loans'], { takes: 2_000 })
    for (let n = 0; n < 10; n++) {
      await pass(150)
      emit('loan')
    }
    await pass(10_000)
    expect(loans.began).toEqual([0, 2_100])
    expect(receipts().filter((receipt) => 'joined' in receipt)).toHaveLength(10)
    expect(receipts().filter((receipt) => 'refetched' in receipt)).toHaveLength(1)
  })

  it('never aborted and never twice at a time, in a storm that is faster than the fetch', async () => {
    const { emit, watch } = setUp({ debounce: { waitMs: 10, maxWaitMs: 10 } })
    const loans = watch(['loans'], { takes: 100 })
    await pass(200)
    for (let n = 0; n < 20; n++) {
      emit('loan')
      await pass(50)
    }
    const lastEvent = Date.now() - START - 50
    expect(loans.data()).toBeGreaterThan(5)
    await pass(2_000)
    expect(loans.fetches).toMatchObject({ aborted: 0, mostRunning: 1, running: 0 })
    expect(loans.began.at(-1)).toBeGreaterThan(lastEvent)
    expect(loans.began.length).toBeLessThanOrEqual(12)
  })

  it('not, if something else has begun to fetch it in the meantime', async () => {
    const { client, emit, watch, receipts } = setUp()
    const loans = watch(['loans'], { takes: 300 })
    emit('loan')
    await pass(350)
    void client.refetchQueries({ queryKey: ['loans'] })
    await pass(2_000)
    expect(loans.began).toEqual([0, 350])
    expect(receipts()).toEqual([{ cause: 'events', events: ['loan'], joined: [['loans']] }])
  })

  it('not, if it has left the cache', async () => {
    const { client, emit, watch, receipts } = setUp()
    const loans = watch(['loans'], { takes: 300 })
    emit('loan')
    await pass(150)
    loans.leave()
    client.clear()
    await pass(2_000)
    expect(loans.began).toEqual([0])
    expect(receipts()).toHaveLength(1)
  })

  it('marked stale, if it is not active any more', async () => {
    const { emit, watch, receipts } = setUp()
    const loans = watch(['loans'], { takes: 300 })
    emit('loan')
    await pass(150)
    loans.leave()
    await pass(2_000)
    expect(receipts().slice(1)).toEqual([{ cause: 'again', events: [], deferred: [['loans']] }])
    loans.comeBack()
    await pass(100)
    expect(loans.began).toHaveLength(2)
  })

  it('but not when it waits for the network: its request begins after the event', async () => {
    const { emit, watch, receipts } = setUp()
    const loans = watch(['loans'])
    await pass(100)
    onlineManager.setOnline(false)
    emit('loan')
    await pass(200)
    emit('loan')
    // However long: it is not taken for one that does not answer.
    await pass(600_000)
    emit('loan')
    await pass(200)
    expect(receipts()).toEqual([
      { cause: 'events', events: ['loan'], refetched: [['loans']] },
      { cause: 'events', events: ['loan'], joined: [['loans']] },
      { cause: 'events', events: ['loan'], joined: [['loans']] },
    ])
    onlineManager.setOnline(true)
    loans.query().onOnline()
    await pass(2_000)
    expect(loans.began).toEqual([0, 600_500])
  })
})

describe('a fetch of ours that the app cancels (before an optimistic update, say)', () => {
  it('is made up for: nothing else would', async () => {
    const { client, emit, watch } = setUp()
    const loans = watch(['loans'], { takes: 300 })
    await pass(1_000)
    emit('loan')
    await pass(150)
    expect(loans.began).toEqual([0, 1_100])
    await client.cancelQueries({ queryKey: ['loans'] })
    await pass(2_000)
    expect(loans.fetches).toMatchObject({ aborted: 1, running: 0 })
    expect(loans.began).toHaveLength(3)
    expect(loans.data()).toBe(3)
  })

  it('is not repeated when the app has put a fetch of its own in its place', async () => {
    const { client, emit, watch } = setUp()
    const loans = watch(['loans'], { takes: 300 })
    await pass(1_000)
    emit('loan')
    await pass(150)
    void client.invalidateQueries({ queryKey: ['loans'] })
    await pass(5_000)
    expect(loans.began).toEqual([0, 1_100, 1_150])
    expect(loans.fetches).toMatchObject({ aborted: 1 })
  })

  it('is made up for when the mutation is over that it was cancelled for', async () => {
    const { client, emit, watch, mutate } = setUp()
    const loans = watch(['loans'], { takes: 300 })
    await pass(1_000)
    emit('loan')
    await pass(150)
    await client.cancelQueries({ queryKey: ['loans'] })
    mutate(500)
    client.setQueryData(['loans'], 99)
    await pass(5_000)
    expect(loans.began).toEqual([0, 1_100, 1_750])
  })

  it('is repeated ever later when the app cancels each of them', async () => {
    const { client, emit, watch } = setUp()
    const loans = watch(['loans'], { takes: 300 })
    await pass(1_000)
    client.getQueryCache().subscribe(({ type, action }: { type: string; action?: { type: string } }) => {
      if (type === 'updated' && action?.type === 'fetch') queueMicrotask(() => void client.cancelQueries())
    })
    emit('loan')
    await pass(60_000)
    // Pauses of 5, 10 and 20 s, each a quarter longer by chance.
    expect(loans.began).toEqual([0, 1_100, 1_200, 7_450 + 6_250, 7_450 + 6_250 + 25_000].slice(0, loans.began.length))
    expect(loans.began.length).toBeLessThanOrEqual(5)
  })
})

describe('a hidden tab', () => {
  it('owes its fetch even after a setQueryData', async () => {
    const { client, emit, watch, page } = setUp()
    const loans = watch(['loans'])
    await pass(50)
    page.hide()
    emit('loan')
    await pass(500)
    client.setQueryData(['loans'], 7)
    page.show()
    await pass(50)
    expect(loans.began).toEqual([0, 550])
  })

  it('marks stale, and fetches when it becomes visible, also where refetchOnWindowFocus is off', async () => {
    const { emit, watch, page, receipts } = setUp()
    const loans = watch(['loans'], { refetchOnWindowFocus: false })
    await pass(100)
    page.hide()
    for (let n = 0; n < 5; n++) {
      emit('loan')
      await pass(500)
    }
    expect(loans.began).toEqual([0])
    expect(loans.query().state.isInvalidated).toBe(true)
    expect(receipts()).toEqual(
      Array.from({ length: 5 }, () => ({ cause: 'events', events: ['loan'], deferred: [['loans']] })),
    )

    page.show()
    await pass(100)
    expect(loans.began).toEqual([0, 2_600])
    expect(receipts().slice(5)).toEqual([{ cause: 'visible', events: [], refetched: [['loans']] }])
    page.hide()
    page.show()
    await pass(2_000)
    expect(loans.began).toHaveLength(2)
    expect(receipts()).toHaveLength(6)
  })

  it.each(['TanStack', 'Partyline'])(
    'fetches once where refetchOnWindowFocus is on, too, if %s sees it first',
    async (first) => {
      const { client, emit, watch, page, receipts } = setUp()
      client.mount()
      const loans = watch(['loans'], { refetchOnWindowFocus: true })
      await pass(100)
      page.hide()
      focusManager.setFocused(false)
      emit('loan')
      await pass(1_000)
      if (first === 'TanStack') {
        focusManager.setFocused(true)
        await pass(0)
        page.show()
      } else {
        page.show()
        focusManager.setFocused(true)
      }
      await pass(2_000)
      client.unmount()
      expect(loans.began).toEqual([0, 1_100])
      expect(receipts().slice(1)).toHaveLength(first === 'Partyline' ? 1 : 0)
    },
  )

  it('leaves out what something else has fetched since', async () => {
    const { client, emit, watch, page, receipts } = setUp()
    const loans = watch(['loans'])
    const other = watch(['loans', 'other'])
    await pass(100)
    page.hide()
    emit('loan')
    await pass(200)
    void client.refetchQueries({ queryKey: ['loans'], exact: true })
    await pass(200)
    page.show()
    await pass(200)
    expect(loans.began).toEqual([0, 300])
    expect(other.began).toEqual([0, 500])
    expect(receipts().slice(1)).toEqual([{ cause: 'visible', events: [], refetched: [['loans', 'other']] }])
  })

  it('leaves out queries that are not active any more, and those that have left the cache', async () => {
    const { client, emit, watch, page, receipts } = setUp()
    const left = watch(['loans', 'left'])
    const gone = watch(['loans', 'gone'])
    await pass(100)
    page.hide()
    emit('loan')
    await pass(200)
    left.leave()
    gone.leave()
    client.removeQueries({ queryKey: ['loans', 'gone'] })
    page.show()
    await pass(200)
    expect([...left.began, ...gone.began]).toEqual([0, 0])
    expect(receipts()).toHaveLength(1)
    left.comeBack()
    await pass(100)
    expect(left.began).toEqual([0, 500])
  })

  it('tries again at the next look what has failed: only a fetch that succeeds pays', async () => {
    const { emit, watch, page } = setUp()
    const loans = watch(['loans'], { fails: [2] })
    await pass(100)
    page.hide()
    emit('loan')
    await pass(200)
    page.show()
    await pass(200)
    page.hide()
    page.show()
    await pass(200)
    page.hide()
    page.show()
    await pass(200)
    expect(loans.began).toEqual([0, 300, 500])
  })

  it('makes no loop of a component that is mounted again whenever a fetch fails', async () => {
    const { emit, watch, page } = setUp()
    const fails = Array.from({ length: 1_000 }, (_, index) => index + 2)
    const loans = watch(['loans'], { fails, refetchOnMount: false })
    const others = watch(['loans', 'others'], { fails, refetchOnMount: false })
    await pass(100)
    emit('loan')
    await pass(200)
    expect([...loans.began, ...others.began]).toEqual([0, 200, 0, 200])
    for (let mount = 0; mount < 20; mount++) {
      loans.leave()
      loans.comeBack()
      await pass(50)
    }
    expect([...loans.began, ...others.began]).toEqual([0, 200, 0, 200])
    page.hide()
    page.show()
    await pass(50)
    expect(loans.began).toHaveLength(3)
    expect(others.began).toHaveLength(3)
  })

  it.skipIf(!knowsStatic)('leaves out what has become static', async () => {
    const { emit, watch, page, receipts } = setUp()
    const loans = watch(['loans'])
    await pass(100)
    page.hide()
    emit('loan')
    await pass(200)
    loans.setOptions({ staleTime: 'static' })
    page.show()
    await pass(200)
    expect(loans.began).toEqual([0])
    expect(receipts()).toHaveLength(1)
  })

  it('loses no event that came during a first load', async () => {
    const { emit, watch, page, receipts } = setUp()
    page.hide()
    const loans = watch(['loans'], { takes: 300 })
    emit('loan')
    await pass(2_000)
    expect(loans.began).toEqual([0])
    page.show()
    await pass(2_000)
    expect(loans.began).toEqual([0, 2_000])
    expect(receipts()).toEqual([
      { cause: 'events', events: ['loan'], deferred: [['loans']] },
      { cause: 'again', events: [], deferred: [['loans']] },
      { cause: 'visible', events: [], refetched: [['loans']] },
    ])
  })

  it('that becomes visible during that first load fetches once more after it', async () => {
    const { emit, watch, page } = setUp()
    page.hide()
    const loans = watch(['loans'], { takes: 300 })
    emit('loan')
    await pass(150)
    page.show()
    await pass(2_000)
    expect(loans.began).toEqual([0, 400])
  })

  it('that becomes visible before the flush fetches with it', async () => {
    const { emit, watch, page } = setUp()
    const loans = watch(['loans'])
    await pass(100)
    page.hide()
    emit('loan')
    await pass(50)
    page.show()
    await pass(2_000)
    expect(loans.began).toEqual([0, 200])
  })
})

describe('a mutation of this tab', () => {
  it('holds back what it wrote by hand until it is over, and nothing else', async () => {
    const { client, emit, watch, mutate, receipts } = setUp()
    const loans = watch(['loans'])
    const balance = watch(['balance', 7])
    await pass(100)
    mutate(5_000)
    client.setQueryData(['loans'], 99)
    emit('loan')
    emit('paid', { id: 7 })
    await pass(4_999)
    expect(loans.began).toEqual([0])
    expect(loans.data()).toBe(99)
    expect(balance.began).toEqual([0, 200])
    await pass(1_000)
    expect(loans.began).toEqual([0, 5_200])
    expect(receipts()).toEqual([
      { cause: 'events', events: ['loan', 'paid'], refetched: [['balance', 7]], deferred: [['loans']] },
      { cause: 'again', events: [], refetched: [['loans']] },
    ])
  })

  it('does not mark what it holds stale: TanStack would fetch it at the next focus', async () => {
    const { client, emit, watch, mutate } = setUp()
    const loans = watch(['loans'])
    await pass(100)
    mutate(500)
    client.setQueryData(['loans'], 99)
    emit('loan')
    await pass(300)
    expect(loans.query().state.isInvalidated).toBe(false)
  })

  it('that fails lets go as well', async () => {
    const { client, emit, watch, mutate } = setUp()
    const loans = watch(['loans'])
    await pass(100)
    mutate(500, true)
    client.setQueryData(['loans'], 99)
    emit('loan')
    await pass(2_000)
    expect(loans.began).toEqual([0, 700])
  })

  it('holds back together with others: the last that ran when it was written lets go, and no later one', async () => {
    const { client, emit, watch, mutate } = setUp()
    const loans = watch(['loans'])
    await pass(100)
    mutate(300)
    mutate(600)
    client.setQueryData(['loans'], 99)
    mutate(5_000)
    emit('loan')
    await pass(2_000)
    expect(loans.began).toEqual([0, 800])
  })

  it('does not hold back for ever', async () => {
    const { client, emit, watch, mutate } = setUp()
    const loans = watch(['loans'])
    await pass(100)
    mutate(600_000)
    client.setQueryData(['loans'], 99)
    emit('loan')
    await pass(60_099)
    expect(loans.began).toEqual([0])
    await pass(1_000)
    expect(loans.began).toEqual([0, 60_200])
    // Perhaps it brings back what was there before the event.
    client.setQueryData(['loans'], 1)
    await pass(600_000)
    expect(loans.began).toHaveLength(3)
  })

  it('that brings back what was there before an event has it fetched, whoever has fetched meanwhile', async () => {
    const { client, emit, watch, mutate } = setUp()
    const loans = watch(['loans'])
    await pass(100)
    mutate(1_000)
    client.setQueryData(['loans'], 99)
    emit('loan')
    await pass(500)
    void client.refetchQueries()
    await pass(400)
    expect(loans.began).toEqual([0, 600])
    client.setQueryData(['loans'], 1)
    await pass(5_000)
    expect(loans.began).toEqual([0, 600, 1_200])
  })

  it('that brings back what was there costs nothing when no event came', async () => {
    const { client, watch, mutate } = setUp()
    const loans = watch(['loans'])
    await pass(100)
    mutate(1_000)
    client.setQueryData(['loans'], 99)
    await pass(900)
    client.setQueryData(['loans'], 1)
    await pass(5_000)
    expect(loans.began).toEqual([0])
  })

  it('that is over before the flush holds nothing back', async () => {
    const { client, emit, watch, mutate } = setUp()
    const loans = watch(['loans'])
    await pass(100)
    mutate(50)
    client.setQueryData(['loans'], 99)
    emit('loan')
    await pass(2_000)
    expect(loans.began).toEqual([0, 200])
  })

  it('that left the cache lets go', async () => {
    const { client, emit, watch, mutate } = setUp()
    const loans = watch(['loans'])
    await pass(100)
    mutate(60_000)
    client.setQueryData(['loans'], 99)
    emit('loan')
    await pass(500)
    client.getMutationCache().clear()
    await pass(1_000)
    expect(loans.began).toEqual([0, 700])
  })
})

describe('a resync after a gap', () => {
  it('is not settled by a setQueryData, which clears TanStack’s own mark', async () => {
    const { invalidator, client, watch } = setUp()
    const loans = watch(['loans'])
    await pass(50)
    invalidator.resync(Date.now() - START, true)
    await pass(500)
    client.setQueryData(['loans'], 7)
    await pass(1_000)
    expect(loans.began).toEqual([0, 1_050])
  })

  it('fetches the mapped queries whose data is older, when the jitter is over', async () => {
    const { watch, invalidator, receipts } = setUp({ jitterMs: 2_000, random: 0.5 })
    const loans = watch(['loans'])
    const balance = watch(['balance', 7])
    const unmapped = watch(['weather'])
    await pass(100)
    invalidator.resync(Date.now() - START, true)
    expect(receipts()).toEqual([{ cause: 'gap', events: [], deferred: [['loans'], ['balance', 7]] }])
    await pass(999)
    expect(loans.began).toEqual([0])
    await pass(1)
    expect(loans.began).toEqual([0, 1_100])
    expect(balance.began).toEqual([0, 1_100])
    await pass(5_000)
    expect(unmapped.began).toEqual([0])
    expect(loans.began).toHaveLength(2)
    expect(receipts().slice(1)).toEqual([{ cause: 'gap', events: [], refetched: [['loans'], ['balance', 7]] }])
  })

  it.each([
    [0, 0],
    [0.25, 500],
    [0.999, 1_998],
  ])('is spread: random %d of 2,000 ms is after %d ms', async (random, after) => {
    const { watch, invalidator } = setUp({ jitterMs: 2_000, random })
    const loans = watch(['loans'])
    await pass(100)
    invalidator.resync(Date.now() - START, true)
    await pass(5_000)
    expect(loans.began).toEqual([0, 100 + after])
  })

  it('leaves data alone that was fetched after the moment in question', async () => {
    const { watch, invalidator, receipts } = setUp()
    const old = watch(['loans', 'old'], { takes: 10 })
    const younger = watch(['loans', 'younger'], { takes: 11 })
    await pass(100)
    invalidator.resync(10, true)
    await pass(5_000)
    expect(old.began).toHaveLength(2)
    expect(younger.began).toHaveLength(1)
    expect(receipts()).toEqual([
      { cause: 'gap', events: [], deferred: [['loans', 'old']] },
      { cause: 'gap', events: [], refetched: [['loans', 'old']] },
    ])
  })

  it('leaves alone what has no data, but a first load that has failed is tried again', async () => {
    const { watch, invalidator, receipts } = setUp()
    const failed = watch(['loans', 'failed'], { fails: [1] })
    const disabled = watch(['loans', 'disabled'], { enabled: false })
    await pass(100)
    invalidator.resync(Date.now() - START, true)
    await pass(5_000)
    expect(failed.began).toEqual([0, 1_100])
    expect(disabled.began).toEqual([])
    expect(receipts()).toEqual([
      { cause: 'gap', events: [], deferred: [['loans', 'failed']] },
      { cause: 'gap', events: [], refetched: [['loans', 'failed']] },
    ])
  })

  it('has what is in flight fetched once more, and not before the jitter is over', async () => {
    const { watch, invalidator, receipts } = setUp()
    const loans = watch(['loans'], { takes: 300 })
    await pass(100)
    invalidator.resync(Date.now() - START, true)
    expect(receipts()).toEqual([{ cause: 'gap', events: [], joined: [['loans']] }])
    await pass(5_000)
    expect(loans.began).toEqual([0, 1_100])
  })

  it('leaves what is in flight alone when that covers the gap', async () => {
    const { watch, invalidator, receipts } = setUp()
    const loans = watch(['loans'], { takes: 300 })
    await pass(100)
    invalidator.resync(0, false)
    await pass(5_000)
    expect(loans.began).toEqual([0])
    expect(receipts()).toEqual([])
  })

  it('makes one fetch of a connection that comes and goes', async () => {
    const { watch, invalidator, receipts } = setUp({ jitterMs: 2_000, random: 0.5 })
    const loans = watch(['loans'])
    await pass(100)
    for (let n = 0; n < 5; n++) {
      invalidator.resync(Date.now() - START, true)
      await pass(150)
      expect(vi.getTimerCount()).toBe(1)
    }
    await pass(5_000)
    expect(loans.began).toEqual([0, 1_100])
    expect(receipts().filter((receipt) => 'refetched' in receipt)).toHaveLength(1)
  })

  it('spreads the resyncs of a line that flaps ever wider, a minute at most, and makes one fetch of those that wait', async () => {
    const { watch, invalidator } = setUp({ jitterMs: 2_000, random: 0.5 })
    const loans = watch(['loans'])
    await pass(100)
    // Ten minutes, a gap each second.
    for (let flaps = 0; flaps < 600; flaps++) {
      invalidator.resync(Date.now() - START, true, flaps)
      await pass(1_000)
    }
    await pass(60_000)
    const pauses = loans.began.slice(1).map((at, index) => at - (loans.began[index] ?? 0))
    // 0.5 of 2 s, then 0.75 of what doubles.
    expect(loans.began.length - 1).toBeLessThanOrEqual(19)
    expect(Math.max(...pauses)).toBeLessThanOrEqual(61_000)
    expect(pauses.at(-1)).toBeGreaterThanOrEqual(45_000)
  })

  it('is as quick as ever once the line has held', async () => {
    const { watch, invalidator } = setUp({ jitterMs: 2_000, random: 0.5 })
    const loans = watch(['loans'])
    await pass(100)
    invalidator.resync(Date.now() - START, true, 9)
    await pass(60_000)
    invalidator.resync(Date.now() - START, true, 0)
    await pass(2_000)
    expect(loans.began.slice(1)).toEqual([45_100, 61_100])
  })

  it('follows every gap, not only the first one', async () => {
    const { watch, invalidator } = setUp({ jitterMs: 2_000, random: 0.5 })
    const loans = watch(['loans'])
    await pass(100)
    invalidator.resync(Date.now() - START, true)
    await pass(1_900)
    invalidator.resync(Date.now() - START, true)
    await pass(5_000)
    expect(loans.began).toEqual([0, 1_100, 3_000])
  })

  it('is answered by an event that comes before the jitter is over', async () => {
    const { emit, watch, invalidator } = setUp()
    const loans = watch(['loans'])
    await pass(100)
    invalidator.resync(Date.now() - START, true)
    emit('loan')
    await pass(5_000)
    expect(loans.began).toEqual([0, 200])
  })

  it('in a hidden tab waits until it is visible, however long', async () => {
    const { watch, invalidator, page, receipts } = setUp()
    const loans = watch(['loans'], { refetchOnWindowFocus: false })
    await pass(100)
    page.hide()
    invalidator.resync(Date.now() - START, true)
    await pass(60_000)
    expect(loans.began).toEqual([0])
    page.show()
    await pass(5_000)
    expect(loans.began).toEqual([0, 60_100])
    expect(receipts().slice(1)).toEqual([{ cause: 'visible', events: [], refetched: [['loans']] }])
  })

  it('in a tab that is hidden during the jitter is put off as well', async () => {
    const { watch, invalidator, page } = setUp()
    const loans = watch(['loans'])
    await pass(100)
    invalidator.resync(Date.now() - START, true)
    await pass(500)
    page.hide()
    await pass(5_000)
    expect(loans.began).toEqual([0])
    page.show()
    await pass(5_000)
    expect(loans.began).toEqual([0, 5_600])
  })

  it('only marks stale what is not active', async () => {
    const { watch, invalidator, receipts } = setUp()
    const loans = watch(['loans'])
    await pass(100)
    loans.leave()
    invalidator.resync(Date.now() - START, true)
    await pass(5_000)
    expect(loans.began).toEqual([0])
    expect(receipts()).toEqual([{ cause: 'gap', events: [], deferred: [['loans']] }])
    loans.comeBack()
    await pass(100)
    expect(loans.began).toEqual([0, 5_100])
  })

  it('covers everything when a rule is a bare function', async () => {
    const { watch, invalidator } = setUp({ rules: { bare: () => ['loans'] } })
    const unmapped = watch(['weather'])
    await pass(100)
    invalidator.resync(Date.now() - START, true)
    await pass(5_000)
    expect(unmapped.began).toHaveLength(2)
  })

  it('covers what a rule touches, whichever way it branches, and what it has given beside', async () => {
    const codes: string[] = []
    const keyOf = (type: string) =>
      type === 'card' ? ['cards', type] : [type === 'wire' ? 'transfers' : 'cheques', type]
    const moved = { touches: ['cards', 'transfers'], targets: (m: { type: string }) => [keyOf(m.type)] }
    const { watch, emit, invalidator } = setUp({ rules: { moved }, complain: (code) => codes.push(code) })
    const [cards, transfers, cheques] = [
      watch(['cards', 'card']),
      watch(['transfers', 'wire']),
      watch(['cheques', 'x']),
    ]
    await pass(100)
    const gap = async () => {
      invalidator.resync(Date.now() - START, true)
      await pass(5_000)
      return [cards, transfers, cheques].map(({ began }) => began.length)
    }
    expect(await gap()).toEqual([2, 2, 1])
    emit('moved', { type: 'x' })
    await pass(1_000)
    expect(codes).toEqual(['outside-touches'])
    expect(cheques.began).toHaveLength(2)
    expect(await gap()).toEqual([3, 3, 3])
  })
})

describe('close', () => {
  const work: Record<string, (tab: ReturnType<typeof setUp>) => void> = {
    'a debounce': ({ emit }) => emit('loan'),
    'a jitter': ({ invalidator }) => invalidator.resync(Date.now() - START, true),
    'a query that a mutation holds back': ({ client, emit, mutate }) => {
      mutate(150)
      client.setQueryData(['loans'], 99)
      emit('loan')
    },
    'a hidden tab that owes a fetch': ({ emit, page }) => {
      page.hide()
      emit('loan')
    },
  }

  it.each(Object.keys(work))('cancels %s, and leaves nothing behind', async (what) => {
    const tab = setUp()
    const { client, invalidator, page, watch } = tab
    const loans = watch(['loans'])
    await pass(100)
    work[what]?.(tab)
    await pass(what === 'a debounce' ? 50 : 120)
    const told = tab.receipts().length
    invalidator.close()
    expect(page.listenerCount()).toBe(0)
    expect(client.getMutationCache().hasListeners()).toBe(false)
    await pass(200)
    page.show()
    await pass(5_000)
    expect(loans.began).toEqual([0])
    expect(tab.receipts()).toHaveLength(told)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('lets what is in flight finish, and follows it with nothing', async () => {
    const { client, emit, watch, invalidator } = setUp()
    const joined = watch(['loans', 'joined'], { takes: 300 })
    const started = watch(['loans', 'started'], { takes: 50 })
    await pass(60)
    emit('loan')
    await pass(120)
    invalidator.close()
    await client.cancelQueries({ queryKey: ['loans', 'started'] })
    await pass(200)
    expect(client.isFetching()).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
    await pass(5_000)
    expect(joined.began).toEqual([0])
    expect(joined.data()).toBe(1)
    expect(started.began).toEqual([0, 160])
  })

  it('clears its timers at once', async () => {
    const { emit, watch, invalidator } = setUp()
    watch(['loans'])
    await pass(100)
    expect(vi.getTimerCount()).toBe(0)
    emit('loan')
    invalidator.resync(Date.now() - START, true)
    await pass(0)
    expect(vi.getTimerCount()).toBe(2)
    invalidator.close()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('leaves no listener behind', async () => {
    const { client, emit, watch, page, invalidator } = setUp()
    watch(['loans'], { takes: 500 })
    emit('loan')
    await pass(200)
    invalidator.close()
    expect(client.getQueryCache().hasListeners()).toBe(false)
    expect(client.getMutationCache().hasListeners()).toBe(false)
    expect(page.listenerCount()).toBe(0)
  })

  it('makes deaf: what comes later does nothing', async () => {
    const { emit, watch, invalidator, receipts } = setUp()
    const loans = watch(['loans'])
    await pass(100)
    invalidator.close()
    invalidator.close()
    emit('loan')
    invalidator.resync(Date.now() - START, true)
    expect(vi.getTimerCount()).toBe(0)
    await pass(5_000)
    expect(loans.began).toEqual([0])
    expect(loans.query().state.isInvalidated).toBe(false)
    expect(receipts()).toEqual([])
  })
})
