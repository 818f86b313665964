import { QueryClient } from '@tanstack/react-query'
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
