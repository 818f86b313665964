import { describe, expect, it } from 'vitest'
import { contradicts } from './matcher.js'
import type { QueryKey, Scope } from './target.js'

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
    ['another case', [{ type: 'Card' }], { type: 'card' }],
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
    ['an own field of an instance', [Object.assign(new Map(), { id: 1 })], { id: 2 }],
  ])('skipped: %s', (_what, rest, scope) => {
    expect(contradicts(['transactions', ...rest], 1, undefined, scope)).toBe(true)
  })

  it.each<[what: string, key: QueryKey, scope: Scope]>([
    ['nothing after the prefix', [], { type: 'card' }],
    ['an object that does not name the field', [{ page: 2 }], { type: 'card' }],
    ['the same value', [{ type: 'card' }], { type: 'card' }],
    ['a number for a string', [{ id: 1 }], { id: '1' }],
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
    ['an object inside an object', [{ filter: { type: 'transfer' } }], { type: 'card' }],
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
