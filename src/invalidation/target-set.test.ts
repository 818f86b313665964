import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type NormalTarget, startsWith } from './target.js'
import { createTargetSet } from './target-set.js'

describe('a set keeps each target once', () => {
  const value = fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<unknown>(undefined, null, '', 'a', '1', '1n', 0, 1, true, 'true', 1n, Number.POSITIVE_INFINITY),
    fc.constantFrom<unknown>(
      new Date(0),
      new Date(0).toJSON(),
      [],
      {},
      [undefined],
      [null],
      { a: undefined },
      { a: null },
    ),
  )
  const target = fc.record({
    queryKey: fc.array(value, { minLength: 1, maxLength: 2 }),
    scope: fc.option(fc.dictionary(fc.constantFrom('a', 'b'), value, { maxKeys: 2, noNullPrototype: true }), {
      nil: undefined,
    }),
  })

  const kept = (...targets: readonly NormalTarget[]) => {
    const set = createTargetSet()
    set.put(targets, 1, 0, 0, 1)
    return set.take().length
  }

  it('never takes two for one that match other queries', () => {
    const plain = (scope: object | undefined) => Object.entries(scope ?? {}).filter(([, value]) => value !== undefined)
    let same = 0
    fc.assert(
      fc.property(target, target, (one, other) => {
        if (kept(one, other) === 2) return
        same++
        expect(startsWith(one.queryKey, other.queryKey)).toBe(true)
        expect(startsWith(other.queryKey, one.queryKey)).toBe(true)
        expect(new Map(plain(one.scope))).toStrictEqual(new Map(plain(other.scope)))
      }),
      { numRuns: 50_000 },
    )
    // The property would be empty if no two were ever alike.
    expect(same).toBeGreaterThan(50)
  })

  it.each<[what: string, make: () => NormalTarget]>([
    ['a key', () => ({ queryKey: ['balance', 7] })],
    ['a key with objects', () => ({ queryKey: ['tx', { page: 1, filter: [{ id: undefined }, null] }] })],
    ['a scope', () => ({ queryKey: ['tx'], scope: { id: 7, type: undefined } })],
    ['a scope with a field that does not count', () => ({ queryKey: ['tx'], scope: { type: undefined } })],
    ['a big integer', () => ({ queryKey: ['tx', 7n] })],
  ])('knows an equal one again: %s', (_what, make) => {
    expect(kept(make(), make())).toBe(1)
  })

  it('of equal ones keeps the strictest, and starts again when it was emptied', () => {
    const set = createTargetSet()
    for (const [after, own, againMs, event] of [
      [3, 9, 0, 1],
      [5, 7, 2_000, 2],
      [4, 8, 1_000, 3],
    ] as const)
      set.put([{ queryKey: ['tx'], scope: { id: 1 } }], after, own, againMs, event)
    expect(set.take()).toEqual([
      { queryKey: ['tx'], scope: { id: 1 }, after: 5, own: 7, againMs: 2_000, events: [1, 2, 3] },
    ])
    expect(set.take()).toEqual([])
    set.put([{ queryKey: ['tx'] }], 1, 0, 0, 4)
    expect(set.take()).toEqual([{ queryKey: ['tx'], scope: undefined, after: 1, own: 0, againMs: 0, events: [4] }])
  })

  it('puts the same list again as it would put another one', () => {
    const same = [{ queryKey: ['a'] }, { queryKey: ['b'], scope: { id: 1 } }]
    const fresh = () => same.map((one) => ({ ...one }))
    const taken = (list: () => readonly NormalTarget[]) => {
      const set = createTargetSet()
      set.put(list(), 5, 3, 0, 1)
      set.put(list(), 7, 2, 9, 2)
      set.put([{ queryKey: ['c'] }, ...fresh()], 6, 1, 0, 3)
      set.put(list(), 4, 8, 0, 4)
      const first = set.take()
      set.put(list(), 1, 1, 1, 5)
      return [first, set.take()]
    }
    expect(taken(() => same)).toEqual(taken(fresh))
    expect(taken(() => same)[0]).toHaveLength(3)
  })
})
