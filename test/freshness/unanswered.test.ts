import { describe, expect, it } from 'vitest'
import { rigsOfTests } from './rig.js'

const open = rigsOfTests()
const ITEM = ['item', 0]
/** When a fetch is old enough to be given up for another, with what the debounce and the network add. */
const HANG_MS = 11_500

describe('a request that never answers', () => {
  it('is given up once it is old, when the next event asks', async () => {
    const { api, only, pass, changeItem } = await open()
    only.watch(ITEM)
    await pass(1_000)
    api.state.hangs = 1
    changeItem()
    await pass(HANG_MS)
    changeItem()
    await pass(2_000)
    expect(only.data(ITEM)).toBe('v5')
  })

  it('is not given up while it is young', async () => {
    const { api, only, pass, changeItem } = await open()
    only.watch(ITEM)
    await pass(1_000)
    api.state.takesMs = 5_000
    changeItem()
    await pass(1_000)
    const { reads } = api.state
    changeItem()
    await pass(2_000)
    expect(api.state.reads).toBe(reads)
    await pass(20_000)
    expect(only.data(ITEM)).toBe('v5')
  })

  it('is given up after a while even if nothing asks', async () => {
    const { api, only, pass, changeItem } = await open()
    only.watch(ITEM)
    await pass(1_000)
    api.state.hangs = 1
    changeItem()
    await pass(120_000)
    expect(only.data(ITEM)).toBe('v4')
  })

  it('is tried again every few minutes, however long that goes on', async () => {
    const { api, only, pass, changeItem } = await open()
    only.watch(ITEM)
    await pass(1_000)
    api.state.hangs = 1_000
    changeItem()
    await pass(4 * 3_600_000)
    api.state.hangs = 0
    await pass(600_000)
    expect(only.data(ITEM)).toBe('v4')
  })

  it('is not what a query is taken for that is always slow', async () => {
    const { api, only, pass, changeItem, now } = await open({ takesMs: 15_000 })
    only.watch(ITEM)
    await pass(20_000)
    const began = now()
    changeItem()
    await pass(HANG_MS)
    changeItem()
    await pass(60_000)
    const [first = 0, second = 0, ...more] = only.fetchedAfter(ITEM, began)
    expect(second - first).toBeGreaterThanOrEqual(15_000)
    expect(more).toEqual([])
    expect(only.data(ITEM)).toBe(api.truth(ITEM))
  })

  it('costs one fetch for each thing that asks, and then ever fewer: a minute later, two, four', async () => {
    const { api, only, pass, changeItem } = await open()
    only.watch(ITEM)
    await pass(1_000)
    api.state.hangs = 1_000
    changeItem()
    await pass(HANG_MS)
    changeItem()
    await pass(30_000)
    // The first load, the first event, the second one.
    expect(only.fetchedAfter(ITEM, 0)).toHaveLength(3)
    await pass(570_000)
    expect(only.fetchedAfter(ITEM, 0).length).toBeLessThanOrEqual(6)
  })

  it.each(['look', 'reconnect'])('is given up at a %s', async (what) => {
    const { api, only, pass, changeItem, stop, start } = await open()
    only.watch(ITEM)
    await pass(1_000)
    api.state.hangs = 1
    changeItem()
    await pass(HANG_MS)
    if (what === 'look') {
      only.page.hide()
      await pass(1_000)
      only.page.show()
    } else {
      stop()
      await pass(1_000)
      start()
    }
    await pass(60_000)
    expect(only.data(ITEM)).toBe('v4')
  })

  it('that sleeps between two retries is given up as well', async () => {
    const { api, only, pass, changeItem } = await open({ queries: { retry: 10, retryDelay: 300_000 } })
    only.watch(ITEM)
    await pass(1_000)
    api.state.fails = 1
    changeItem()
    await pass(HANG_MS)
    changeItem()
    await pass(2_000)
    expect(only.data(ITEM)).toBe('v5')
  })
})

describe('while the API is down', () => {
  it.each([0, 3])('an event’s fetch that fails is made up for (%s retries)', async (retry) => {
    const { api, only, pass, changeItem } = await open({ queries: { retry } })
    only.watch(ITEM)
    await pass(1_000)
    api.state.isDown = true
    changeItem()
    await pass(15_000)
    api.state.isDown = false
    await pass(600_000)
    expect(only.data(ITEM)).toBe('v4')
  })

  it('a resync that fails is made up for', async () => {
    const { api, only, pass, changeItem, stop, start } = await open({ queries: { retry: 3 } })
    only.watch(ITEM)
    await pass(1_000)
    stop()
    await pass(1_000)
    changeItem()
    api.state.isDown = true
    start()
    await pass(20_000)
    api.state.isDown = false
    await pass(600_000)
    expect(only.data(ITEM)).toBe('v4')
  })

  it('a first load that fails is made up for after a gap', async () => {
    const { api, only, pass, stop, start } = await open()
    api.state.isDown = true
    only.watch(ITEM)
    await pass(1_000)
    stop()
    await pass(1_000)
    start()
    await pass(15_000)
    api.state.isDown = false
    await pass(600_000)
    expect(only.data(ITEM)).toBe('v3')
  })

  it('the fetches that make up for it come ever more rarely, and end with a success', async () => {
    const { api, only, pass, changeItem, now } = await open()
    only.watch(ITEM)
    await pass(1_000)
    const began = now()
    api.state.isDown = true
    changeItem()
    await pass(1_800_000)
    const tries = only.fetchedAfter(ITEM, began)
    expect(tries.length).toBeGreaterThan(6)
    expect(tries.length).toBeLessThan(40)
    expect((tries[1] ?? 0) - (tries[0] ?? 0)).toBeGreaterThanOrEqual(2_500)
    api.state.isDown = false
    await pass(600_000)
    const before = only.fetches.length
    await pass(1_800_000)
    expect(only.fetches).toHaveLength(before)
    expect(only.data(ITEM)).toBe('v4')
  })

  it('a hidden tab does not try', async () => {
    const { api, only, pass, changeItem } = await open()
    only.watch(ITEM)
    await pass(1_000)
    api.state.isDown = true
    changeItem()
    await pass(1_000)
    only.page.hide()
    const before = only.fetches.length
    await pass(600_000)
    expect(only.fetches).toHaveLength(before)
    api.state.isDown = false
    only.page.show()
    await pass(10_000)
    expect(only.data(ITEM)).toBe('v4')
  })
})
