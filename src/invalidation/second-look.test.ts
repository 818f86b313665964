import { QueryClient, QueryObserver } from '@tanstack/react-query'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryBrowser } from '../../test/browser.js'
import { createSimpleLogicalClock } from '../../test/simple-logical-clock.js'
import type { EventPair } from '../wire/protocol.js'
import { createInvalidator } from './invalidator.js'
import type { Receipt } from './receipt.js'
import { compileRule } from './rule.js'

const START = 1_900_000_000_000
beforeEach(() => void vi.useFakeTimers({ now: START }))
afterEach(() => void vi.useRealTimers())

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

/** A tab that shows `['a']` and `['b', 7]`. The events of the rule `slow` are looked at once more 2 s later. */
function setUp() {
  const client = new QueryClient({
    defaultOptions: { queries: { gcTime: Number.POSITIVE_INFINITY, staleTime: Number.POSITIVE_INFINITY } },
  })
  const { environment, page } = createMemoryBrowser().tab()
  const codes: string[] = []
  const report = (code: string) => void codes.push(code)
  const receipts: Receipt[] = []
  const rules = {
    slow: { touches: ['a'], againMs: 2_000, targets: () => ['a'] },
    quick: ['a'],
    odd: { againMs: -1, targets: ['a'] },
  }
  const invalidator = createInvalidator({
    client,
    rules: new Map(Object.entries(rules).map(([name, rule]) => [name, compileRule(name, rule, report)])),
    debounce: { waitMs: 100, maxWaitMs: 1_000 },
    jitterMs: 2_000,
    restartFetchAfterMs: 10_000,
    logicalClock: createSimpleLogicalClock(),
    environment: { ...environment, random: () => 0.5 },
    onReceipt: (receipt) => receipts.push(receipt),
    isWatched: () => true,
  })
  const began: number[] = []
  const others: number[] = []
  const use = (queryKey: unknown[], log: number[]) =>
    new QueryObserver(client, { queryKey, queryFn: () => log.push(Date.now() - START) }).subscribe(() => undefined)
  use(['a'], began)
  use(['b', 7], others)
  const emit = (...pair: EventPair) => invalidator.push([pair])
  return { invalidator, page, codes, receipts, began, others, emit }
}

describe('a rule with `againMs`', () => {
  it('fetches once more, so long after the first time, and names the receipt that it answers', async () => {
    const { emit, began, others, receipts } = setUp()
    await pass(1_000)
    emit('slow', {})
    await pass(60_000)
    expect(began).toEqual([0, 1_100, 3_100])
    expect(others).toEqual([0])
    expect(receipts).toMatchObject([
      { number: 1, cause: 'events', refetched: [['a']] },
      { number: 2, cause: 'again', answers: [1], events: [], refetched: [['a']] },
    ])
  })

  it('does so for what was fetched meanwhile, too: that may be as old', async () => {
    const { emit, began } = setUp()
    await pass(1_000)
    emit('slow', {})
    await pass(1_000)
    emit('quick', {})
    await pass(60_000)
    expect(began).toEqual([0, 1_100, 2_100, 3_100])
  })

  it('once for all events of a flush', async () => {
    const { emit, began } = setUp()
    await pass(1_000)
    for (let count = 0; count < 20; count++) emit('slow', {})
    await pass(60_000)
    expect(began).toHaveLength(3)
  })

  it('in a hidden tab waits until it is visible', async () => {
    const { emit, began, page } = setUp()
    await pass(1_000)
    page.hide()
    emit('slow', {})
    await pass(60_000)
    expect(began).toEqual([0])
    page.show()
    await pass(60_000)
    expect(began).toEqual([0, 61_000])
  })

  it('leaves no timer when the session ends', async () => {
    const { emit, invalidator } = setUp()
    await pass(1_000)
    emit('slow', {})
    await pass(500)
    invalidator.close()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('that is no duration is reported, and not used', async () => {
    const { emit, began, codes } = setUp()
    await pass(1_000)
    emit('odd', {})
    await pass(60_000)
    expect(began).toEqual([0, 1_100])
    expect(codes).toEqual(['bad-option'])
  })
})

it('an event that the server gave one is looked at again, whatever its rule says', async () => {
  const { emit, began } = setUp()
  await pass(1_000)
  emit('quick', {}, { againMs: 5_000 })
  await pass(60_000)
  expect(began).toEqual([0, 1_100, 6_100])
})
