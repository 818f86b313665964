import { QueryClient, QueryObserver } from '@tanstack/react-query'
import { expect, it, vi } from 'vitest'
import { createMatcher } from '../invalidation/matcher.js'
import { liveModeOf } from '../invalidation/query-client.js'
import { compileRule } from '../invalidation/rule.js'
import { anyNames, DEFAULT_ANY_VALUES } from '../invalidation/scope.js'
import type { NormalTarget } from '../invalidation/target.js'
import type { MatchingTools } from './context.js'
import { createTallies } from './tallies.js'

const any = anyNames(DEFAULT_ANY_VALUES)
const NO_QUERIES = { refetched: [], shared: [], joined: [], deferred: [], skipped: [], covered: [], failed: [] }

function setUp(targets: (m: { id: number }) => readonly unknown[]) {
  const client = new QueryClient()
  for (let index = 0; index < 3_000; index++) {
    client.setQueryData(['thing', index], 1)
    client.setQueryData(['list', { owner: index }], 1)
  }
  const matched = vi.fn()
  const tools: MatchingTools = {
    matcherOf(targets: readonly NormalTarget[]) {
      const matchOf = createMatcher(targets, any)
      return (query) => {
        matched()
        return matchOf(query)
      }
    },
    liveModeOf,
    compileRule,
  }
  const rule = compileRule('changed', { touches: ['thing', 'list'], targets }, (code) => expect.fail(code))
  const tallies = createTallies({ now: () => 1, client: () => client, tools: () => tools })
  tallies.watch(new Map([['changed', rule]]))
  for (let id = 0; id < 1_000; id++) rule.resolve({ id })
  const skipped = [['list', { owner: 1 }]]
  const fields = tallies.receipt({ number: 1, at: 1, cause: 'events', answers: [], events: [], ...NO_QUERIES, skipped })
  return { fields, counts: tallies.rule('changed'), comparisons: matched.mock.calls.length }
}

it('a burst over a large cache is compared with what it matches', () => {
  const { counts, comparisons } = setUp(({ id }) => [['thing', id]])
  expect(counts).toEqual({ events: 1_000, hits: 50, misses: 0 })
  expect(comparisons).toBeLessThan(10_000)
})

it('a burst that matches much of a large cache is compared within a bound', () => {
  const { fields, counts, comparisons } = setUp(({ id }) => [
    ['thing', id],
    { queryKey: ['list'], scope: { owner: id } },
  ])
  expect(fields).toEqual(['owner'])
  expect(counts).toMatchObject({ events: 1_000, misses: 0 })
  expect(counts.hits).toBeGreaterThan(0)
  expect(comparisons).toBeLessThan(20_000)
})

it('what is fetched for a gap, or at first, takes nothing from what is spared', () => {
  const tallies = createTallies({ now: () => 1, client: () => undefined, tools: () => undefined })
  const spared = () => tallies.savings().fetchesWithoutPartyline - tallies.savings().fetches
  const receipt = (number: number, cause: 'events' | 'gap' | 'again', answers: readonly number[], fetched: number) =>
    tallies.receipt({
      ...{ number, at: 1, cause, answers, events: [], ...NO_QUERIES },
      refetched: Array.from({ length: fetched }, (_, index) => ['thing', index]),
    })
  tallies.fetched()
  expect(spared()).toBe(0)
  receipt(1, 'gap', [], 3)
  receipt(2, 'again', [1], 2)
  receipt(3, 'again', [2], 2)
  // Nothing was compared, so nothing was spared either; less than nothing it never is.
  receipt(4, 'events', [], 5)
  expect(spared()).toBe(0)
})

it('counts what the refetches of events spared, whatever a reconnect fetches', () => {
  const client = new QueryClient()
  const query = new QueryObserver(client, { queryKey: ['thing', 1], queryFn: () => 1, initialData: 1, staleTime: 1e9 })
  query.subscribe(() => undefined)
  const tools: MatchingTools = { matcherOf: (targets) => createMatcher(targets, any), liveModeOf, compileRule }
  const rule = compileRule('changed', { touches: ['thing'], targets: () => [['thing', 1]] }, (code) =>
    expect.fail(code),
  )
  const tallies = createTallies({ now: () => 1, client: () => client, tools: () => tools })
  const spared = () => tallies.savings().fetchesWithoutPartyline - tallies.savings().fetches
  tallies.watch(new Map([['changed', rule]]))
  for (let count = 0; count < 10; count++) rule.resolve({})
  const nothing = { at: 1, answers: [], events: [], ...NO_QUERIES }
  tallies.receipt({ ...nothing, number: 1, cause: 'events', refetched: [['thing', 1]] })
  expect(spared()).toBe(9)
  tallies.receipt({ ...nothing, number: 2, cause: 'gap', refetched: [['thing', 1]] })
  expect(spared()).toBe(9)
  tallies.receipt({ ...nothing, number: 3, cause: 'again', answers: [1], refetched: [['thing', 1]] })
  expect(spared()).toBe(8)
})
