import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMatcher as compile, hits, isHit, type Match } from './matcher.js'
import { anyNames, contradicts, DEFAULT_ANY_VALUES } from './scope.js'
import { type NormalTarget, type QueryKey, startsWith } from './target.js'

const any = anyNames(DEFAULT_ANY_VALUES)
const createMatcher = (targets: readonly NormalTarget[]) => compile(targets, any)

/** No data can have the change already. */
const HIT = { after: Number.POSITIVE_INFINITY, own: 0 }

interface Query {
  readonly queryKey: QueryKey
  readonly meta?: Record<string, unknown>
}

/** What the matcher means, without an index. */
function naive(targets: readonly NormalTarget[], query: Query): Match {
  const matching = targets.filter((target) => startsWith(query.queryKey, target.queryKey))
  const open = matching.filter(({ queryKey, scope }) => !scope || !contradicts(query, queryKey.length, scope, any))
  if (open.length > 0) {
    return {
      after: Math.max(...open.map(({ after }) => after ?? HIT.after)),
      own: Math.min(...open.map(({ own }) => own ?? HIT.own)),
    }
  }
  return matching.length > 0 ? 'skipped' : undefined
}

describe('the matcher', () => {
  const transactions = { queryKey: ['transactions'], scope: { type: 'card' } }

  it.each<[what: string, targets: NormalTarget[], query: Query, expected: Match]>([
    ['nothing to match', [], { queryKey: ['loans'] }, undefined],
    ['another head', [{ queryKey: ['loans'] }], { queryKey: ['balance'] }, undefined],
    ['the same head, another rest', [{ queryKey: ['loans', 1] }], { queryKey: ['loans', 2] }, undefined],
    ['a prefix', [{ queryKey: ['loans'] }], { queryKey: ['loans', 1] }, HIT],
    ['a query shorter than the target', [{ queryKey: ['loans', 1] }], { queryKey: ['loans'] }, undefined],
    ['a scope that agrees', [transactions], { queryKey: ['transactions', { type: 'card' }] }, HIT],
    ['a scope that nothing is said about', [transactions], { queryKey: ['transactions', { page: 2 }] }, HIT],
    ['a scope that is contradicted', [transactions], { queryKey: ['transactions', { type: 'transfer' }] }, 'skipped'],
    [
      'a scope that meta contradicts',
      [transactions],
      { queryKey: ['transactions'], meta: { scope: { type: 'fee' } } },
      'skipped',
    ],
    [
      'one contradicts, another one hits',
      [transactions, { queryKey: ['transactions'] }],
      { queryKey: ['transactions', { type: 'fee' }] },
      HIT,
    ],
    [
      'one hits, another one contradicts',
      [{ queryKey: ['transactions'] }, transactions],
      { queryKey: ['transactions', { type: 'fee' }] },
      HIT,
    ],
    ['an empty key matches everything', [{ queryKey: [] }], { queryKey: ['loans'] }, HIT],
    [
      'an empty key after a contradiction',
      [transactions, { queryKey: [] }],
      { queryKey: ['transactions', { type: 'fee' }] },
      HIT,
    ],
    [
      'a contradicted empty key',
      [{ queryKey: [], scope: { type: 'card' } }],
      { queryKey: [{ type: 'fee' }] },
      'skipped',
    ],
    [
      'a contradiction, and an object head that does not match',
      [transactions, { queryKey: [{ a: 1 }] }],
      { queryKey: ['transactions', { type: 'fee' }] },
      'skipped',
    ],
    ['an object as head', [{ queryKey: [{ entity: 'loan' }] }], { queryKey: [{ entity: 'loan', id: 1 }] }, HIT],
    [
      'an object head that is not the one',
      [{ queryKey: [{ entity: 'loan' }] }],
      { queryKey: [{ entity: 'user' }] },
      undefined,
    ],
    ['null as head', [{ queryKey: [null] }], { queryKey: [null, 1] }, HIT],
    ['a number is its text', [{ queryKey: [1] }], { queryKey: ['1'] }, HIT],
    ['a list as head', [{ queryKey: [['loans']] }], { queryKey: [['loans', 'list'], { type: 'query' }] }, HIT],
    ['a list as head that is not the one', [{ queryKey: [['loans']] }], { queryKey: [['users', 'list']] }, undefined],
    [
      'two keys of the same values',
      [{ queryKey: [['a', 1]] }, { queryKey: [['a'], 1] }],
      { queryKey: [['a', 1]] },
      HIT,
    ],
    [
      'an undefined field, which matches where there is none',
      [{ queryKey: ['a', { b: undefined }] }],
      { queryKey: ['a', {}] },
      HIT,
    ],
    ['an empty query key', [{ queryKey: ['loans'] }], { queryKey: [] }, undefined],
    [
      'two keys that differ far inside',
      [{ queryKey: ['a', { b: { c: { d: 1 } } }] }, { queryKey: ['a', { b: { c: { d: 2 } } }] }],
      { queryKey: ['a', { b: { c: { d: 2 } } }] },
      HIT,
    ],
    [
      'two scopes that agree with one field each',
      [
        { queryKey: ['a'], scope: { f: 'x', g: 'y' } },
        { queryKey: ['a'], scope: { f: 'z', g: 'w' } },
      ],
      { queryKey: ['a', { f: 'x', g: 'w' }] },
      'skipped',
    ],
    [
      'scopes of different fields',
      [
        { queryKey: ['a'], scope: { f: 'x' } },
        { queryKey: ['a'], scope: { g: 'y' } },
      ],
      { queryKey: ['a', { f: 'z' }] },
      HIT,
    ],
  ])('%s', (_what, targets, query, expected) => {
    expect(createMatcher(targets)(query)).toEqual(expected)
  })

  it('says of every query what the definition says, for all the targets at once', () => {
    const head = fc.constantFrom<unknown>('a', 'b', 1, '1', 1n, null, undefined, true, 'true', Number.NaN, 'NaN', 0, -0)
    const value = fc.constantFrom<unknown>(
      'x',
      'y',
      1,
      '1',
      null,
      '',
      undefined,
      'all',
      'x,y',
      '!x',
      ['x', 'y'],
      ['1', 'z'],
    )
    const field = fc.constantFrom('f', 'g', 'input', 'type')
    const flat = fc.dictionary(field, value, { maxKeys: 2 })
    const scope = fc.dictionary(field, fc.oneof({ weight: 3, arbitrary: value }, flat), { maxKeys: 3 })
    const part = fc.oneof({ weight: 3, arbitrary: scope }, head, fc.array(value, { maxLength: 2 }))
    const key = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.tuple(head, fc.array(part, { maxLength: 3 })).map(([first, rest]) => [first, ...rest]),
      },
      { weight: 2, arbitrary: fc.array(part, { maxLength: 3 }) },
      // Longer and deeper than the tree of keys.
      {
        weight: 1,
        arbitrary: fc.array(fc.constantFrom<unknown>('a', 1, ['a', ['a', { f: ['a'] }]]), { maxLength: 10 }),
      },
    )
    const after = fc.integer({ min: 1, max: 9 })
    const target = fc.record(
      { queryKey: key, scope: fc.option(scope, { nil: undefined }), after, own: fc.nat(9) },
      { requiredKeys: ['queryKey', 'scope'] },
    )
    const query = fc.record({ queryKey: key, meta: fc.record({ scope }, { requiredKeys: [] }) })

    const seen: Record<string, number> = { hit: 0, 'hit after': 0, own: 0, skipped: 0, undefined: 0 }
    fc.assert(
      fc.property(fc.array(target, { maxLength: 12 }), fc.array(query, { maxLength: 8 }), (targets, queries) => {
        const match = createMatcher(targets)
        for (const one of queries) {
          const expected = naive(targets, one)
          const kind = isHit(expected)
            ? expected.own
              ? 'own'
              : expected.after < HIT.after
                ? 'hit after'
                : 'hit'
            : String(expected)
          seen[kind] = (seen[kind] ?? 0) + 1
          expect(match(one)).toEqual(expected)
          expect(targets.some((target) => hits(target, one, any))).toBe(isHit(expected))
        }
      }),
      { numRuns: 2_000 },
    )
    // The property would be empty if one kind of match were rare.
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(50)
  })

  it('says it of queries that name the same values and others, among many targets', () => {
    const targets = Array.from({ length: 60 }, (_, n) => ({
      queryKey: ['row'],
      scope: { account: n % 2, type: `t${n % 3}`, id: n },
      after: n + 1,
    }))
    const match = createMatcher(targets)
    for (const account of [0, 1, 7, 0]) {
      for (const type of ['t0', 't1', 't2', 't0,t1', 'none', 't1']) {
        const query = { queryKey: ['row', { account, type, page: 1 }] }
        expect([query, match(query)]).toEqual([query, naive(targets, query)])
      }
    }
  })
})
