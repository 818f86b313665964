import { InfiniteQueryObserver, QueryClient } from '@tanstack/react-query'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryBrowser } from '../../test/browser.js'
import { createSimpleLogicalClock } from '../../test/simple-logical-clock.js'
import { createInvalidator } from './invalidator.js'
import type { LiveMode } from './query-client.js'
import { compileRule } from './rule.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

/** A tab that shows the first page of a list. Each fetch of a page takes 10 ms. */
async function setUp(retry: number | false = false, live: LiveMode = 'auto') {
  const client = new QueryClient({
    defaultOptions: {
      queries: { gcTime: Number.POSITIVE_INFINITY, staleTime: Number.POSITIVE_INFINITY, retry, retryDelay: 20 },
    },
  })
  const { environment, page } = createMemoryBrowser().tab()
  const invalidator = createInvalidator({
    client,
    rules: new Map([['changed', compileRule('changed', ['list'], () => undefined)]]),
    debounce: { waitMs: 100, maxWaitMs: 1_000 },
    jitterMs: 0,
    restartFetchAfterMs: 10_000,
    logicalClock: createSimpleLogicalClock(),
    environment: { ...environment, random: () => 0.5 },
    onReceipt: () => undefined,
    isWatched: () => true,
  })
  const fetched: number[] = []
  let version = 1
  let failing = false
  const list = new InfiniteQueryObserver(client, {
    queryKey: ['list'],
    initialPageParam: 0,
    queryFn: async ({ pageParam }) => {
      fetched.push(pageParam)
      const [fails, read] = [failing, version]
      await new Promise((resolve) => setTimeout(resolve, 10))
      if (fails) throw new Error('ill')
      return `page ${pageParam}, version ${read}`
    },
    getNextPageParam: (_last, pages) => pages.length,
    meta: { live },
  })
  list.subscribe(() => undefined)
  await pass(50)
  fetched.length = 0
  return {
    page,
    list,
    fetched,
    change() {
      version++
      invalidator.push([['changed', {}]])
    },
    fail: (is: boolean) => {
      failing = is
    },
    shown: () => list.getCurrentResult().data?.pages,
  }
}

it('a retry of a list keeps the pages that came before, so it has no change that came since', async () => {
  const { list, change, fail, fetched, shown } = await setUp(1)
  void list.fetchNextPage()
  await pass(50)
  fetched.length = 0
  void list.refetch()
  await pass(5)
  // The first page is read, and the second one will fail.
  fail(true)
  await pass(7)
  expect(fetched).toEqual([0, 1])
  change()
  fail(false)
  await pass(10_000)
  expect(shown()).toEqual(['page 0, version 2', 'page 1, version 2'])
})

describe('one more page says nothing of those that are there:', () => {
  it('an event before it is answered by all of them', async () => {
    const { list, change, shown } = await setUp()
    change()
    await pass(50)
    void list.fetchNextPage()
    await pass(1_000)
    expect(shown()).toEqual(['page 0, version 2', 'page 1, version 2'])
  })

  it('an event during it, too', async () => {
    const { list, change, shown } = await setUp()
    void list.fetchNextPage()
    await pass(5)
    change()
    await pass(1_000)
    expect(shown()).toEqual(['page 0, version 2', 'page 1, version 2'])
  })

  it('it does not pay for what a hidden tab owes', async () => {
    const { list, page, change, shown } = await setUp()
    page.hide()
    change()
    await pass(500)
    void list.fetchNextPage()
    await pass(500)
    page.show()
    await pass(500)
    expect(shown()).toEqual(['page 0, version 2', 'page 1, version 2'])
  })

  it('nor for a fetch that has failed; and when it fails itself, nothing is owed', async () => {
    const { list, page, change, fail, fetched, shown } = await setUp()
    fail(true)
    change()
    await pass(500)
    fail(false)
    void list.fetchNextPage()
    await pass(500)
    page.hide()
    page.show()
    await pass(500)
    expect(shown()).toEqual(['page 0, version 2', 'page 1, version 2'])
    fetched.length = 0
    fail(true)
    void list.fetchNextPage()
    await pass(500)
    fail(false)
    page.hide()
    page.show()
    await pass(500)
    expect(fetched).toEqual([2])
  })
})

it('a list that is shortened to its first page is fetched once, and again only if that fails', async () => {
  const { list, fetched, change, fail, shown } = await setUp(false, 'first-page')
  void list.fetchNextPage()
  await pass(50)
  fetched.length = 0
  change()
  await pass(60_000)
  expect(fetched).toEqual([0])
  void list.fetchNextPage()
  await pass(50)
  fail(true)
  change()
  await pass(500)
  fail(false)
  await pass(60_000)
  expect(fetched).toEqual([0, 1, 0, 0])
  expect(shown()).toEqual(['page 0, version 3'])
})
