import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anyNames, contradicts as contradictsQuery, DEFAULT_ANY_VALUES } from './scope.js'
import type { QueryKey, Scope } from './target.js'

const any = anyNames(DEFAULT_ANY_VALUES)
const contradicts = (queryKey: QueryKey, prefixLength: number, metaScope: unknown, scope: Scope) =>
  contradictsQuery({ queryKey, meta: { scope: metaScope } }, prefixLength, scope, any)

/** An object with an own field of that name, as `JSON.parse` makes it. */
const parsed = (json: string): Record<string, unknown> => JSON.parse(json) as Record<string, unknown>

describe('a query is skipped only if it names one of the fields with another value', () => {
  it.each<[what: string, key: QueryKey, scope: Scope]>([
    ['another string', [{ type: 'transfer' }], { type: 'card' }],
    ['another number', [{ page: 2 }], { page: 1 }],
    ['another boolean', [{ open: false }], { open: true }],
    ['another bigint', [{ id: 2n }], { id: 1n }],
    ['a number where the scope has another string', [{ id: 2 }], { id: '1' }],
    ['zero, which is a value', [{ id: 0 }], { id: 1 }],
    ['false, which is a value', [{ open: false }], { open: 'true' }],
    ['one field of several', [{ accountId: 1, type: 'transfer' }], { accountId: 1, type: 'card' }],
    ['a list without the value', [{ type: ['transfer', 'fee'] }], { type: 'card' }],
    ['a value that is not in the list of the scope', [{ type: 'fee' }], { type: ['card', 'transfer'] }],
    ['a list that shares nothing with the list of the scope', [{ id: [1, 2] }], { id: [3, 4] }],
    ['the second of several objects', [{ page: 1 }, 'x', { type: 'transfer' }], { type: 'card' }],
    ['an object after a part that is no object', ['x', 7, null, { type: 'transfer' }], { type: 'card' }],
    ['one object agrees and another one does not', [{ type: 'card' }, { type: 'transfer' }], { type: 'card' }],
    ['a field with the name of an inherited one', [{ constructor: 'a' }], { constructor: 'b' }],
    ['an own __proto__', [parsed('{"__proto__":"a"}')], parsed('{"__proto__":"b"}')],
    ['an own field of an object without a prototype', [Object.assign(Object.create(null), { id: 1 })], { id: 2 }],
    ['a comma list without the value', [{ id: '2,3' }], { id: 1 }],
    ['a list of comma lists without the value', [{ id: ['2,3', '4'] }], { id: 1 }],
    ['one number after another', [{ id: '1.5' }], { id: 1 }],
    ['two long numbers', [{ id: '12345678901234567890' }], { id: '12345678901234567891' }],
    ['a value that only begins like "any"', [{ type: 'anything' }], { type: 'card' }],
    ['a nested field', [{ filter: { type: 'transfer' } }], { filter: { type: 'card' } }],
    [
      'a nested field in the input of an envelope',
      [{ input: { type: 'fee' }, type: 'query' }],
      { input: { type: 'card' } },
    ],
    ['a field two levels down', [{ params: { path: { id: 2 } } }], { params: { path: { id: 1 } } }],
    ['the input itself', [{ input: 8, type: 'query' }], { input: '7' }],
    ['a text field with the name of an envelope’s', [{ query: 'rent', type: 'fee' }], { type: 'card' }],
  ])('skipped: %s', (_what, rest, scope) => {
    expect(contradicts(['transactions', ...rest], 1, undefined, scope)).toBe(true)
  })

  it.each<[what: string, key: QueryKey, scope: Scope]>([
    ['nothing after the prefix', [], { type: 'card' }],
    ['an object that does not name the field', [{ page: 2 }], { type: 'card' }],
    ['the same value', [{ type: 'card' }], { type: 'card' }],
    ['a number for a string', [{ id: 1 }], { id: '1' }],
    ['a number with zeros', [{ id: '007' }, { amount: '1.0' }], { id: 7, amount: 1 }],
    ['a number for a boolean', [{ open: 1 }, { archived: '0' }], { open: true, archived: false }],
    ['another case', [{ id: 'A0EE-BC99' }], { id: 'a0ee-bc99' }],
    ['spaces around a value', [{ type: ' card ' }], { type: 'card' }],
    ["'all': in doubt", [{ type: 'all' }], { type: 'card' }],
    ["'ALL': in doubt", [{ type: 'ALL' }], { type: 'card' }],
    ["'*': in doubt", [{ type: '*' }], { type: 'card' }],
    ["'any': in doubt", [{ type: 'any' }], { type: 'card' }],
    ["a list with 'all' in it: in doubt", [{ type: ['transfer', 'all'] }], { type: 'card' }],
    ["'all' in the scope: the event concerns all", [{ type: 'transfer' }], { type: 'all' }],
    ['a negation: in doubt', [{ type: '!transfer' }], { type: 'card' }],
    ['a negation in a comma list: in doubt', [{ type: 'fee,!card' }], { type: 'transfer' }],
    ['a comma list with the value', [{ id: '1, 2,3' }], { id: 2 }],
    ['a comma list with a hole: in doubt', [{ id: '1,,3' }], { id: 2 }],
    ['a comma list in the scope', [{ type: 'card' }], { type: 'fee,card' }],
    ['a text with a comma', [{ name: 'Smith, J' }], { name: 'Smith, J' }],
    ['a Set: in doubt', [{ type: new Set(['transfer']) }], { type: 'card' }],
    ['a list with undefined in the scope: in doubt', [{ id: 3 }], { id: [1, undefined] }],
    ['an own field of an instance', [Object.assign(new Map(), { id: 1 })], { id: 2 }],
    [
      'an own field of an instance of a class',
      [
        new (class Page {
          id = 1
        })(),
      ],
      { id: 2 },
    ],
    ['the envelope of tRPC', [{ input: { accountId: 7 }, type: 'query' }], { type: 'card' }],
    ['the envelope of tRPC around a bare input', [{ input: 7, type: 'infinite' }], { type: 'card' }],
    ['the envelope of tRPC without an input', [{ type: 'query' }], { type: 'card' }],
    ['an envelope with a query', [{ _id: 'list', query: { page: 1 } }], { _id: 'other' }],
    ['a nested scope where the object has none', [{ accountId: 8 }], { input: { accountId: 7 } }],
    ['a nested scope where the query says "any"', [{ query: { id: null } }], { query: { id: 7 } }],
    ['a nested scope that an instance has', [{ query: new URLSearchParams('id=8') }], { query: { id: 7 } }],
    ['a string for a number', [{ id: '1' }], { id: 1 }],
    ['a bigint for a number', [{ id: 1n }], { id: 1 }],
    ['a boolean for its name', [{ open: true }], { open: 'true' }],
    ['a field that is undefined in the scope', [{ type: 'transfer' }], { type: undefined }],
    ['a field that is undefined in the key', [{ type: undefined }], { type: 'card' }],
    ['an empty scope', [{ type: 'transfer' }], {}],
    ['null in the key: in doubt', [{ type: null }], { type: 'card' }],
    ['null in the scope: in doubt', [{ type: 'card' }], { type: null }],
    ["'' in the key: in doubt", [{ type: '' }], { type: 'card' }],
    ["'' in the scope: in doubt", [{ type: 'card' }], { type: '' }],
    ['an object in the key: in doubt', [{ type: { not: 'card' } }], { type: 'card' }],
    ['an object in the scope: in doubt', [{ type: 'card' }], { type: { is: 'transfer' } }],
    ['a date: in doubt', [{ day: new Date(0) }], { day: '1999-01-01' }],
    ['a function: in doubt', [{ type: () => 'transfer' }], { type: 'card' }],
    ['a list with the value', [{ type: ['transfer', 'card'] }], { type: 'card' }],
    ['a list with the value as a number', [{ id: [1, 2] }], { id: '2' }],
    ['a value from the list of the scope', [{ type: 'card' }], { type: ['card', 'transfer'] }],
    ['two lists that share a value', [{ id: [1, 2] }], { id: [2, 3] }],
    ['an empty list in the key: in doubt', [{ type: [] }], { type: 'card' }],
    ['an empty list in the scope: in doubt', [{ type: 'card' }], { type: [] }],
    ['a list with null in it: in doubt', [{ type: ['transfer', null] }], { type: 'card' }],
    ["a list with '' in it: in doubt", [{ type: ['transfer', ''] }], { type: 'card' }],
    ['a list with an object in it: in doubt', [{ type: ['transfer', {}] }], { type: 'card' }],
    ['a list of lists: in doubt', [{ type: [['transfer']] }], { type: 'card' }],
    ['a bare value, which names no field', ['transfer'], { type: 'card' }],
    ['a list, which names no field', [['transfer']], { type: 'card', 0: 'card' }],
    ['an object inside a list', [[{ type: 'transfer' }]], { type: 'card' }],
    ['an object inside an object, for a flat scope', [{ filter: { type: 'transfer' } }], { type: 'card' }],
    ['an inherited field of the key', [Object.create({ type: 'transfer' }) as object], { type: 'card' }],
    ['an inherited field of the scope', [{ type: 'transfer' }], Object.create({ type: 'card' }) as Scope],
    ['a field that every object inherits', [{}], { constructor: 'card', toString: 'card', hasOwnProperty: 'card' }],
    ['an own __proto__ in the scope only', [{}], parsed('{"__proto__":"b"}')],
    ['an own __proto__ in the key only', [parsed('{"__proto__":{"type":"transfer"}}')], { type: 'card' }],
  ])('refetched: %s', (_what, rest, scope) => {
    expect(contradicts(['transactions', ...rest], 1, undefined, scope)).toBe(false)
  })

  it('looks only after the prefix: what is in it was matched already', () => {
    const key = ['transactions', { type: 'transfer' }, { page: 1 }]
    expect(contradicts(key, 1, undefined, { type: 'card' })).toBe(true)
    expect(contradicts(key, 2, undefined, { type: 'card' })).toBe(false)
    expect(contradicts(key, 3, undefined, { type: 'card' })).toBe(false)
  })

  it('looks with a nested scope into the prefix too: there an envelope may be', () => {
    const key = [{ _id: 'listTransactions', query: { accountId: '8' } }]
    expect(contradicts(key, 1, undefined, { query: { accountId: '7' } })).toBe(true)
    expect(contradicts(key, 1, undefined, { query: { accountId: '8' } })).toBe(false)
  })

  it('ends at a scope that holds itself', () => {
    const scope: Record<string, unknown> = { id: 1 }
    scope['self'] = scope
    expect(contradicts(['a', { id: 2 }], 1, undefined, scope)).toBe(true)
    expect(contradicts(['a', { id: 1 }], 1, undefined, scope)).toBe(false)
  })

  it('takes the values that the app says for "any"', () => {
    const says = (value: unknown, ...values: unknown[]) =>
      contradictsQuery({ queryKey: ['a', { id: value }] }, 1, { id: 7 }, anyNames(values))
    expect([says(-1), says(-1, -1), says('-1', -1), says(0, '0'), says(false, false)]).toEqual([
      true,
      false,
      false,
      false,
      false,
    ])
    expect([says('all'), says('all', 'none'), says('NONE', 'none')]).toEqual([true, true, false])
    // These are doubt whatever the app says.
    expect([says(null), says('')]).toEqual([false, false])
  })

  it.each<[what: string, metaScope: unknown, skipped: boolean]>([
    ['another value', { type: 'transfer' }, true],
    ['a list without the value', { type: ['transfer'] }, true],
    ['the same value', { type: 'card' }, false],
    ['another field', { page: 1 }, false],
    ['no scope', undefined, false],
    ['null', null, false],
    ['a bare value', 'transfer', false],
    ['a list', [{ type: 'transfer' }], false],
  ])('meta.scope may say it for a query whose key does not: %s', (_what, metaScope, skipped) => {
    expect(contradicts(['transactions'], 1, metaScope, { type: 'card' })).toBe(skipped)
  })

  it('believes the key where meta.scope agrees, and the other way round', () => {
    const transfers = ['transactions', { type: 'transfer' }]
    const cards = ['transactions', { type: 'card' }]
    expect(contradicts(transfers, 1, { type: 'card' }, { type: 'card' })).toBe(true)
    expect(contradicts(cards, 1, { type: 'transfer' }, { type: 'card' })).toBe(true)
  })
})

/** The rule in other words, for values, lists and objects as JSON has them. */
describe('contradicts is the definition', () => {
  const isObject = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
  const own = (object: object, field: string): unknown => Object.getOwnPropertyDescriptor(object, field)?.value

  /** Every text that a value may be written as; undefined in doubt. */
  function textsOf(value: unknown): Set<string> | undefined {
    const texts = new Set<string>()
    for (const one of Array.isArray(value) ? value : [value]) {
      if (!['string', 'number', 'boolean'].includes(typeof one)) return undefined
      for (const member of [String(one), ...String(one).split(',')]) {
        const text = member.trim().toLowerCase()
        if (['', 'all', '*', 'any'].includes(text) || text[0] === '!') return undefined
        texts.add(text === 'true' ? '1' : text === 'false' ? '0' : text)
      }
    }
    return texts.size > 0 ? texts : undefined
  }

  const isEnvelope = (object: Record<string, unknown>) =>
    ['input', 'query', 'params', 'path', 'body'].some((field) => typeof (object[field] ?? 0) === 'object') ||
    ['query', 'infinite'].includes(object['type'] as string)

  /** Whether this object names a field of the scope, at this level or below, with other values. */
  function isAgainst(object: unknown, scope: Record<string, unknown>): boolean {
    if (!isObject(object)) return false
    return Object.keys(scope).some((field) => {
      const [wanted, found] = [scope[field], own(object, field)]
      if (isObject(wanted)) return isAgainst(found, wanted)
      const [some, others] = [textsOf(wanted), textsOf(found)]
      return some !== undefined && others !== undefined && ![...some].some((text) => others.has(text))
    })
  }

  function isContradicted(queryKey: QueryKey, prefixLength: number, metaScope: unknown, scope: Scope): boolean {
    const entries = Object.entries(scope)
    const nested = Object.fromEntries(entries.filter(([, value]) => isObject(value)))
    const inEnvelope = Object.fromEntries(
      entries.filter(([field]) => ['input', 'query', 'params', 'path', 'body'].includes(field)),
    )
    const inKey = queryKey.some((part, index) => {
      if (!isObject(part)) return false
      const counted = isEnvelope(part) ? inEnvelope : scope
      const here =
        index < prefixLength ? Object.entries(counted).filter(([field]) => field in nested) : Object.entries(counted)
      return isAgainst(part, Object.fromEntries(here))
    })
    return inKey || isAgainst(metaScope, scope)
  }

  const text = fc.constantFrom(
    'a',
    'b',
    'A',
    '1',
    '2',
    'true',
    '',
    'all',
    '*',
    'Any',
    '!a',
    'a,b',
    '1, 2',
    'a,',
    'a,all',
    ' a ',
  )
  const scalar = fc.oneof(text, fc.constantFrom<unknown>(1, 2, 0, true, false))
  const value = fc.oneof(
    { weight: 4, arbitrary: scalar },
    fc.constantFrom<unknown>(null, undefined),
    fc.array(scalar, { maxLength: 3 }),
  )
  const field = fc.constantFrom('p', 'q', 'input', 'query', 'type')
  const flat = fc.dictionary(field, value, { maxKeys: 3, noNullPrototype: true })
  const nesting = fc.dictionary(field, fc.oneof(value, flat), { maxKeys: 3, noNullPrototype: true })
  const trpc = fc.record(
    { input: fc.oneof(flat, scalar), type: fc.constantFrom('query', 'infinite') },
    { requiredKeys: ['type'], noNullPrototype: true },
  )
  const object = fc.oneof(flat, nesting, trpc)
  const key = fc.array(fc.oneof({ weight: 4, arbitrary: object }, scalar, fc.array(scalar, { maxLength: 2 })), {
    maxLength: 3,
  })

  it('says of random keys, scopes and envelopes what the slow one says', () => {
    let contradicted = 0
    fc.assert(
      fc.property(key, fc.nat(2), fc.option(object), nesting, (queryKey, most, metaScope, scope) => {
        const prefixLength = Math.min(most, queryKey.length)
        const expected = isContradicted(queryKey, prefixLength, metaScope, scope)
        if (expected) contradicted++
        expect(contradicts(queryKey, prefixLength, metaScope, scope)).toBe(expected)
      }),
      { numRuns: 10_000 },
    )
    expect(contradicted).toBeGreaterThan(300)
  })

  it('is never narrower than texts that have to be equal, letter by letter', () => {
    const exactly = (wanted: unknown, found: unknown) => {
      const lists = [wanted, found].map((one) => (Array.isArray(one) ? one : [one]))
      const [some, others] = lists.map((list) =>
        list.length > 0 && list.every((one) => one !== '' && ['string', 'number', 'boolean'].includes(typeof one))
          ? list.map(String)
          : undefined,
      )
      return some !== undefined && others !== undefined && !some.some((one) => others.includes(one))
    }
    let wider = 0
    fc.assert(
      fc.property(key, fc.nat(2), flat, (queryKey, prefixLength, scope) => {
        const before = queryKey
          .slice(prefixLength)
          .some((part) => isObject(part) && Object.keys(scope).some((name) => exactly(scope[name], own(part, name))))
        const now = contradicts(queryKey, prefixLength, undefined, scope)
        if (now) expect(before).toBe(true)
        else if (before) wider++
      }),
      { numRuns: 10_000 },
    )
    expect(wider).toBeGreaterThan(500)
  })

  it('knows a number by its text', () => {
    const number = fc.oneof(
      fc.double(),
      fc.integer(),
      fc.bigInt(),
      fc.maxSafeInteger(),
      fc.double({ min: -100, max: 100 }),
    )
    fc.assert(
      fc.property(
        number,
        (id) =>
          !contradicts(['a', { id: String(id) }], 1, undefined, { id }) &&
          !contradicts(['a', { id }], 1, undefined, { id: String(id) }),
      ),
      { numRuns: 2_000 },
    )
  })
})
