import { QueryClient, QueryObserver } from '@tanstack/react-query'
import { expect, it, vi } from 'vitest'
import { type FetchRecord, watchFetches } from './fetches.js'

/** One client whose API answers when the test says so. */
function setUp() {
  const client = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } })
  client.mount()
  let now = 0
  let begun = 0
  const records: FetchRecord[] = []
  const calls: { answer(value: unknown): void; fail(error: unknown): void }[] = []
  const stop = watchFetches({
    client,
    monotonic: () => now,
    onBegin: () => void begun++,
    onRecord: (record) => records.push(record),
  })
  const queryFn = ({ signal }: { signal?: AbortSignal }) =>
    new Promise<unknown>((answer, fail) => {
      calls.push({ answer, fail })
      signal?.addEventListener('abort', () => fail(new Error('aborted')))
    })
  const observe = (queryKey: readonly unknown[], retry = 0) => {
    const observer = new QueryObserver(client, { queryKey, queryFn, retry, retryDelay: 0 })
    return { observer, stop: observer.subscribe(() => undefined) }
  }
  const settle = async (index: number, how: 'answer' | 'fail', value: unknown) => {
    await vi.waitFor(() => expect(calls.length).toBeGreaterThan(index))
    calls[index]?.[how](value)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return {
    client,
    records,
    observe,
    settle,
    stop,
    pass: (ms: number) => {
      now += ms
    },
    begun: () => begun,
    outcomes: () => records.map(({ outcome }) => outcome),
  }
}

it('a fetch that succeeds, with how long it took', async () => {
  const { observe, settle, records, pass, begun } = setUp()
  observe(['balance', 7])
  pass(40)
  await settle(0, 'answer', { amount: 1 })
  expect(records).toEqual([
    { from: 'tab', kind: 'fetch', queryKey: ['balance', 7], outcome: 'succeeded', durationMs: 40 },
  ])
  expect(begun()).toBe(1)
})

it('a fetch that fails is one fetch with its retries, and gives its reason without a secret', async () => {
  const { observe, settle, records, begun } = setUp()
  observe(['balance'], 1)
  await settle(0, 'fail', new Error('first'))
  expect(records).toEqual([])
  await settle(
    1,
    'fail',
    new TypeError('no answer of https://me:pw@api.example/b?token=s3cr3t for Bearer s3cr3t-s3cr3t'),
  )
  expect(records).toMatchObject([
    { outcome: 'failed', reason: 'TypeError: no answer of https://api.example/b for (hidden)' },
  ])
  expect(begun()).toBe(1)
})

it('a fetch that is cancelled and reverted', async () => {
  const { client, observe, settle, outcomes } = setUp()
  observe(['balance'])
  await settle(0, 'answer', 1)
  void client.refetchQueries({ queryKey: ['balance'] }).catch(() => undefined)
  await client.cancelQueries({ queryKey: ['balance'] })
  await new Promise((resolve) => setTimeout(resolve, 5))
  expect(outcomes()).toEqual(['succeeded', 'cancelled'])
})

it('a fetch that is cancelled and not reverted', async () => {
  const { client, observe, settle, outcomes } = setUp()
  observe(['balance'])
  await settle(0, 'answer', 1)
  void client.refetchQueries({ queryKey: ['balance'] }).catch(() => undefined)
  await client
    .getQueryCache()
    .find({ queryKey: ['balance'] })
    ?.cancel()
  await new Promise((resolve) => setTimeout(resolve, 5))
  expect(outcomes()).toEqual(['succeeded', 'cancelled'])
})

it('a first load that is cancelled', async () => {
  const { client, observe, outcomes } = setUp()
  observe(['balance'])
  await client.cancelQueries({ queryKey: ['balance'] })
  await new Promise((resolve) => setTimeout(resolve, 5))
  expect(outcomes()).toEqual(['cancelled'])
})

it('a fetch that another one replaces is cancelled, and the other one counts by itself', async () => {
  const { client, observe, settle, outcomes, begun } = setUp()
  observe(['balance'])
  await settle(0, 'answer', 1)
  void client.refetchQueries({ queryKey: ['balance'] })
  void client.refetchQueries({ queryKey: ['balance'] }, { cancelRefetch: true })
  await settle(2, 'answer', 2)
  expect(outcomes()).toEqual(['succeeded', 'cancelled', 'succeeded'])
  expect(begun()).toBe(3)
})

it('a query that leaves the cache while it is fetched', async () => {
  const { client, observe, outcomes } = setUp()
  observe(['balance']).stop()
  client.removeQueries({ queryKey: ['balance'] })
  await new Promise((resolve) => setTimeout(resolve, 5))
  expect(outcomes()).toEqual(['cancelled'])
})

it('data that the app sets is no fetch, and after the stop nothing is told', async () => {
  const { client, observe, settle, records, stop } = setUp()
  client.setQueryData(['other'], 1)
  observe(['balance'])
  client.setQueryData(['balance'], 1)
  expect(records).toEqual([])
  stop()
  await settle(0, 'answer', 2)
  expect(records).toEqual([])
})
