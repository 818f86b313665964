import { partialMatchKey } from '@tanstack/react-query'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { invalidTargetsIn, type NormalTarget, normalize, startsWith } from './target.js'

describe('normalize brings targets into one form', () => {
  const circular: unknown[] = ['loop']
  circular.push(circular)
  const day = new Date(0)
  const ring: Record<string, unknown> = { unknown: undefined }
  ring['itself'] = ring

  it.each<[what: string, targets: unknown, normal: NormalTarget[]]>([
    ['a string is the key [string]', 'loans', [{ queryKey: ['loans'] }]],
    [
      'a list of strings is a list of targets',
      ['loans', 'summary'],
      [{ queryKey: ['loans'] }, { queryKey: ['summary'] }],
    ],
    ['an array in a list is a key', [['balance', 7]], [{ queryKey: ['balance', 7] }]],
    ['an object has a key', { queryKey: ['loans'] }, [{ queryKey: ['loans'] }]],
    ['an object may have a scope', { queryKey: ['tx'], scope: { id: 1 } }, [{ queryKey: ['tx'], scope: { id: 1 } }]],
    ['an undefined scope is none', { queryKey: ['tx'], scope: undefined }, [{ queryKey: ['tx'] }]],
    ['a scope may be empty', { queryKey: ['tx'], scope: {} }, [{ queryKey: ['tx'], scope: {} }]],
    [
      'all forms in one list',
      ['a', ['b', 1], { queryKey: ['c'] }],
      [{ queryKey: ['a'] }, { queryKey: ['b', 1] }, { queryKey: ['c'] }],
    ],
    ['no targets at all', [], []],
    ['null, false and 0 may be in a key', [[null, false, 0]], [{ queryKey: [null, false, 0] }]],
    ["'' may be in a key", [['tx', '']], [{ queryKey: ['tx', ''] }]],
    ['objects and lists may be in a key', [['tx', { page: 1 }, [1]]], [{ queryKey: ['tx', { page: 1 }, [1]] }]],
    ['a key counts up to its first unknown part', [['balance', undefined, 7]], [{ queryKey: ['balance'] }]],
    ['that holds for a hole too', [Object.assign([], { 0: 'balance', 2: 7 })], [{ queryKey: ['balance'] }]],
    [
      'an object in a key counts without its unknown fields',
      [['tx', { page: undefined, of: { id: undefined, type: 'card' } }, 'rows']],
      [{ queryKey: ['tx', { of: { type: 'card' } }, 'rows'] }],
    ],
    ['a list in a key counts up to its first unknown part', [[['tx', undefined, 1]]], [{ queryKey: [['tx']] }]],
    ['a date in a key stays what it is', [['day', day]], [{ queryKey: ['day', day] }]],
    ['an object may hold itself and something unknown', [['loop', ring]], [{ queryKey: ['loop', expect.anything()] }]],
    ['a key may hold itself', [circular], [{ queryKey: circular }]],
  ])('%s', (_what, targets, normal) => {
    expect([normalize(targets), invalidTargetsIn(targets)]).toEqual([normal, []])
  })

  it('an unknown field in a key matches whatever a query says there', () => {
    const [target] = normalize([['tx', { page: undefined, of: 'card' }]])
    expect(startsWith(['tx', { page: 2, of: 'card' }, 'rows'], target?.queryKey)).toBe(true)
    expect(startsWith(['tx', { page: 2, of: 'loan' }, 'rows'], target?.queryKey)).toBe(false)
  })

  it.each<[what: string, target: unknown]>([
    ['the empty string', ''],
    ['an empty key, which would match everything', []],
    ['a key that begins with undefined', [undefined, 'balance']],
    ['a key that begins with a hole', Object.assign([], { 1: 'balance' })],
    ['NaN in a key', ['balance', Number.NaN]],
    ['a function in a key', ['balance', () => 1]],
    ['a symbol in a key', ['balance', Symbol('x')]],
    ['a number', 7],
    ['undefined', undefined],
    ['null', null],
    ['true', true],
    ['a function', () => 'loans'],
    ['a promise', Promise.resolve(['loans'])],
    ['an object without a key', { scope: { id: 1 } }],
    ['an object whose key is a string', { queryKey: 'loans' }],
    ['an object whose key is empty', { queryKey: [] }],
    ['a scope that is no object', { queryKey: ['tx'], scope: 'card' }],
    ['a scope that is null', { queryKey: ['tx'], scope: null }],
    ['a field that targets do not have', { queryKey: ['tx'], scop: { id: 1 } }],
    ['a scope that is a list', { queryKey: ['tx'], scope: ['card'] }],
  ])('an invalid target is reported, not guessed at: %s', (_what, target) => {
    expect([normalize(['loans', target]), invalidTargetsIn(['loans', target])]).toEqual([
      [{ queryKey: ['loans'] }],
      [target],
    ])
  })

  it('takes a lone value that is no list for one target', () => {
    expect([normalize(undefined), invalidTargetsIn(undefined)]).toEqual([[], [undefined]])
    expect([normalize(''), invalidTargetsIn('')]).toEqual([[], ['']])
  })
})

/** A key in which each number, bigint and boolean is its text. */
function inTexts(part: unknown): unknown {
  if (['number', 'bigint', 'boolean'].includes(typeof part)) return String(part)
  if (Array.isArray(part)) return part.map(inTexts)
  if (typeof part !== 'object' || part === null) return part
  return Object.fromEntries(Object.entries(part).map(([name, inner]) => [name, inTexts(inner)]))
}

const matchesAsText = (key: readonly unknown[], prefix: readonly unknown[]) =>
  partialMatchKey(inTexts(key) as unknown[], inTexts(prefix) as unknown[])

describe('startsWith is the partialMatchKey of TanStack, by texts', () => {
  const field = fc.constantFrom('a', 'b', '0', 'queryKey')
  const primitive = fc.constantFrom<unknown>(undefined, null, '', 'a', '1', 0, -0, 1, true, false, 1n, 'true', '0')
  const { part } = fc.letrec<{ part: unknown; list: unknown[]; object: object }>((tie) => ({
    part: fc.oneof({ maxDepth: 3, withCrossShrink: true }, primitive, tie('list'), tie('object')),
    list: fc.array(tie('part'), { maxLength: 4 }),
    object: fc.dictionary(field, tie('part'), { maxKeys: 3 }),
  }))
  const key = fc.array(part, { maxLength: 5 })

  /** Something that the value begins with, by what TanStack says a prefix is: fewer parts, fewer fields. */
  const prefixOf = (value: unknown): fc.Arbitrary<unknown> => {
    if (Array.isArray(value)) {
      return fc.nat({ max: value.length }).chain((length) => fc.tuple(...value.slice(0, length).map(prefixOf)))
    }
    if (typeof value !== 'object' || value === null) return fc.constant(value)
    const fields = Object.entries(value)
    return fc
      .subarray(fields)
      .chain((some) =>
        fc
          .tuple(...some.map(([, inner]) => prefixOf(inner)))
          .map((inners) => Object.fromEntries(some.map(([name], index) => [name, inners[index]]))),
      )
  }
  const keyAndPrefix = key.chain((whole) => fc.tuple(fc.constant(whole), prefixOf(whole) as fc.Arbitrary<unknown[]>))

  it('for keys that have nothing to do with each other', () => {
    const agree = fc.property(key, key, (a, b) => startsWith(a, b) === matchesAsText(a, b))
    fc.assert(agree, { numRuns: 2_000 })
  })

  it('for real prefixes, whole and with one part replaced', () => {
    let matches = 0
    let wider = 0
    fc.assert(
      fc.property(keyAndPrefix, fc.nat({ max: 8 }), part, ([whole, prefix], index, other) => {
        const spoilt = prefix.map((own, at) => (at === index ? other : own))
        for (const candidate of [prefix, spoilt, inTexts(prefix) as unknown[]]) {
          const expected = matchesAsText(whole, candidate)
          if (expected) matches++
          expect(startsWith(whole, candidate)).toBe(expected)
          expect(startsWith(candidate, whole)).toBe(matchesAsText(candidate, whole))
          // Never narrower than TanStack itself.
          if (partialMatchKey(whole, candidate)) expect(expected).toBe(true)
          else if (expected) wider++
        }
      }),
      { numRuns: 2_000 },
    )
    // The property would be empty if prefixes were rare.
    expect(matches).toBeGreaterThan(1_000)
    expect(wider).toBeGreaterThan(100)
  })

  it.each<[key: readonly unknown[], prefix: readonly unknown[], matches: boolean]>([
    [['loans'], [], true],
    [['loans'], ['loans'], true],
    [['loans', 1], ['loans'], true],
    [['loans'], ['loans', 1], false],
    [['loans', { page: 1, type: 'a' }], ['loans', { type: 'a' }], true],
    [['loans', { page: 1 }], ['loans', { type: undefined }], true],
    [['loans', { page: 1 }], ['loans', { type: 'a' }], false],
    [['loans', null], ['loans', {}], false],
    [['loans', [1, 2]], ['loans', [1]], true],
    [['loans', [1, 2]], ['loans', { 0: 1 }], true],
  ])('%j begins with %j: %s', (whole, prefix, matches) => {
    expect(partialMatchKey(whole, prefix)).toBe(matches)
    expect(startsWith(whole, prefix)).toBe(matches)
  })

  it.each<[what: string, key: readonly unknown[], prefix: readonly unknown[], matches: boolean]>([
    ['a number for its text', ['loans', 7], ['loans', '7'], true],
    ['a text for its number', ['loans', '7'], ['loans', 7], true],
    ['the first part', ['7'], [7], true],
    ['in an object', ['loans', { account: { id: '7' } }], ['loans', { account: { id: 7 } }], true],
    ['in a list', ['loans', ['7', 'x']], ['loans', [7]], true],
    ['a big integer', ['loans', 7n], ['loans', '7'], true],
    ['a boolean', ['loans', { open: 'true' }], ['loans', { open: true }], true],
    ['another number', ['loans', 7], ['loans', '8'], false],
    ['another text of the number', ['loans', 7], ['loans', '07'], false],
    ['null is no text', ['loans', null], ['loans', 'null'], false],
    ['undefined is no text', ['loans', undefined], ['loans', 'undefined'], false],
    ['a list is no text', ['loans', ['a']], ['loans', 'a'], false],
  ])('wider than TanStack: %s', (_what, whole, prefix, matches) => {
    expect(partialMatchKey(whole, prefix)).toBe(false)
    expect(startsWith(whole, prefix)).toBe(matches)
  })
})
