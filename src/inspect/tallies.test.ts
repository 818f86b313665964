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

it('a burst over a large cache costs few comparisons, whether its events match nothing or are skipped', () => {
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
  const rule = compileRule(
    'changed',
    {
      touches: ['thing', 'list'],
      targets: (m: { id: number }) => [['thing', m.id], { queryKey: ['list'], scope: { owner: m.id } }],
    },
    (code) => expect.fail(code),
  )
  const tallies = createTallies({ now: () => 1, client: () => client, tools: () => tools })
  tallies.watch(new Map([['changed', rule]]))
  for (let id = 0; id < 1_000; id++) rule.resolve({ id })
  const skipped = [['list', { owner: 1 }]]
  const fields = tallies.receipt({ number: 1, at: 1, cause: 'events', answers: [], events: [], ...NO_QUERIES, skipped })
  expect(fields).toEqual(['owner'])
  expect(tallies.rule('changed')).toMatchObject({ events: 1_000, misses: 0 })
  expect(tallies.rule('changed').hits).toBeGreaterThan(0)
  // The cache once, and a few thousand more.
  expect(matched.mock.calls.length).toBeLessThan(20_000)
})
