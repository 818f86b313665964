import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMatcher, isHit } from '../invalidation/matcher.js'
import { liveModeOf, type QuerySlice } from '../invalidation/query-client.js'
import { compileRule } from '../invalidation/rule.js'
import { anyNames, DEFAULT_ANY_VALUES } from '../invalidation/scope.js'
import type { NormalTarget } from '../invalidation/target.js'
import type { MatchingTools } from './context.js'
import { explainEvent } from './explain.js'

const any = anyNames(DEFAULT_ANY_VALUES)
const tools: MatchingTools = { matcherOf: (targets) => createMatcher(targets, any), liveModeOf, compileRule }

const queryOf = (queryKey: readonly unknown[], meta?: Record<string, unknown>, isStatic = false) =>
  ({ queryKey, meta, isStatic: () => isStatic }) as unknown as QuerySlice

function explain(written: unknown, metadata: unknown, queries: readonly QuerySlice[]) {
  const rule = compileRule('paid', written, (code) => expect.fail(code))
  const copy = compileRule('paid', written, () => undefined)
  const before = rule.reach()
  const explanations = explainEvent({ event: 'paid', metadata, rule, copy }, queries, tools)
  expect(rule.reach()).toBe(before)
  return explanations
}

describe('an explanation', () => {
  const rule = {
    touches: ['transactions', 'balance'],
    targets: (m: { accountId: unknown; type?: string }) => [
      { queryKey: ['transactions'], scope: { accountId: m.accountId, type: m.type, input: { kind: m.type } } },
      ['balance', m.accountId],
    ],
  }
  const metadata = { accountId: '7', type: 'card' }

  it.each<[string, QuerySlice, string, string]>([
    ['a key that begins so', queryOf(['balance', 7]), 'matches', "its key begins with ['balance','7']"],
    ['another key', queryOf(['balance', 8]), 'unmatched', 'no target has its key'],
    ['another value', queryOf(['transactions', { type: 'salary' }]), 'skipped', 'type: salary is not card'],
    ['another number', queryOf(['transactions', { accountId: 8 }]), 'skipped', 'accountId: 8 is not 7'],
    ['a list', queryOf(['transactions', { type: ['fee', 'salary'] }]), 'skipped', "type: ['fee','salary'] is not card"],
    ['in its meta', queryOf(['transactions'], { scope: { type: 'fee' } }), 'skipped', 'type: fee is not card'],
    ['nested', queryOf(['transactions', { input: { kind: 'fee' } }]), 'skipped', 'input.kind: fee is not card'],
    [
      'a scope that agrees',
      queryOf(['transactions', { type: 'card' }]),
      'matches',
      "its key begins with ['transactions'], and it contradicts nothing of the scope",
    ],
    ['off', queryOf(['balance', 7], { live: 'off' }), 'off', 'its meta.live is off'],
    [
      'manual',
      queryOf(['balance', 7], { live: 'manual' }),
      'matches',
      "its key begins with ['balance','7']. It is fetched when the app asks: its meta.live is manual",
    ],
    ['static', queryOf(['balance', 7], undefined, true), 'off', 'its staleTime is static'],
    ['off, and not matched', queryOf(['loans'], { live: 'off' }), 'unmatched', 'no target has its key'],
  ])('%s', (_, query, outcome, reason) => {
    expect(explain(rule, metadata, [query])).toMatchObject([{ queryKey: query.queryKey, outcome, reason }])
  })

  it('a rule that throws stands for all that it can reach, and that of the rule in force', () => {
    const broken = {
      touches: ['balance'],
      targets: (m: { key?: string }) => {
        if (m.key) return [[m.key]]
        throw new Error('broken')
      },
    }
    const copy = compileRule('paid', broken, () => undefined)
    const inForce = compileRule('paid', broken, () => undefined)
    inForce.resolve({ key: 'loans' })
    const queries = [queryOf(['balance', 1]), queryOf(['loans']), queryOf(['profile'])]
    const explained = explainEvent({ event: 'paid', metadata: {}, rule: inForce, copy }, queries, tools)
    expect(explained.map(({ outcome }) => outcome)).toEqual(['matches', 'matches', 'unmatched'])
  })

  it('teaches the rule in force nothing, where it leaves its touches', () => {
    const wide = { touches: ['balance'], targets: (m: { key: string }) => [[m.key]] }
    expect(explain(wide, { key: 'loans' }, [queryOf(['loans'])])).toMatchObject([{ outcome: 'matches' }])
  })

  it('metadata that is no object stands for all that the rule can reach', () => {
    const queries = [queryOf(['balance', 1]), queryOf(['loans'])]
    for (const metadata of [undefined, null, 7, [1]])
      expect(explain(rule, metadata, queries).map(({ outcome }) => outcome)).toEqual(['matches', 'unmatched'])
  })

  it('reports nothing, and keeps to plain data', () => {
    const faulty = { touches: ['balance'], targets: () => [['loans', 1n], 7] }
    const [explanation] = explain2(faulty)
    expect(JSON.parse(JSON.stringify(explanation))).toEqual(explanation)
    function explain2(written: unknown) {
      const rule = compileRule('paid', written, () => undefined)
      const copy = compileRule('paid', written, () => undefined)
      return explainEvent({ event: 'paid', metadata: {}, rule, copy }, [queryOf(['loans', 1n])], tools)
    }
  })
})

it('agrees with the matcher of a flush, whatever the rules, keys and scopes', () => {
  const scalar = fc.constantFrom<unknown>(7, '7', 8, '07', 'card', 'fee', 'all', '', null, true, 'a,b', '!card')
  const field = fc.constantFrom('type', 'accountId', 'input')
  const scope = fc.dictionary(field, fc.oneof(scalar, fc.array(scalar, { maxLength: 2 }), fc.dictionary(field, scalar)))
  const head = fc.constantFrom('balance', 'transactions', 7, '7')
  const key = fc
    .tuple(head, fc.array(fc.oneof(scalar, scope), { maxLength: 2 }))
    .map(([first, rest]) => [first, ...rest] as readonly unknown[])
  const target: fc.Arbitrary<NormalTarget> = fc.oneof(
    key.map((queryKey) => ({ queryKey })),
    fc.record({ queryKey: key, scope }),
  )
  const query = fc
    .tuple(key, fc.option(scope), fc.constantFrom(undefined, 'off', 'manual'), fc.boolean())
    .map(([queryKey, scope, live, isStatic]) => queryOf(queryKey, { ...(scope && { scope }), live }, isStatic))
  fc.assert(
    fc.property(
      fc.array(target, { minLength: 1, maxLength: 4 }),
      fc.array(query, { maxLength: 4 }),
      (targets, queries) => {
        const written = () => targets
        const rule = compileRule('paid', written, () => undefined)
        const copy = compileRule('paid', written, () => undefined)
        const resolved = compileRule('paid', written, () => undefined).resolve({})
        const matchOf = createMatcher(resolved, any)
        const explanations = explainEvent({ event: 'paid', metadata: {}, rule, copy }, queries, tools)
        queries.forEach((one, index) => {
          const match = matchOf(one)
          const explanation = explanations[index]
          // What a flush does; see flush.ts and ledger.ts.
          const isOff = liveModeOf(one) === 'off'
          const fetched = isHit(match) && !isOff && !one.isStatic?.()
          expect(explanation?.outcome === 'matches').toBe(fetched)
          expect(explanation?.outcome === 'skipped').toBe(match === 'skipped' && !isOff)
          expect(explanation?.outcome === 'unmatched').toBe(match === undefined)
          // The named target alone explains it.
          const alone = explanation?.target && createMatcher([explanation.target], any)(one)
          expect(isHit(alone)).toBe(isHit(match))
          if (explanation?.outcome === 'skipped') expect(explanation.reason).toMatch(/^[\w.]+: .+ is not .+$/s)
        })
      },
    ),
    { numRuns: 2_000 },
  )
})
