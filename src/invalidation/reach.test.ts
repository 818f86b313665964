import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { reachOf } from './reach.js'
import { EVERYTHING, invalidTargetsIn, normalize, type QueryKey, startsWith } from './target.js'

/** Metadata for these tests; a rule's own type is of no interest here. */
interface Metadata {
  readonly id: string
  readonly type: string
  readonly ids: readonly string[]
  readonly account: { readonly id: string; readonly kind: string }
  readonly rows: readonly { readonly id: string; readonly kind: string }[]
}

type Resolver = (m: Metadata) => unknown

const keys = { balance: (id: string) => ['balance', id] as const }
const lookUp: Record<string, string[]> = { card: ['cards'] }

describe('a function that goes straight on reaches its keys as far as they are plain strings', () => {
  it.each<[what: string, rule: Resolver, reach: QueryKey[]]>([
    ['constants only', () => ['loans', ['summary', 'of', 'all']], [['loans'], ['summary', 'of', 'all']]],
    [
      'a constant that is no string',
      () => [
        ['summary', 1, 'x'],
        ['tx', { page: 1 }],
      ],
      [['summary'], ['tx']],
    ],
    ['one string', () => 'loans', [['loans']]],
    ['no targets', () => [], []],
    ['a field', (m) => [['balance', m.id]], [['balance']]],
    ['a field with more behind it', (m) => [['balance', m.id, 'details']], [['balance']]],
    ['a field behind constants', (m) => [['account', 'balance', m.id]], [['account', 'balance']]],
    ['a scope', (m) => [{ queryKey: ['tx'], scope: { id: m.id, type: m.type } }], [['tx']]],
    ['a field in key and scope', (m) => [{ queryKey: ['tx', m.id], scope: { type: m.type } }], [['tx']]],
    ['a field twice', (m) => [['balance', m.id, m.id]], [['balance']]],
    ['a key factory', (m) => [keys.balance(m.id)], [['balance']]],
    ['a template string', (m) => [['balance', `account-${m.id}`]], [['balance']]],
    ['a concatenation', (m) => [['balance', m.type + m.id]], [['balance']]],
    ['String()', (m) => [['balance', String(m.id)]], [['balance']]],
    ['toString()', (m) => [['balance', m.id.toString()]], [['balance']]],
    ['JSON.stringify()', (m) => [['balance', JSON.stringify(m)]], [['balance']]],
    ['a string that is worked on', (m) => [['balance', encodeURIComponent(`${m.id}`.toUpperCase())]], [['balance']]],
    ['a field in an object', (m) => [['tx', { page: 1, id: m.id }]], [['tx']]],
    ['a field deep in an object', (m) => [['tx', { filter: [{ id: m.id }] }, 'more']], [['tx']]],
    ['a nested field', (m) => [['balance', m.account.id]], [['balance']]],
    ['two nested fields', (m) => [['balance', m.account.id, m.account.kind]], [['balance']]],
    ['optional chaining', (m) => [['balance', m.account?.id]], [['balance']]],
    ['a look-up inside a key', ({ type }) => [['tx', { of: lookUp[type], type }]], [['tx']]],
    ['a membership inside a key', ({ type }) => [['tx', ['card'].includes(type), type]], [['tx']]],
    ['the metadata itself', (m) => [['balance', m]], [['balance']]],
    ['the length of a list', (m) => [['tx', m.ids.length]], [['tx']]],
    ['a list', (m) => [['tx', m.ids]], [['tx']]],
    ['a list mapped to keys', (m) => m.ids.map((id) => ['balance', id]), [['balance']]],
    ['a list mapped inside a list', (m) => ['tx', ...m.ids.map((id) => ['balance', id])], [['tx'], ['balance']]],
    ['a list of objects mapped', (m) => m.rows.map((row) => ['tx', row.kind, row.id]), [['tx']]],
    ['a list mapped inside a key', (m) => [['tx', m.ids.map((id) => `tx-${id}`)]], [['tx']]],
    ['a list spread in a key', (m) => [['tx', ...m.ids.map((id) => id), 'end']], [['tx']]],
    [
      'destructuring',
      ({ id, type }) => [
        ['balance', id],
        ['tx', type],
      ],
      [['balance'], ['tx']],
    ],
    ['deep destructuring', ({ account: { id, kind } }) => [['balance', id, kind]], [['balance']]],
    ['destructuring with a default', ({ type = 'card' }) => [['tx', type]], [['tx']]],
    [
      'a function with a body',
      function rule(m) {
        const key = ['balance', m.id]
        return [key]
      },
      [['balance']],
    ],
  ])('%s', (_what, rule, reach) => {
    expect(reachOf(rule)).toEqual(reach.map((queryKey) => ({ queryKey })))
  })
})

it('sees through a minifier, which writes true as !0', () => {
  const rule = new Function('return m=>[{queryKey:["tx",!0],scope:{id:m.account?.id,open:!1}}]')() as Resolver
  expect(reachOf(rule)).toEqual([{ queryKey: ['tx'] }])
})

describe('whatever else a function does, it may reach everything', () => {
  const helper = (type: string): unknown => (type === 'card' ? [['cards', type]] : [['tx']])

  it.each<[what: string, rule: Resolver]>([
    ['a branch by a value', (m) => (m.type === 'card' ? [['cards', m.id]] : [['tx', m.id]])],
    ['a branch by a value that is in the result', (m) => (m.type === 'card' ? [['cards', m.type]] : [['tx', m.type]])],
    ['a branch by truth', (m) => (m.id ? [['balance', m.id]] : ['balances'])],
    [
      'a branch by if',
      (m) => {
        if (m.type === 'card') return ['cards']
        return ['tx']
      },
    ],
    [
      'a branch by switch',
      (m) => {
        switch (m.type) {
          case 'card':
            return ['cards']
          default:
            return ['tx']
        }
      },
    ],
    ['a branch in a list', (m) => ['tx', ...(m.type === 'card' ? ['cards'] : [])]],
    ['a branch after destructuring', ({ type }) => (type === 'card' ? [['cards', type]] : [['tx', type]])],
    ['a branch after destructuring, by truth', ({ id }) => (id ? [['balance', id]] : ['balances'])],
    [
      'a branch on an optional target',
      ({ id, type }) => [{ queryKey: ['tx'], scope: { id, type } }, ...(type === 'card' ? [['cards', id]] : [])],
    ],
    [
      'a branch that another field, used twice, would cover',
      ({ id, type }) => [['balance', id], ['summary', id], [type === 'card' ? 'cards' : 'tx']],
    ],
    ['a branch by &&', ({ id }) => [['balance', id], ...((id && ['cards']) || ['tx'])]],
    ['a branch on the item of a list', (m) => m.ids.map((id) => (id === 'x' ? ['cards', id] : ['tx', id]))],
    [
      'a comparison',
      ({ id }) => [
        ['balance', id],
        ['small', { is: id < '5' }],
      ],
    ],
    [
      'a negation',
      ({ id }) => [
        ['balance', id],
        ['none', !id],
      ],
    ],
    [
      'a number made of a field',
      ({ id }) => [
        ['balance', id],
        ['page', { page: Number(id) }],
      ],
    ],
    [
      'a calculation',
      ({ id }) => [
        ['balance', id],
        ['page', { page: Math.floor((id as unknown as number) / 10) }],
      ],
    ],
    [
      'a try',
      ({ ids }) => {
        try {
          return [...ids]
        } catch {
          return [['balance', ids]]
        }
      },
    ],
    [
      'a loop over a number',
      ({ id }) => {
        const keys = [['tx', id]]
        for (let n = 0; n < id.length; n++) keys.push(['p'])
        return keys
      },
    ],
    [
      'a loop over a list',
      (m) => {
        const keys = []
        for (const id of m.ids) keys.push(['balance', id])
        return keys
      },
    ],
    ['a look-up', (m) => [lookUp[m.type]]],
    ['a look-up with a default', ({ type }) => [[lookUp[type] ?? 'tx', type]]],
    ['a helper that branches by a field of the metadata', (m) => helper(m.type)],
    ['a helper that works with the whole metadata', ((m) => ((inner: Metadata) => Object.keys(inner))(m)) as Resolver],
    [
      'a field that is read for nothing',
      (m) => {
        void m.type
        return ['tx']
      },
    ],
    ['a list mapped without its items', (m) => m.ids.map(() => 'tx')],
    ['another method of a list', (m) => m.ids.filter((id) => id).map((id) => ['balance', id])],
    ['a method of a string', (m) => [['balance', m.id.slice(0, 2)]]],
    ['a spread of the metadata', (m) => [['tx', { ...m }]]],
    ['a rest of the metadata', ({ id, ...rest }) => [['tx', id, rest]]],
    ['a spread of a list', (m) => [['tx', ...m.ids]]],
    ['a question for a field', (m) => [['tx', 'type' in m]]],
    ['a question for an own field', (m) => [['tx', Object.hasOwn(m, 'type')]]],
    [
      'a question for the type',
      ({ id }) => [
        ['balance', id],
        ['t', typeof id],
      ],
    ],
    [
      'a change of the metadata',
      (m) => {
        Object.assign(m, { id: 1 })
        return ['tx']
      },
    ],
    ['a key that is all wildcard', (m) => [[m.type, 'list']]],
    ['a key that comes from the metadata', (m) => m.ids],
    ['a key that begins with a template', (m) => [[`${m.type}-list`]]],
    [
      'an exception',
      () => {
        throw new Error('no')
      },
    ],
    [
      'an exception that is no error',
      () => {
        throw null
      },
    ],
    [
      'an endless recursion',
      function rule(m): unknown {
        return rule(m)
      },
    ],
    [
      'a result that holds itself',
      () => {
        const key: unknown[] = ['loop']
        key.push(key)
        return [key]
      },
    ],
    ['a promise', () => Promise.resolve(['tx'])],
    ['an invalid target', () => 7],
    ['one invalid target', () => ['tx', []]],
    ['a function whose source can not be read', ((m: Metadata) => [['balance', m.id]]).bind(null)],
  ])('%s', (_what, rule) => {
    expect(reachOf(rule)).toEqual([EVERYTHING])
  })
})

/**
 * Rules as source text: straight ones and all kinds of detours, with `$a` for a field, however the rule gets at it. A rule
 * may do with its fields what it likes; the reach has to cover the outcome for every metadata.
 */
describe('the reach covers whatever a rule gives, whatever the metadata', () => {
  const field = fc.constantFrom('$a', '$b', '$p')
  const constant = fc.constantFrom(`'k'`, '1', 'true', 'null', '{}')
  const { part } = fc.letrec<{ part: string }>((tie) => ({
    part: fc.oneof(
      { maxDepth: 2 },
      { weight: 4, arbitrary: constant },
      { weight: 6, arbitrary: field },
      { weight: 2, arbitrary: field.map((f) => `\`x-\${${f}}\``) },
      { weight: 1, arbitrary: field.map((f) => `String(${f})`) },
      { weight: 1, arbitrary: field.map((f) => `Number(${f})`) },
      { weight: 1, arbitrary: field.map((f) => `JSON.stringify(${f})`) },
      { weight: 1, arbitrary: field.map((f) => `encodeURIComponent(${f})`) },
      { weight: 1, arbitrary: fc.tuple(field, field).map(([f, g]) => `${f} + ${g}`) },
      { weight: 1, arbitrary: fc.tuple(field, constant).map(([f, c]) => `${f} > ${c}`) },
      { weight: 1, arbitrary: fc.tuple(field, constant).map(([f, c]) => `${f} === ${c}`) },
      { weight: 1, arbitrary: field.map((f) => `!${f}`) },
      { weight: 1, arbitrary: fc.tuple(field, constant).map(([f, c]) => `${f} ?? ${c}`) },
      { weight: 1, arbitrary: fc.tuple(field, tie('part'), tie('part')).map(([f, x, y]) => `(${f} ? ${x} : ${y})`) },
      { weight: 1, arbitrary: fc.tuple(field, field).map(([f, g]) => `({ k: 'of k', 1: ${f} })[${g}]`) },
      { weight: 2, arbitrary: tie('part').map((inner) => `[${inner}]`) },
      { weight: 2, arbitrary: fc.tuple(tie('part'), tie('part')).map(([x, y]) => `{ f: ${x}, g: ${y} }`) },
      { weight: 1, arbitrary: tie('part').map((inner) => `$list.map((i) => [i, ${inner}])`) },
    ),
  }))
  const head = fc.constantFrom(`'loans'`, `'balance'`)
  const key = fc
    .tuple(head, fc.array(part, { maxLength: 3 }))
    .map(([first, rest]) => `[${[first, ...rest].join(', ')}]`)
  const target = fc.oneof(
    { weight: 6, arbitrary: key },
    { weight: 2, arbitrary: fc.tuple(key, field).map(([k, f]) => `{ queryKey: ${k}, scope: { f: ${f} } }`) },
    { weight: 1, arbitrary: head },
    { weight: 1, arbitrary: fc.tuple(key, part).map(([k, x]) => `...$list.map((i) => [...${k}, i, ${x}])`) },
    { weight: 1, arbitrary: fc.tuple(field, key, key).map(([f, k, l]) => `(${f} ? ${k} : ${l})`) },
    { weight: 1, arbitrary: fc.tuple(field, key).map(([f, k]) => `...(${f} === 'k' ? [${k}] : [])`) },
    { weight: 1, arbitrary: fc.tuple(field, key).map(([f, k]) => `...(${f} && [${k}] || [])`) },
  )
  const body = fc.array(target, { minLength: 1, maxLength: 3 }).map((list) => `[${list.join(', ')}]`)

  /** `m.a`, or `a` taken out of the metadata before. */
  const source = fc.tuple(body, fc.boolean()).map(([text, destructured]) => {
    if (!destructured) return `(m) => ${text.replaceAll('$p', '$deep.p').replaceAll(/\$(\w)/g, 'm.$1')}`
    const used = ['a', 'b', 'list'].filter((name) => text.includes(`$${name}`))
    if (text.includes('$p')) used.push('deep: { p }')
    return `({ ${used.join(', ')} }) => ${text.replaceAll(/\$(\w)/g, '$1')}`
  })

  const value = fc.constantFrom<unknown>('k', 'x', '', 1, 0, true, false, null, undefined)
  const metadata = fc.record({
    a: value,
    b: value,
    list: fc.array(value, { maxLength: 2 }),
    deep: fc.record({ p: value }),
  })

  it('holds for rules of many shapes', () => {
    let narrow = 0
    fc.assert(
      fc.property(source, fc.array(metadata, { minLength: 10, maxLength: 10 }), (text, samples) => {
        const rule = new Function(`return ${text}`)() as (m: unknown) => unknown
        const reach = reachOf(rule)
        if (reach[0] !== EVERYTHING) narrow++
        for (const sample of samples) {
          let result: unknown
          try {
            result = rule(sample)
          } catch {
            continue
          }
          const [targets, invalid] = [normalize(result), invalidTargetsIn(result)]
          // Nonsense is answered with the reach itself.
          if (invalid.length > 0) continue
          for (const { queryKey } of targets) {
            const covered = reach.some((prefix) => startsWith(queryKey, prefix.queryKey))
            if (!covered) expect.fail(`${text} gives ${JSON.stringify(queryKey)}, out of ${JSON.stringify(reach)}`)
          }
        }
      }),
      { numRuns: 3_000 },
    )
    // The property would be empty if everything were the usual answer.
    expect(narrow).toBeGreaterThan(300)
  })
})
