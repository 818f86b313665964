import { type DehydratedState, dehydrate, hydrate, QueryClient } from '@tanstack/react-query'
import { describe, expect, inject, it } from 'vitest'
import { rigsOfTests } from './rig.js'

const open = rigsOfTests()
const ITEM = ['item', 0]
const CARDS = ['cards']

const sleep = (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms))

function dehydrated(value: unknown, updatedAt: number): DehydratedState {
  const other = new QueryClient()
  other.setQueryData(ITEM, value, { updatedAt })
  return dehydrate(other)
}

describe('data that says how old it is, and is older than an event', () => {
  /** The list and the item are one entity's: what the item is born with comes from the list that was read before. */
  async function afterAnEvent() {
    const rig = await open()
    const list = rig.only.watch(CARDS)
    await rig.pass(1_000)
    list.stop()
    const readAt = rig.only.client.getQueryState(CARDS)?.dataUpdatedAt ?? 0
    rig.change('two', { id: 0 }, ['item0', 'cards'])
    await rig.pass(2_000)
    return { ...rig, readAt }
  }

  it('as the initial data of a component (a row of a list that is stale) is fetched', async () => {
    const { only, pass, readAt } = await afterAnEvent()
    only.watch(ITEM, { initialData: 'v3', initialDataUpdatedAt: readAt })
    await pass(60_000)
    expect(only.data(ITEM)).toBe('v4')
  })

  it('as what the app sets with `updatedAt` is fetched', async () => {
    const { only, pass, readAt } = await afterAnEvent()
    only.client.setQueryData(ITEM, 'v3', { updatedAt: readAt })
    only.watch(ITEM)
    await pass(60_000)
    expect(only.data(ITEM)).toBe('v4')
  })

  it('as what the app sets with `updatedAt` on a query in use is fetched', async () => {
    const { only, pass, changeItem, now } = await open()
    await pass(1_000)
    const readAt = now()
    await pass(1_000)
    only.client.setQueryData(ITEM, 'v2', { updatedAt: readAt - 60_000 })
    only.watch(ITEM)
    changeItem()
    await pass(2_000)
    only.client.setQueryData(ITEM, 'v3', { updatedAt: readAt })
    await pass(60_000)
    expect(only.data(ITEM)).toBe('v4')
  })

  it('as hydrated data is fetched', async () => {
    const { only, pass, readAt } = await afterAnEvent()
    hydrate(only.client, dehydrated('v3', readAt))
    only.watch(ITEM)
    await pass(60_000)
    expect(only.data(ITEM)).toBe('v4')
  })

  it('and is younger than every event is believed', async () => {
    const { only, pass, now } = await afterAnEvent()
    only.watch(ITEM, { initialData: 'v4', initialDataUpdatedAt: now() - 500 })
    await pass(60_000)
    expect(only.fetchedAfter(ITEM, 0)).toEqual([])
  })
})

describe('a pending query from a server', () => {
  it('that was read before an event and is hydrated after it is fetched', async () => {
    const { only, pass, changeItem } = await open()
    const server = new QueryClient()
    void server.prefetchQuery({ queryKey: ITEM, queryFn: () => sleep(3_000).then(() => 'v3') })
    const state = dehydrate(server, { shouldDehydrateQuery: () => true })
    await pass(500)
    changeItem()
    await pass(500)
    hydrate(only.client, state)
    only.watch(ITEM)
    await pass(60_000)
    expect(only.data(ITEM)).toBe('v4')
  })

  // The oldest version knows no pending queries, and fetches them itself.
  it.skipIf(inject('peers') === 'oldest')('covers no event that came just before it', async () => {
    const { only, pass, changeItem } = await open()
    const server = new QueryClient()
    void server.prefetchQuery({ queryKey: ITEM, queryFn: () => sleep(3_000).then(() => 'v3') })
    const state = dehydrate(server, { shouldDehydrateQuery: () => true })
    await pass(500)
    changeItem()
    await pass(50)
    hydrate(only.client, state)
    only.watch(ITEM)
    await pass(2_000)
    expect(only.receipts.flatMap(({ receipt }) => receipt.covered)).toEqual([])
    await pass(60_000)
    expect(only.data(ITEM)).toBe('v4')
  })

  it('is fetched again when its event comes during the stream', async () => {
    const { only, pass, changeItem } = await open()
    const server = new QueryClient()
    void server.prefetchQuery({ queryKey: ITEM, queryFn: () => sleep(3_000).then(() => 'v3') })
    hydrate(only.client, dehydrate(server, { shouldDehydrateQuery: () => true }))
    only.watch(ITEM)
    await pass(500)
    changeItem()
    await pass(60_000)
    expect(only.data(ITEM)).toBe('v4')
  })
})

describe('data without an age', () => {
  /** Initial data is one claim of the app, whether or not the query exists already. */
  async function useInitialData(isNew: boolean): Promise<void> {
    const { only, pass } = await open()
    if (!isNew) only.watch(ITEM, { enabled: false })
    await pass(1_000)
    only.watch(ITEM, { initialData: 'v3' })
    await pass(60_000)
    expect(only.fetchedAfter(ITEM, 0)).toEqual([])
    expect(only.data(ITEM)).toBe('v3')
  }

  it('as the initial data of a new query is believed: it costs no fetch', () => useInitialData(true))

  // Older versions take no initial data for a query that exists, and fetch it themselves.
  it.skipIf(inject('peers') !== 'newest')(
    'as the initial data of a query that a disabled component has made is believed: it costs no fetch',
    () => useInitialData(false),
  )
})

it('a cache of an hour ago that is restored costs each query one fetch', async () => {
  const { only, pass } = await open({
    before: (client, now) => hydrate(client, dehydrated('v2', now() - 3_600_000)),
  })
  only.watch(ITEM)
  await pass(10_000)
  expect(only.data(ITEM)).toBe('v3')
  expect(only.fetchedAfter(ITEM, 0)).toHaveLength(1)
})

describe('a query that owes a fetch, and whose mark a `setQueryData` has cleared', () => {
  it('is fetched when it is enabled', async () => {
    const { only, pass, changeItem } = await open()
    const watcher = only.watch(ITEM)
    await pass(1_000)
    watcher.set({ enabled: false })
    changeItem()
    await pass(500)
    only.client.setQueryData<unknown>(ITEM, (old: unknown) => old)
    await pass(50)
    watcher.set({ enabled: true })
    await pass(60_000)
    expect(only.data(ITEM)).toBe('v4')
  })

  it('is fetched by a router’s loader that takes any data for fresh', async () => {
    const { only, pass, changeItem } = await open()
    const watcher = only.watch(ITEM)
    await pass(1_000)
    watcher.stop()
    changeItem()
    await pass(500)
    only.client.setQueryData(ITEM, 'v3')
    const load = { ...only.optionsOf(ITEM), staleTime: Number.POSITIVE_INFINITY }
    let loaded: unknown
    void only.client.fetchQuery(load).then((data) => {
      loaded = data
    })
    await pass(500)
    expect(loaded).toBe('v4')
  })
})
