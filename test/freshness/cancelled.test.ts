import { MutationObserver } from '@tanstack/react-query'
import { describe, expect, it } from 'vitest'
import { type RigTab, rigsOfTests } from './rig.js'

const open = rigsOfTests()
const ITEM = ['item', 0]
const TAKES_MS = 200
const ITEM_FETCH_BEGINS_MS = 150

const pages = (tab: RigTab) => (tab.data(['feed']) as { readonly pages: readonly unknown[] } | undefined)?.pages
const cancel = ({ act, client }: RigTab) => act(() => client.cancelQueries({ queryKey: ITEM }))

/** A tab whose item is being refetched for an event. */
async function whileRefetched() {
  const rig = await open({ takesMs: TAKES_MS })
  const watcher = rig.only.watch(ITEM)
  await rig.pass(1_000)
  rig.changeItem()
  await rig.pass(ITEM_FETCH_BEGINS_MS)
  expect(rig.only.client.isFetching()).toBe(1)
  return { ...rig, tab: rig.only, watcher }
}

describe('a refetch that is cancelled', () => {
  it('by the app alone is made up for, with no other event', async () => {
    const { tab, pass } = await whileRefetched()
    await cancel(tab)
    await pass(20_000)
    expect(tab.data(ITEM)).toBe('v4')
  })

  it('by an optimistic update does not leave the guess on the screen', async () => {
    const { tab, pass } = await whileRefetched()
    const mutation = new MutationObserver(tab.client, {
      mutationFn: () => new Promise<void>((resolve) => void setTimeout(resolve, 50)),
      onMutate: async () => {
        await cancel(tab)
        tab.client.setQueryData(ITEM, 'guess')
      },
    })
    void mutation.mutate()
    await pass(20_000)
    expect(tab.data(ITEM)).toBe('v4')
  })

  it('because its last component is gone is made up for when one comes back', async () => {
    const { tab, pass, watcher } = await whileRefetched()
    watcher.stop()
    await pass(500)
    tab.watch(ITEM, { refetchOnMount: false })
    await pass(20_000)
    expect(tab.data(ITEM)).toBe('v4')
  })

  it('by a refetch of the app’s own that fails is made up for', async () => {
    const { tab, pass, watcher, api } = await whileRefetched()
    api.state.fails = 1
    watcher.refetch()
    await pass(600_000)
    expect(tab.data(ITEM)).toBe('v4')
  })

  it('by a reset is made up for', async () => {
    const { tab, pass } = await whileRefetched()
    void tab.act(() => tab.client.resetQueries({ queryKey: ITEM }))
    await pass(20_000)
    expect(tab.data(ITEM)).toBe('v4')
  })

  it('is owed by the query that comes after a removed one, which the app fills by hand', async () => {
    const { tab, pass, watcher } = await whileRefetched()
    watcher.stop()
    tab.client.removeQueries({ queryKey: ITEM })
    tab.client.setQueryData(ITEM, 'v3', { updatedAt: Date.now() - 5_000 })
    tab.watch(ITEM, { refetchOnMount: false })
    await pass(20_000)
    expect(tab.data(ITEM)).toBe('v4')
  })
})

it('a first load that is cancelled after an event is made up for', async () => {
  const { only, pass, changeItem } = await open({ takesMs: TAKES_MS })
  only.watch(ITEM)
  await pass(50)
  changeItem()
  await pass(50)
  await cancel(only)
  await pass(20_000)
  expect(only.data(ITEM)).toBe('v4')
})

describe('a list of pages', () => {
  async function openFeed() {
    const rig = await open({ takesMs: TAKES_MS, random: () => 0.5 })
    const feed = rig.only.watchFeed()
    await rig.pass(1_000)
    return { ...rig, tab: rig.only, feed, changeFeed: () => rig.change('feed', {}, ['feed']) }
  }

  it('whose refetch the next page cancels shows every page anew', async () => {
    const { tab, feed, pass, changeFeed } = await openFeed()
    changeFeed()
    await pass(ITEM_FETCH_BEGINS_MS)
    feed.next()
    await pass(20_000)
    expect(pages(tab)).toEqual(['v4', 'v4'])
  })

  it('that loads its next page at the moment of the resync shows every page anew', async () => {
    const { tab, feed, pass, stop, start, api, now } = await openFeed()
    api.change(['feed'])
    stop()
    start()
    let began = now()
    while (tab.line.status.name !== 'connected' && now() - began < 10_000) await pass(10)
    began = now()
    // The jitter is half of 2 s.
    await pass(900)
    feed.next()
    await pass(600_000)
    expect(pages(tab)).toEqual(['v4', 'v4'])
  })

  it('that loads its next page when the tab is shown shows every page anew', async () => {
    const { tab, feed, pass, changeFeed } = await openFeed()
    tab.page.hide()
    changeFeed()
    await pass(60_000)
    feed.next()
    await pass(50)
    tab.page.show()
    await pass(600_000)
    expect(pages(tab)).toEqual(['v4', 'v4'])
  })
})

describe('a fetch of the app’s own, under way when a pending one is due, and then cancelled', () => {
  it('at the resync', async () => {
    const { only, pass, api, stop, start, now } = await open({ takesMs: 600, random: () => 0.5 })
    const watcher = only.watch(ITEM)
    await pass(1_000)
    api.change(['item0'])
    stop()
    await pass(100)
    start()
    const began = now()
    while (only.line.status.name !== 'connected' && now() - began < 10_000) await pass(10)
    await pass(800)
    watcher.refetch()
    await pass(400)
    await cancel(only)
    await pass(600_000)
    expect(only.data(ITEM)).toBe('v4')
  })

  it('when the tab is shown', async () => {
    const { only, pass, changeItem } = await open({ takesMs: 300 })
    const watcher = only.watch(ITEM)
    await pass(1_000)
    only.page.hide()
    changeItem()
    await pass(60_000)
    watcher.refetch()
    only.page.show()
    await pass(100)
    await cancel(only)
    only.client.setQueryData(ITEM, 'guess')
    await pass(600_000)
    expect(only.data(ITEM)).toBe('v4')
  })

  it('when a component is mounted', async () => {
    const { only, pass, changeItem } = await open({ takesMs: 300 })
    const watcher = only.watch(ITEM)
    await pass(1_000)
    watcher.stop()
    changeItem()
    await pass(1_000)
    only.watch(ITEM)
    await pass(100)
    await cancel(only)
    only.client.setQueryData(ITEM, 'guess')
    await pass(600_000)
    expect(only.data(ITEM)).toBe('v4')
  })
})
