import { MutationObserver } from '@tanstack/react-query'
import { describe, expect, it } from 'vitest'
import { type RigTab, rigsOfTests } from './rig.js'

const open = rigsOfTests()
const ITEM = ['item', 0]
const OTHER = ['item', 1]

const sleep = (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms))

/** TanStack's recipe for an optimistic update, without a refetch at its end. */
function mutate(
  tab: RigTab,
  guess: string,
  ms: number,
  ends: 'well' | 'badly',
  onAnswer: () => void = () => undefined,
) {
  const mutation = new MutationObserver(tab.client, {
    mutationFn: async () => {
      await sleep(ms)
      if (ends === 'badly') throw new Error('refused')
      onAnswer()
    },
    onMutate: async () => {
      await tab.act(() => tab.client.cancelQueries({ queryKey: ITEM }))
      const before = tab.data(ITEM)
      tab.client.setQueryData(ITEM, guess)
      return before
    },
    onError: (_error, _variables, before) => void tab.client.setQueryData(ITEM, before),
  })
  void mutation.mutate().catch(() => undefined)
}

/** What the user sees, change by change. */
function seen(tab: RigTab): unknown[] {
  const shown = [tab.data(ITEM)]
  tab.client.getQueryCache().subscribe(() => {
    const data = tab.data(ITEM)
    if (data !== shown.at(-1)) shown.push(data)
  })
  return shown
}

describe('a mutation that is rolled back after an event has come', () => {
  it.each([700, 3_000, 20_000])('and that took %s ms leaves nothing stale', async (ms) => {
    const { only, pass, changeItem } = await open()
    only.watch(ITEM)
    await pass(1_000)
    mutate(only, 'guess', ms, 'badly')
    await pass(500)
    changeItem()
    await pass(600_000)
    expect(only.data(ITEM)).toBe('v4')
  })
})

describe('while a mutation runs for longer than `maxWaitMs`', () => {
  it('what it wrote by hand stays on the screen: it does not flicker', async () => {
    const { only, pass, change, api } = await open()
    only.watch(ITEM)
    await pass(1_000)
    const shown = seen(only)
    mutate(only, 'one', 1_500, 'well', () => change('item', { id: 0 }, ['item0']))
    await pass(50)
    mutate(only, 'two', 4_500, 'well', () => change('item', { id: 0 }, ['item0']))
    await pass(60_000)
    expect(shown).toEqual(['v3', 'one', 'two', api.truth(ITEM)])
  })

  it('queries that it did not write to are fetched at once', async () => {
    const { only, pass, changeItem, now } = await open({ line: { debounce: { waitMs: 100, maxWaitMs: 10_000 } } })
    only.watch(ITEM)
    only.watch(OTHER)
    await pass(1_000)
    mutate(only, 'guess', 8_000, 'well')
    await pass(50)
    const began = now()
    changeItem(1)
    await pass(2_000)
    expect(only.fetchedAfter(OTHER, began).map((ms) => ms < 300)).toEqual([true])
  })

  it('that writes nothing by hand, an event is not kept back at all', async () => {
    const { only, pass, changeItem, now } = await open()
    only.watch(ITEM)
    await pass(1_000)
    void new MutationObserver(only.client, { mutationFn: () => sleep(5_000) }).mutate()
    const began = now()
    changeItem()
    await pass(900)
    expect(only.fetchedAfter(ITEM, began).map((ms) => ms < 300)).toEqual([true])
  })

  it('that never ends, its query is fetched in the end', async () => {
    const { only, pass, changeItem } = await open()
    only.watch(ITEM)
    await pass(1_000)
    mutate(only, 'guess', 1e9, 'well')
    await pass(100)
    changeItem()
    await pass(600_000)
    expect(only.data(ITEM)).toBe('v4')
  })
})
