import { describe, expect, it } from 'vitest'
import { createMatcher, isHit } from './matcher.js'
import { anyNames, DEFAULT_ANY_VALUES } from './scope.js'
import type { NormalTarget, QueryKey } from './target.js'

const verdict = (target: NormalTarget, queryKey: QueryKey) => {
  const match = createMatcher([target], anyNames(DEFAULT_ANY_VALUES))({ queryKey })
  return isHit(match) ? 'refetched' : (match ?? 'not touched')
}

/** The targets of README.md for an event of account 7. The keys are as the clients made them, in the versions named here. */
const CLIENTS: readonly {
  readonly client: string
  readonly target: NormalTarget
  readonly refetched: readonly QueryKey[]
  readonly skipped: readonly QueryKey[]
  readonly untouched: readonly QueryKey[]
}[] = [
  {
    client: 'tRPC 11.22, lists',
    target: { queryKey: [['transactions']], scope: { input: { accountId: '7' } } },
    refetched: [
      [['transactions', 'list'], { input: { accountId: '7' }, type: 'query' }],
      [['transactions', 'list'], { input: { accountId: 7 }, type: 'infinite' }],
      [['transactions', 'list'], { input: { page: 2 }, type: 'query' }],
      [['transactions', 'list'], { type: 'query' }],
      [['transactions']],
    ],
    skipped: [[['transactions', 'list'], { input: { accountId: '8' }, type: 'query' }]],
    untouched: [[['account', 'byId'], { input: '7', type: 'query' }]],
  },
  {
    client: 'tRPC 11.22, a bare input',
    target: { queryKey: [['account', 'byId'], { input: '7' }] },
    refetched: [
      [['account', 'byId'], { input: '7', type: 'query' }],
      [['account', 'byId'], { input: 7, type: 'query' }],
    ],
    skipped: [],
    untouched: [[['account', 'byId'], { input: '8', type: 'query' }]],
  },
  {
    client: 'tRPC 11.22 with a keyPrefix',
    target: { queryKey: [['bank'], ['transactions']], scope: { input: { accountId: '7' } } },
    refetched: [[['bank'], ['transactions', 'list'], { type: 'query' }]],
    skipped: [[['bank'], ['transactions', 'list'], { input: { accountId: '8' }, type: 'query' }]],
    untouched: [[['transactions', 'list'], { type: 'query' }]],
  },
  {
    client: 'orval 8.38',
    target: { queryKey: ['/transactions'], scope: { accountId: '7' } },
    refetched: [['/transactions'], ['/transactions', { accountId: '7', type: 'fee' }], ['/transactions', { page: 2 }]],
    skipped: [['/transactions', { accountId: '8' }]],
    untouched: [['/accounts/7'], ['infinite', '/transactions', { accountId: '7' }]],
  },
  {
    client: 'orval 8.38, infinite',
    target: { queryKey: ['infinite', '/transactions'], scope: { accountId: '7' } },
    refetched: [['infinite', '/transactions', { accountId: '7' }]],
    skipped: [['infinite', '/transactions', { accountId: '8' }]],
    untouched: [['/transactions']],
  },
  {
    client: 'orval 8.38, an id in the path',
    target: { queryKey: ['/accounts/7'] },
    refetched: [['/accounts/7'], ['/accounts/7', { type: 'fee' }]],
    skipped: [],
    untouched: [['/accounts/8']],
  },
  {
    client: 'orval 8.38, shouldSplitQueryKey or useOperationIdAsQueryKey',
    target: { queryKey: ['accounts', 7] },
    refetched: [
      ['accounts', '7'],
      ['accounts', '7', { type: 'fee' }],
    ],
    skipped: [],
    untouched: [['accounts', '8']],
  },
  {
    client: 'hey-api 0.99',
    target: { queryKey: [{ _id: 'listTransactions' }], scope: { query: { accountId: '7' } } },
    refetched: [
      [{ _id: 'listTransactions', baseUrl: undefined, tags: ['tx'] }],
      [{ _id: 'listTransactions', baseUrl: 'https://api.example.com', query: { accountId: 7, page: 1 } }],
      [{ _id: 'listTransactions', baseUrl: undefined, _infinite: true, query: { accountId: '7' } }],
    ],
    skipped: [[{ _id: 'listTransactions', baseUrl: undefined, query: { accountId: '8' } }]],
    untouched: [[{ _id: 'getAccount', baseUrl: undefined, path: { accountId: '7' } }]],
  },
  {
    client: 'hey-api 0.99, an id in the path',
    target: { queryKey: [{ _id: 'getAccount', path: { accountId: '7' } }] },
    refetched: [
      [{ _id: 'getAccount', baseUrl: undefined, path: { accountId: '7' } }],
      [{ _id: 'getAccount', baseUrl: undefined, path: { accountId: 7 }, query: { type: 'fee' } }],
    ],
    skipped: [],
    untouched: [[{ _id: 'getAccount', baseUrl: undefined, path: { accountId: '8' } }]],
  },
  {
    client: 'openapi-react-query 0.5',
    target: { queryKey: ['get', '/transactions'], scope: { params: { query: { accountId: '7' } } } },
    refetched: [
      ['get', '/transactions'],
      ['get', '/transactions', { params: { query: { accountId: 7, type: 'fee' } } }],
      ['get', '/transactions', { params: { query: {} }, headers: { accountId: '8' } }],
    ],
    skipped: [['get', '/transactions', { params: { query: { accountId: '8' } } }]],
    untouched: [['get', '/accounts/{accountId}', { params: { path: { accountId: '7' } } }]],
  },
  {
    client: 'openapi-react-query 0.5, an id in the path',
    target: { queryKey: ['get', '/accounts/{accountId}'], scope: { params: { path: { accountId: '7' } } } },
    refetched: [['get', '/accounts/{accountId}', { params: { path: { accountId: 7 } } }]],
    skipped: [['get', '/accounts/{accountId}', { params: { path: { accountId: 8 } } }]],
    untouched: [['post', '/accounts/{accountId}', { params: { path: { accountId: 7 } } }]],
  },
]

describe.each(CLIENTS)('$client', ({ target, refetched, skipped, untouched }) => {
  it.each([
    ...refetched.map((key) => ['refetched', key] as const),
    ...skipped.map((key) => ['skipped', key] as const),
    ...untouched.map((key) => ['not touched', key] as const),
  ])('%s: %j', (expected, key) => {
    expect(verdict(target, key)).toBe(expected)
  })

  // Of a plain input, `type` is the app's.
  const envelopes = refetched.filter((key) => !key.some((part) => Object(part).type === 'fee'))
  it.each(envelopes)('a field of the client’s own never contradicts a flat scope: %j', (...key) => {
    const scope = { type: 'card', baseUrl: 'x', headers: 'x', parseAs: 'x' }
    expect(verdict({ queryKey: target.queryKey, scope }, key)).toBe('refetched')
  })
})
