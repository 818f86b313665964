/**
 * What a flush costs to find its queries: `npm run bench:matching`. Of 10,000 cached queries, each family of 500 targets against one
 * bare pass of TanStack Query's own `findAll` with one key. Interleaved, the fastest round of each. Ends within ten seconds.
 */
import { QueryClient } from '@tanstack/react-query'
import { createMatcher } from '../src/invalidation/matcher.js'
import { anyNames, DEFAULT_ANY_VALUES } from '../src/invalidation/scope.js'
import type { NormalTarget, QueryKey } from '../src/invalidation/target.js'

const QUERIES = 10_000
const TARGETS = 500
const ROUNDS = 51

interface Family {
  readonly key: (index: number) => QueryKey
  readonly target: (index: number) => NormalTarget
}

const trpc = (input: object): QueryKey => [['row', 'list'], { input, type: 'query' }]

const FAMILIES: Record<string, Family> = {
  'a key for each target': { key: (n) => ['row', n], target: (n) => ({ queryKey: ['row', n] }) },
  'another key': { key: (n) => ['row', n], target: (n) => ({ queryKey: ['other', n] }) },
  'a scope that no query names': { key: (n) => ['row', n], target: (n) => ({ queryKey: ['row'], scope: { id: n } }) },
  'a scope that each query names': {
    key: (n) => ['row', { id: n, page: 1 }],
    target: (n) => ({ queryKey: ['row'], scope: { id: n } }),
  },
  'two fields, both named': {
    key: (n) => ['row', { id: n % 100, type: n % 7, page: n }],
    target: (n) => ({ queryKey: ['row'], scope: { id: n, type: n % 5 } }),
  },
  'two fields, the same account': {
    key: (n) => ['row', { account: 7, page: n }],
    target: (n) => ({ queryKey: ['row'], scope: { account: 7, id: n } }),
  },
  'a nested scope in tRPC’s keys': {
    key: (n) => trpc({ id: n }),
    target: (n) => ({ queryKey: [['row']], scope: { input: { id: n } } }),
  },
  'an object in each key': {
    key: (n) => [{ _id: 'row', query: { id: n } }],
    target: (n) => ({ queryKey: [{ _id: 'row' }], scope: { query: { id: n } } }),
  },
}

const any = anyNames(DEFAULT_ANY_VALUES)
const fastest = (times: number[]) => Math.min(...times)
const time = (run: () => void) => {
  const start = performance.now()
  run()
  return performance.now() - start
}

for (const [name, { key, target }] of Object.entries(FAMILIES)) {
  const client = new QueryClient()
  for (let index = 0; index < QUERIES; index++) client.setQueryData(key(index), index)
  const cache = client.getQueryCache()
  const bare: number[] = []
  const ours: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    // Each flush has targets of its own.
    const targets = Array.from({ length: TARGETS }, (_, index) => target(index))
    const { queryKey } = target(0)
    bare.push(time(() => cache.findAll({ queryKey })))
    ours.push(
      time(() => {
        const matchOf = createMatcher(targets, any)
        cache.findAll({ predicate: (query) => matchOf(query) !== undefined })
      }),
    )
  }
  const [bareMs, oursMs] = [fastest(bare), fastest(ours)]
  const ratio = oursMs / bareMs
  console.log(`${name.padEnd(32)} ${bareMs.toFixed(2)} ms bare, ${oursMs.toFixed(2)} ms ours, ${ratio.toFixed(2)} x`)
  client.clear()
}
process.exit()
