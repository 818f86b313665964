import { QueryClient, QueryObserver } from '@tanstack/react-query'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryBrowser } from '../../test/browser.js'
import { createSimpleLogicalClock } from '../../test/simple-logical-clock.js'
import { createInvalidator } from './invalidator.js'
import type { PendingFetches } from './pending.js'
import type { Receipt } from './receipt.js'
import { compileRule } from './rule.js'

const START = 1_900_000_000_000
beforeEach(() => void vi.useFakeTimers({ now: START }))
afterEach(() => void vi.useRealTimers())

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

const RULES = { changed: ['list'], renamed: ['name'] }

/** A tab whose event `changed` concerns every list. Each fetch takes 10 ms. */
function setUp() {
  const client = new QueryClient({
    defaultOptions: {
      queries: { gcTime: Number.POSITIVE_INFINITY, staleTime: Number.POSITIVE_INFINITY, retry: false },
    },
  })
  const { environment, page } = createMemoryBrowser().tab()
  const receipts: Receipt[] = []
  const told: PendingFetches[] = []
  const invalidator = createInvalidator({
    client,
    rules: new Map(Object.entries(RULES).map(([name, rule]) => [name, compileRule(name, rule, () => undefined)])),
    debounce: { waitMs: 100, maxWaitMs: 1_000 },
    jitterMs: 0,
    restartFetchAfterMs: 10_000,
    logicalClock: createSimpleLogicalClock(),
    environment: { ...environment, random: () => 0.5 },
    onReceipt: (receipt) => receipts.push(receipt),
    onPending: (pending) => told.push(pending),
    isWatched: () => true,
  })
  let failing = false

  async function read(): Promise<string> {
    const fails = failing
    await new Promise((resolve) => setTimeout(resolve, 10))
    if (fails) throw new Error('ill')
    return 'data'
  }

  return {
    page,
    receipts,
    pending: () => told.at(-1),
    emit: (name = 'changed') => invalidator.push([[name, {}]]),
    fail: (is: boolean) => {
      failing = is
    },
    watch(...queryKey: readonly string[]) {
      const observer = new QueryObserver(client, { queryKey, queryFn: read, refetchOnMount: false })
      let leave = observer.subscribe(() => undefined)
      return {
        leave: () => leave(),
        comeBack() {
          leave = observer.subscribe(() => undefined)
        },
      }
    },
  }
}

describe('the fetches that are pending', () => {
  it('are those of queries in use, since the first of their events', async () => {
    const { watch, page, emit, pending } = setUp()
    const list = watch('list')
    const away = watch('list', 'away')
    await pass(50)
    away.leave()
    page.hide()
    emit()
    await pass(200)
    const since = START + 150
    expect(pending()).toEqual({ count: 1, since })
    emit()
    await pass(1_000)
    expect(pending()).toEqual({ count: 1, since })
    away.comeBack()
    await pass(0)
    expect(pending()).toEqual({ count: 2, since })
    list.leave()
    await pass(0)
    expect(pending()).toEqual({ count: 1, since })
    page.show()
    await pass(50)
    expect(pending()).toEqual({ count: 0, since: undefined })
  })

  it('are told once for all queries of a flush', async () => {
    const { watch, page, emit, pending } = setUp()
    for (const name of ['a', 'b', 'c']) watch('list', name)
    await pass(50)
    page.hide()
    emit()
    await pass(200)
    expect(pending()?.count).toBe(3)
  })
})

describe('receipts', () => {
  it('tell of a fetch that has failed, and which ones they answer', async () => {
    const { watch, emit, fail, receipts } = setUp()
    watch('list')
    await pass(50)
    fail(true)
    emit()
    await pass(500)
    fail(false)
    await pass(60_000)
    emit()
    await pass(500)
    const brief = receipts.map(({ number, cause, answers, refetched, failed }) => [
      number,
      cause,
      answers,
      refetched.length,
      failed.length,
    ])
    expect(brief).toEqual([
      [1, 'events', [], 1, 0],
      [2, 'failed', [1], 0, 1],
      [3, 'again', [1, 2], 1, 0],
      [4, 'events', [], 1, 0],
    ])
  })

  it('name the last ten that asked, whatever the number of queries', async () => {
    const { watch, page, emit, receipts } = setUp()
    watch('list')
    watch('name', 'ann')
    await pass(50)
    page.hide()
    for (const name of ['changed', 'renamed'])
      for (let time = 0; time < 8; time++) {
        emit(name)
        await pass(200)
      }
    page.show()
    await pass(50)
    expect(receipts.at(-1)).toMatchObject({ cause: 'visible', answers: [7, 8, 9, 10, 11, 12, 13, 14, 15, 16] })
  })
})
