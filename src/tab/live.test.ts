import { InfiniteQueryObserver, notifyManager, QueryClient, QueryObserver } from '@tanstack/react-query'
import { beforeAll, describe, expect, it } from 'vitest'
import { createTestBrowser } from '../testing/test-browser.js'

beforeAll(() => notifyManager.setScheduler(queueMicrotask))

interface Events {
  article_changed: { id: number }
  feed_changed: object
}

/** A tab that shows an article, whose data is the number of its fetch. */
async function openApp(live?: string) {
  const browser = createTestBrowser()
  const tab = browser.openTab()
  const queryClient = new QueryClient({
    defaultOptions: { queries: { staleTime: Number.POSITIVE_INFINITY, retry: false } },
  })
  const line = tab.createPartyline<Events>({
    url: 'https://api.example.com',
    invalidates: {
      article_changed: { touches: ['article'], targets: ({ id }) => [['article', id]] },
      feed_changed: ['feed'],
    },
  })
  line.mount({ queryClient, identity: 'ann' })
  const api = { fetches: 0, fails: false }
  const options = {
    queryKey: ['article', 7],
    queryFn: async () => {
      if (api.fails) throw new Error('503')
      return ++api.fetches
    },
    meta: { live },
  }
  const observer = new QueryObserver(queryClient, options)
  const use = () => observer.subscribe(() => undefined)
  const leave = use()
  await browser.settle()
  await browser.pass(10_000)
  const before = api.fetches
  const change = (id = 7) => browser.server.emit('ann', 'article_changed', { id })
  return { browser, tab, queryClient, line, api, use, leave, change, fetches: () => api.fetches - before }
}

describe('a query with `live: manual`', () => {
  it('changes only when the app asks; until then the changes are counted', async () => {
    const { browser, tab, line, change, fetches } = await openApp('manual')
    let told = 0
    line.subscribe(() => told++)
    // The page was fetched before its line was connected.
    expect(line.pendingChanges(['article'])).toMatchObject({ count: 0, isUncertain: true })
    line.refresh(['article'])
    await browser.settle()
    const before = fetches()
    expect(line.pendingChanges(['article'])).toEqual({ count: 0, isUncertain: false, since: undefined })
    const since = browser.now()
    change()
    change()
    change(8)
    await browser.pass(5_000)
    change()
    await browser.pass(5_000)
    tab.hide()
    tab.show()
    await browser.pass(600_000)
    expect(fetches()).toBe(before)
    expect(line.pendingChanges(['article', 7])).toMatchObject({ count: 3, isUncertain: false })
    expect(line.pendingChanges(['article'])).toMatchObject({ count: 3 })
    expect(line.pendingChanges(['feed'])).toMatchObject({ count: 0 })
    expect(line.pendingChanges(['article', 7]).since).toBeGreaterThanOrEqual(since)
    // It is no news that the user waits for.
    expect(line.status.pending.count).toBe(0)
    expect(told).toBeGreaterThan(1)
    line.refresh(['article', 7])
    await browser.settle()
    expect(fetches()).toBe(before + 1)
    expect(line.pendingChanges(['article', 7])).toEqual({ count: 0, isUncertain: false, since: undefined })
  })

  it('is not fetched after a gap, nor marked stale, but there may be changes', async () => {
    const { browser, queryClient, line, fetches, change } = await openApp('manual')
    line.refresh(['article'])
    await browser.settle()
    const before = fetches()
    change()
    await browser.pass(5_000)
    browser.server.stop()
    browser.server.start()
    await browser.pass(120_000)
    expect(line.status.name).toBe('connected')
    expect(fetches()).toBe(before)
    expect(queryClient.getQueryState(['article', 7])?.isInvalidated).toBe(false)
    expect(line.pendingChanges(['article'])).toMatchObject({ count: 1, isUncertain: true })
  })

  it('is fetched when it is opened again: nobody reads it yet', async () => {
    const { browser, use, leave, change, fetches } = await openApp('manual')
    leave()
    change()
    await browser.pass(5_000)
    expect(fetches()).toBe(0)
    use()
    await browser.pass(5_000)
    expect(fetches()).toBe(1)
  })
})

it('an event is counted once, however many targets and queries it concerns', async () => {
  const browser = createTestBrowser()
  const queryClient = new QueryClient({ defaultOptions: { queries: { staleTime: Number.POSITIVE_INFINITY } } })
  const line = browser.openTab().createPartyline<Events>({
    url: 'https://api.example.com',
    invalidates: {
      article_changed: { touches: ['article'], targets: ({ id }) => [['article', id], ['article']] },
      feed_changed: ['article'],
    },
  })
  line.mount({ queryClient, identity: 'ann' })
  for (const id of [7, 8]) {
    const options = { queryKey: ['article', id], queryFn: async () => id, meta: { live: 'manual' } }
    new QueryObserver(queryClient, options).subscribe(() => undefined)
  }
  await browser.settle()
  browser.server.emit('ann', 'article_changed', { id: 7 })
  browser.server.emit('ann', 'article_changed', { id: 8 })
  browser.server.emit('ann', 'feed_changed')
  await browser.pass(5_000)
  expect(line.pendingChanges(['article']).count).toBe(3)
})

it('what a session still owed is not pending after it', async () => {
  const { browser, line, api, change } = await openApp()
  api.fails = true
  change()
  await browser.pass(10_000)
  expect(line.status.pending.count).toBe(1)
  line.signOut()
  await browser.settle()
  expect(line.status).toMatchObject({ name: 'signed-out', pending: { count: 0 } })
})

it('a query with `live: off` hears of nothing', async () => {
  const { browser, queryClient, line, change, fetches } = await openApp('off')
  change()
  browser.server.stop()
  browser.server.start()
  await browser.pass(120_000)
  expect(fetches()).toBe(0)
  expect(line.pendingChanges(['article'])).toEqual({ count: 0, isUncertain: false, since: undefined })
  expect(queryClient.getQueryState(['article', 7])?.isInvalidated).toBe(false)
})

it.each([
  ['always', 1],
  [undefined, 0],
])('in a hidden tab a query with `live: %s` is fetched %i times', async (live, expected) => {
  const { browser, tab, change, fetches } = await openApp(live)
  tab.hide()
  change()
  await browser.pass(5_000)
  expect(fetches()).toBe(expected)
})

it('of a list with `live: first-page` only the first page is fetched, the others when the user comes to them', async () => {
  const { browser, queryClient } = await openApp()
  const fetched: number[] = []
  let version = 1
  const list = new InfiniteQueryObserver(queryClient, {
    queryKey: ['feed'],
    initialPageParam: 0,
    queryFn: async ({ pageParam }) => {
      fetched.push(pageParam)
      return `${pageParam} v${version}`
    },
    getNextPageParam: (_last, pages) => pages.length,
    meta: { live: 'first-page' },
  })
  list.subscribe(() => undefined)
  await browser.settle()
  await list.fetchNextPage()
  await list.fetchNextPage()
  fetched.length = 0
  version = 2
  browser.server.emit('ann', 'feed_changed')
  await browser.pass(5_000)
  expect(fetched).toEqual([0])
  expect(list.getCurrentResult().data?.pages).toEqual(['0 v2'])
  await list.fetchNextPage()
  expect(list.getCurrentResult().data?.pages).toEqual(['0 v2', '1 v2'])
})

it('the status says how many queries in use are old, and since when', async () => {
  const { browser, line, api, change } = await openApp()
  expect(line.status.pending).toEqual({ count: 0, since: undefined })
  api.fails = true
  const since = browser.now()
  change()
  await browser.pass(60_000)
  expect(line.status.pending.count).toBe(1)
  expect(line.status.pending.since).toBeGreaterThanOrEqual(since)
  expect(line.status.pending.since).toBeLessThan(since + 2_000)
  const { status } = line
  await browser.pass(1_000)
  expect(line.status).toBe(status)
  api.fails = false
  await browser.pass(600_000)
  expect(line.status.pending).toEqual({ count: 0, since: undefined })
})
