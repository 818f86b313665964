import { afterEach, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import type { PartylineErrorCode } from '../util/errors.js'
import type { Metadata } from '../wire/protocol.js'
import { type CompiledRule, compileRule } from './rule.js'
import { EVERYTHING, type QueryKey } from './target.js'

interface Complaint {
  readonly code: PartylineErrorCode
  readonly message: string
  readonly detail?: Record<string, unknown> | undefined
  readonly cause?: unknown
}

/** Compiles a rule of the event `paid`; what it complains of is collected. */
function compile(rule: unknown): CompiledRule & { readonly complaints: Complaint[] } {
  const complaints: Complaint[] = []
  const compiled = compileRule('paid', rule, (code, message, options) => complaints.push({ code, message, ...options }))
  return { ...compiled, complaints }
}

const paid: Metadata = { id: '7', amount: 3 }
const failure = new Error('no luck')
const fail = (): never => {
  throw failure
}
const failOddly = (): never => {
  throw 'a string'
}

/** A schema of another house than zod; all that counts is the `~standard` field. */
const schemaOf = (validate: (value: unknown) => unknown) => ({ '~standard': { version: 1, vendor: 'test', validate } })

describe('a static rule', () => {
  it('says the same of every event', () => {
    const rule = compile(['loans', { queryKey: ['tx'], scope: { type: 'card' } }])
    const targets = [{ queryKey: ['loans'] }, { queryKey: ['tx'], scope: { type: 'card' } }]
    expect(rule.resolve(paid)).toEqual(targets)
    expect(rule.resolve(null)).toEqual(targets)
    expect(rule.reach()).toEqual(targets)
    expect(rule.parse).toBeUndefined()
    expect(rule.complaints).toEqual([])
  })

  it('may make nothing stale', () => {
    const rule = compile([])
    expect(rule.resolve(paid)).toEqual([])
    expect(rule.reach()).toEqual([])
    expect(rule.complaints).toEqual([])
  })

  it.each<[what: string, rule: unknown]>([
    ['a number', 7],
    ['undefined', undefined],
    ['null', null],
    ['the empty string', ''],
    ['a schema without targets', z.object({ id: z.string() })],
    ['a list of a schema and a function', [z.object({ id: z.string() }), () => ['loans']]],
    ['touches without targets', { touches: ['loans'] }],
    ['a field that targets do not have', { queryKey: ['loans'], exact: true }],
  ])('that has an invalid target is reported at once, by its event: %s', (_what, invalid) => {
    const { complaints, resolve } = compile(invalid)
    expect(complaints).toEqual([
      expect.objectContaining({ code: 'bad-target', message: expect.stringContaining("'paid'") }),
    ])
    expect(complaints[0]?.detail).toMatchObject({ event: 'paid' })
    expect(resolve(paid).every(({ queryKey }) => queryKey.length > 0)).toBe(true)
  })

  it.each<[what: string, given: unknown, words: string]>([
    ['a part that is no number', [['balance', Number('x7')]], "gave ['balance',NaN], which is no target: "],
    ['no key', [{ scope: { id: '7' } }], "gave {'scope':{'id':'7'}}, which is no target: "],
    ['a function', [() => 'x'], "gave () => 'x', which is no target: "],
    ['something long', [{ queryKey: 'x'.repeat(500) }], `gave {'queryKey':'${'x'.repeat(107)}..., which`],
    ['nothing', [undefined], 'gave undefined, which is no target: '],
  ])('is told of with the target itself: %s', (_what, given, words) => {
    const rule = compile({ touches: ['balance'], targets: () => given })
    rule.resolve(paid)
    expect(rule.complaints[0]?.message).toContain(words)
  })

  it('keeps what is good in it', () => {
    const rule = compile(['loans', []])
    expect(rule.resolve(paid)).toEqual([{ queryKey: ['loans'] }])
    expect(rule.complaints).toEqual([
      expect.objectContaining({ code: 'bad-target', detail: { event: 'paid', invalid: [[]] } }),
    ])
  })
})

const balance = (m: { id: string }) => [['balance', m.id]]
const codesOf = ({ complaints }: { complaints: Complaint[] }) => complaints.map(({ code }) => code)

describe('a function that says what it touches', () => {
  it('is asked for every event, and reaches just that', () => {
    const rule = compile({ touches: ['balance', ['loans', 'open']], targets: balance })
    expect(rule.resolve(paid)).toEqual([{ queryKey: ['balance', '7'] }])
    expect(rule.resolve({ id: '8' })).toEqual([{ queryKey: ['balance', '8'] }])
    expect(rule.reach()).toEqual([{ queryKey: ['balance'] }, { queryKey: ['loans', 'open'] }])
    expect(rule.parse).toBeUndefined()
    expect(rule.complaints).toEqual([])
  })

  it('is never called without an event: neither before one, nor for its reach, nor for metadata that was none', () => {
    const targets = vi.fn(balance)
    const rule = compile({ touches: ['balance'], targets })
    expect(rule.reach()).toEqual([{ queryKey: ['balance'] }])
    expect(rule.resolve(null)).toEqual([{ queryKey: ['balance'] }])
    expect(targets).not.toHaveBeenCalled()
    rule.resolve(paid)
    expect(targets).toHaveBeenCalledTimes(1)
    expect(rule.complaints).toEqual([])
  })

  it('may have a part of its key unknown: the key counts up to it', () => {
    const rule = compile({ touches: ['balance'], targets: (m: { no?: string }) => [['balance', m.no, 'rows']] })
    expect(rule.resolve(paid)).toEqual([{ queryKey: ['balance'] }])
    expect(rule.complaints).toEqual([])
  })

  it('that leaves it is told of, answered all the same, and reaches that head from then on', () => {
    const rule = compile({
      touches: ['balance'],
      targets: (m: { id: string }) => [
        ['balance', m.id],
        ['cards', m.id],
      ],
    })
    const targets = [{ queryKey: ['balance', '7'] }, { queryKey: ['cards', '7'] }]
    expect(rule.resolve(paid)).toEqual(targets)
    expect(rule.reach()).toEqual([{ queryKey: ['balance'] }, { queryKey: ['cards'] }])
    expect(rule.complaints).toEqual([
      {
        code: 'outside-touches',
        message:
          "the rule of 'paid' gave ['cards','7'], which is outside of its touches. Write touches: ['balance', 'cards']",
        detail: { event: 'paid', metadata: paid, queryKey: ['cards', '7'] },
        cause: undefined,
      },
    ])
    // By now it is inside.
    rule.resolve({ id: '8' })
    expect(rule.complaints).toHaveLength(1)
    expect(rule.resolve(null)).toEqual(rule.reach())
  })

  it.each<[what: string, touches: unknown, target: unknown, widened: QueryKey]>([
    ['in its second part', [['a', 'b']], ['a', 'c', 1], ['a']],
    ['because it is shorter', [['a', 'b']], ['a'], ['a']],
    ['with a scope', ['a'], { queryKey: ['tx', 1], scope: { id: 1 } }, ['tx']],
    ['as a string', ['a'], 'tx', ['tx']],
    ['with a list as its head', [[['a']]], [['tx', 'list'], { input: 1 }], [['tx', 'list']]],
    ['of nothing', [], ['tx', 1], ['tx']],
  ])('may leave it %s', (_what, touches, target, widened) => {
    const rule = compile({ touches, targets: () => [target] })
    rule.resolve(paid)
    expect(codesOf(rule)).toEqual(['outside-touches'])
    expect(rule.reach().at(-1)).toEqual({ queryKey: widened })
  })

  it('is told of as a list too, at once', () => {
    const rule = compile({ touches: ['balance'], targets: ['balance', 'loans'] })
    expect(codesOf(rule)).toEqual(['outside-touches'])
    expect(rule.reach()).toEqual([{ queryKey: ['balance'] }, { queryKey: ['loans'] }])
  })

  it('needs no touches if it is a list', () => {
    const rule = compile({ schema: z.object({ id: z.string() }), targets: ['loans'] })
    expect(rule.reach()).toEqual([{ queryKey: ['loans'] }])
    expect(rule.resolve(paid)).toEqual([{ queryKey: ['loans'] }])
    expect(rule.complaints).toEqual([])
    rule.resolve({})
    expect(codesOf(rule)).toEqual(['bad-metadata'])
  })

  it('that gives a good target outside and a bad one is answered with all of it', () => {
    const rule = compile({ touches: ['balance'], targets: (m: { id: string }) => [['cards', m.id], 7] })
    expect(rule.resolve(paid)).toEqual([{ queryKey: ['balance'] }, { queryKey: ['cards'] }])
    expect(codesOf(rule)).toEqual(['bad-target', 'outside-touches'])
  })

  it.each([
    ['a number', 7],
    ['undefined', undefined],
    ['an empty key', []],
  ])(
    'whose touches hold %s is told of at once, and reaches everything: what was meant is not known',
    (_what, touch) => {
      const rule = compile({ touches: ['balance', touch], targets: balance })
      expect(codesOf(rule)).toEqual(['bad-target'])
      expect(rule.reach()).toEqual([EVERYTHING])
    },
  )

  it('that fails is answered with what it touches', () => {
    const rule = compile({
      touches: ['balance'],
      targets: (m: { account: { id: string } }) => [['balance', m.account.id]],
    })
    expect(rule.resolve(paid)).toEqual([{ queryKey: ['balance'] }])
    expect(codesOf(rule)).toEqual(['rule-failed'])
  })
})

describe('a bare function', () => {
  afterEach(() => vi.unstubAllEnvs())

  it('stands for every query after a gap, and when it is not asked or fails', () => {
    const rule = compile(balance)
    expect(rule.reach()).toEqual([EVERYTHING])
    expect(rule.resolve(null)).toEqual([EVERYTHING])
    expect(rule.complaints).toEqual([])
    expect(rule.resolve(paid)).toEqual([{ queryKey: ['balance', '7'] }])
    expect(rule.reach()).toEqual([EVERYTHING])
  })

  it.each<[what: string, rule: unknown]>([
    ['alone', balance],
    ['behind a schema', { schema: z.object({ id: z.string() }), targets: balance }],
  ])('%s is told so once, with the line to write', (_what, bare) => {
    const rule = compile(bare)
    rule.resolve(paid)
    rule.resolve(paid)
    expect(rule.complaints).toEqual([
      expect.objectContaining({
        code: 'no-touches',
        message: expect.stringContaining("Write { touches: ['balance'], targets: (m) => ... }"),
      }),
    ])
  })

  it('is told nothing in production', () => {
    vi.stubEnv('NODE_ENV', 'production')
    const rule = compile((m: { id: string }) => ['balance', m.id])
    expect(rule.resolve(paid)).toEqual([{ queryKey: ['balance'] }, { queryKey: ['7'] }])
    expect(rule.complaints).toEqual([])
  })
})

describe('a key where a list of targets belongs', () => {
  it('is told once in development, if it holds a value of the metadata', () => {
    const rule = compile({ touches: ['balance', '7'], targets: (m: { id: string }) => ['balance', m.id] })
    expect(rule.resolve(paid)).toEqual([{ queryKey: ['balance'] }, { queryKey: ['7'] }])
    rule.resolve(paid)
    expect(rule.complaints).toEqual([
      expect.objectContaining({ code: 'bad-target', message: expect.stringContaining("[['balance', ...]]") }),
    ])
  })

  it('is all that is told of it, though its parts are outside of what the rule can reach', () => {
    const targets = (m: { id: string }) => ['balance', m.id]
    for (const rule of [compile({ touches: ['balance'], targets }), compile(targets)]) {
      rule.resolve(paid)
      rule.resolve({ id: '8' })
      expect(codesOf(rule)).toEqual(['bad-target'])
      expect(rule.complaints[0]?.message).toContain("gave the targets 'balance' and '7'")
    }
    // What is refetched does not depend on what is told.
    const rule = compile({ touches: ['balance'], targets })
    rule.resolve(paid)
    expect(rule.reach()).toEqual([{ queryKey: ['balance'] }, { queryKey: ['7'] }])
  })

  it('is told also if the value was a number', () => {
    const rule = compile({ touches: ['balance', '3'], targets: (m: { amount: number }) => ['balance', `${m.amount}`] })
    rule.resolve(paid)
    expect(codesOf(rule)).toEqual(['bad-target'])
  })

  it('is certain if it holds a number, and answered with its reach', () => {
    const rule = compile({ touches: ['balance'], targets: (m: { amount: number }) => ['balance', m.amount] })
    expect(rule.resolve(paid)).toEqual([{ queryKey: ['balance'] }])
    expect(rule.complaints).toEqual([
      expect.objectContaining({ code: 'bad-target', message: expect.stringContaining("[['balance', ...]]") }),
    ])
  })

  it.each<[what: string, targets: () => unknown]>([
    ['strings of its own', () => ['loans', 'cards']],
    ['keys', () => [['balance', '7'], '7x']],
    ['one string', () => ['7']],
  ])('is not what a rule with %s gives', (_what, targets) => {
    const rule = compile({ touches: ['loans', 'cards', 'balance', '7', '7x'], targets })
    rule.resolve(paid)
    expect(rule.complaints).toEqual([])
  })
})

it.each(['scop', 'exact', 'refetchType'])('a target with the field %s is told of, and counts without it', (field) => {
  for (const targets of [
    [{ queryKey: ['tx'], [field]: { id: 1 } }],
    () => [{ queryKey: ['tx'], [field]: { id: 1 } }],
  ]) {
    const rule = compile({ touches: ['tx', 'loans'], targets })
    expect(rule.resolve(paid)).toEqual([{ queryKey: ['tx'], scope: undefined }])
    expect(rule.complaints).toEqual([
      expect.objectContaining({ code: 'bad-target', message: expect.stringContaining(`no field '${field}'`) }),
    ])
  }
})

it('the options of a query are a target by their key', () => {
  const rule = compile({ touches: ['tx'], targets: [{ queryKey: ['tx', 1], queryFn: () => 1, staleTime: 5 }] })
  expect(rule.resolve(paid)).toEqual([{ queryKey: ['tx', 1], scope: undefined }])
  expect(rule.complaints).toEqual([])
})

describe('a faulty function', () => {
  it.each<[what: string, rule: (m: { id?: string; amount?: number }) => unknown, code: PartylineErrorCode]>([
    ['throws', (m) => [['balance', m.id], (m.amount as number) > 1 && fail()], 'rule-failed'],
    ['throws what is no error', (m) => [['balance', m.id], (m.amount as number) > 1 && failOddly()], 'rule-failed'],
    [
      'reads a field of what is missing',
      (m) => [['balance', (m as { account: { id: string } }).account.id]],
      'rule-failed',
    ],
    ['gives undefined', () => undefined, 'bad-target'],
    ['gives a number', () => 7, 'bad-target'],
    ['gives a promise', () => Promise.resolve(['balance']), 'bad-target'],
    ['gives an empty key', () => [[]], 'bad-target'],
    ['gives a key of which nothing is known', (m) => [[(m as { no?: string }).no]], 'bad-target'],
    ['gives a good and a bad one', () => ['loans', { scope: { id: 1 } }], 'bad-target'],
  ])('that %s is told of, and answered with its reach', (_what, compute, code) => {
    const rule = compile(compute)
    expect(rule.resolve(paid)).toEqual(rule.reach())
    expect(rule.reach().length).toBeGreaterThan(0)
    expect(rule.complaints).toEqual([expect.objectContaining({ code, message: expect.stringContaining("'paid'") })])
    expect(rule.complaints[0]?.detail).toMatchObject({ event: 'paid', metadata: paid })
  })

  it('hands on what was thrown, and tells it every time', () => {
    const rule = compile(fail)
    rule.resolve(paid)
    rule.resolve(paid)
    expect(rule.complaints).toHaveLength(2)
    expect(rule.complaints[0]).toMatchObject({ cause: failure, message: expect.stringContaining('no luck') })
  })
})

describe('a function behind a schema', () => {
  const schema = z.object({ id: z.coerce.number(), note: z.string().default('none') })
  const compute = (m: z.infer<typeof schema>) => [['balance', m.id, m.note]]

  it('gets the metadata as the schema gives it', () => {
    const rule = compile({ touches: ['balance'], schema, targets: compute })
    expect(rule.resolve(paid)).toEqual([{ queryKey: ['balance', 7, 'none'] }])
    expect(rule.parse?.(paid)).toEqual({ value: { id: 7, note: 'none' } })
    expect(rule.reach()).toEqual([{ queryKey: ['balance'] }])
    expect(rule.complaints).toEqual([])
  })

  it('may have a schema that is a function', () => {
    const callable = Object.assign(
      () => undefined,
      schemaOf(() => ({ value: { id: 1, note: 'x' } })),
    )
    expect(compile({ touches: ['balance'], schema: callable, targets: compute }).resolve(paid)).toEqual([
      { queryKey: ['balance', 1, 'x'] },
    ])
  })

  it.each<[what: string, schema: unknown, code: PartylineErrorCode, says: string]>([
    ['does not fit', z.object({ id: z.number() }), 'bad-metadata', 'number'],
    ['does not fit in two ways', z.object({ id: z.number(), note: z.string() }), 'bad-metadata', '; '],
    [
      'is checked asynchronously',
      z.object({ id: z.string().refine(async () => true) }),
      'bad-metadata',
      'asynchronous',
    ],
    ['is checked by a promise that fails', schemaOf(() => Promise.reject(failure)), 'bad-metadata', 'asynchronous'],
    ['is checked by a schema that throws', schemaOf(fail), 'rule-failed', 'no luck'],
    ['is checked by a schema that gives nothing', schemaOf(() => undefined), 'rule-failed', ''],
  ])('is not asked about metadata that %s: told of, and answered with the reach', (_what, broken, code, says) => {
    const rule = compile({ touches: ['balance'], schema: broken, targets: balance })
    expect(rule.resolve(paid)).toEqual([{ queryKey: ['balance'] }])
    expect(rule.complaints).toEqual([expect.objectContaining({ code, message: expect.stringContaining(says) })])
    expect(rule.complaints[0]?.detail).toMatchObject({ event: 'paid', metadata: paid })
  })

  it.each<[what: string, schema: unknown]>([
    ['does not fit', z.object({ id: z.number() })],
    ['is checked asynchronously', schemaOf(async () => ({ value: {} }))],
    ['is checked by a promise that fails', schemaOf(() => Promise.reject(failure))],
    ['is checked by a schema that throws', schemaOf(fail)],
  ])('has no metadata for handlers when it %s, which resolve has told of', (_what, broken) => {
    const rule = compile({ touches: ['balance'], schema: broken, targets: compute })
    expect(rule.parse).toBeDefined()
    expect(rule.parse?.(paid)).toBeUndefined()
    expect(rule.complaints).toEqual([])
  })

  it('boxes what it parsed, so that a schema may give undefined', () => {
    const schema = schemaOf(() => ({ value: undefined }))
    expect(compile({ touches: ['balance'], schema, targets: compute }).parse?.(paid)).toEqual({ value: undefined })
  })

  it('is asked once for each event, and so is the function', () => {
    const validate = vi.fn((value: unknown) => ({ value }))
    const targets = vi.fn(balance)
    const rule = compile({ touches: ['balance'], schema: schemaOf(validate), targets })
    rule.reach()
    rule.resolve(null)
    expect([validate, targets].map(({ mock }) => mock.calls.length)).toEqual([0, 0])
    for (const metadata of [{ id: '7' }, { id: '8' }]) {
      rule.parse?.(metadata)
      rule.resolve(metadata)
      rule.parse?.(metadata)
    }
    expect([validate, targets].map(({ mock }) => mock.calls.length)).toEqual([2, 2])
  })

  it.each<[what: string, metadata: Metadata | null, keys: QueryKey[]]>([
    ['nothing but its reach', null, [['balance']]],
    ['its keys', paid, [['balance', 7, 'none']]],
  ])('makes stale %s', (_what, metadata, targets) => {
    expect(compile({ touches: ['balance'], schema, targets: compute }).resolve(metadata)).toEqual(
      targets.map((queryKey) => ({ queryKey })),
    )
  })
})

describe('events one after the other with the same targets', () => {
  const targetsOf = (m: { id: unknown }) => [{ queryKey: ['tx'], scope: { id: m.id, type: 'card' } }, ['balance', m.id]]

  it('get the very same list, and others get their own', () => {
    const rule = compile({ touches: ['tx', 'balance'], targets: targetsOf })
    const first = rule.resolve({ id: 1 })
    expect(rule.resolve({ id: 1 })).toBe(first)
    for (const id of [2, 2, '2', null, 1, 3, 4, 5, 6, 7, 7, 7]) {
      expect(rule.resolve({ id })).toEqual(compile({ touches: ['tx', 'balance'], targets: targetsOf }).resolve({ id }))
    }
  })

  it('are found again after a change for each event', () => {
    const rule = compile({ touches: ['tx', 'balance'], targets: targetsOf })
    for (let id = 0; id < 100; id++) rule.resolve({ id })
    const lists = new Set(Array.from({ length: 200 }, () => rule.resolve({ id: 7 })))
    expect(lists.size).toBeLessThan(100)
  })

  it.each<[what: string, targets: (m: { id: number }) => unknown]>([
    [
      'a part that the app changes in place',
      (() => {
        const part = { id: 0, other: undefined }
        return ({ id }) => {
          part.id = id
          return [['tx', part]]
        }
      })(),
    ],
    [
      'a list that the app keeps, changes and copies',
      (() => {
        const list: unknown[][] = []
        return ({ id }) => {
          list.length = 0
          list.push(['tx', id])
          return id > 1 ? [...list] : list
        }
      })(),
    ],
    [
      'a key that the app keeps and changes, and gives another equal one',
      (() => {
        const key: unknown[] = ['tx', 1]
        return ({ id }) => {
          key[1] = id
          return id === 2
            ? [
                ['tx', 1],
                ['tx', id],
              ]
            : [key]
        }
      })(),
    ],
    ['an object in place of a list', ({ id }) => [['tx', id === 1 ? ['a'] : { 0: 'a' }]]],
    ['a date', ({ id }) => [['tx', new Date(id)]]],
    ['a field more', ({ id }) => [['tx', id === 1 ? { a: 1 } : { a: 1, b: 2 }]]],
    ['a field less', ({ id }) => [['tx', id === 1 ? { a: 1, b: 2 } : { a: 1 }]]],
    ['a target more', ({ id }) => (id === 1 ? [['tx']] : [['tx'], ['tx', 2]])],
    ['a target less', ({ id }) => (id === 1 ? [['tx'], ['tx', 2]] : [['tx']])],
    ['a list instead of an object', ({ id }) => [['tx', id === 1 ? [] : {}]]],
  ])('%s is another target', (_what, targets) => {
    const rule = compile({ touches: ['tx'], targets })
    const [one, two] = [1, 2].map((id) => JSON.stringify(rule.resolve({ id })))
    expect(one).not.toBe(two)
  })

  it('may hold themselves', () => {
    const round = (): unknown[] => {
      const key: unknown[] = ['tx']
      key.push(key)
      return [key]
    }
    const rule = compile({ touches: ['tx'], targets: round })
    for (let time = 0; time < 2; time++) expect(rule.resolve(paid)).toHaveLength(1)
    expect(rule.complaints).toEqual([])
  })

  it('that throw later are no fault of the next event', () => {
    let isBroken = false
    const part = {
      get id() {
        if (isBroken) throw new Error('broken')
        return 1
      },
    }
    const rule = compile({ touches: ['tx'], targets: (m: { id: number }) => [['tx', m.id === 1 ? part : m.id]] })
    rule.resolve({ id: 1 })
    isBroken = true
    for (const id of [2, 3, 2]) expect(rule.resolve({ id })).toEqual([{ queryKey: ['tx', id] }])
    expect(rule.complaints).toEqual([])
  })

  it('are complained of each time', () => {
    const rule = compile({ touches: ['tx'], targets: () => [['tx'], 7] })
    for (let time = 0; time < 3; time++) rule.resolve(paid)
    expect(rule.complaints.filter(({ code }) => code === 'bad-target')).toHaveLength(3)
  })
})
