import { describe, expect, it } from 'vitest'
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
    ['a schema without a function', z.object({ id: z.string() })],
    ['a list of a schema without a function', [z.object({ id: z.string() })]],
    ['a list of a schema and targets', [z.object({ id: z.string() }), ['loans']]],
  ])('that has an invalid target is reported at once, by its event: %s', (_what, invalid) => {
    const { complaints, resolve } = compile(invalid)
    expect(complaints).toEqual([
      expect.objectContaining({ code: 'bad-target', message: expect.stringContaining("'paid'") }),
    ])
    expect(complaints[0]?.detail).toMatchObject({ event: 'paid' })
    expect(resolve(paid).every(({ queryKey }) => queryKey.length > 0)).toBe(true)
  })

  it('keeps what is good in it', () => {
    const rule = compile(['loans', []])
    expect(rule.resolve(paid)).toEqual([{ queryKey: ['loans'] }])
    expect(rule.complaints).toEqual([
      expect.objectContaining({ code: 'bad-target', detail: { event: 'paid', invalid: [[]] } }),
    ])
  })
})

describe('a function', () => {
  it('is asked for every event', () => {
    const rule = compile((m: { id: string }) => [['balance', m.id]])
    expect(rule.resolve(paid)).toEqual([{ queryKey: ['balance', '7'] }])
    expect(rule.resolve({ id: '8' })).toEqual([{ queryKey: ['balance', '8'] }])
    expect(rule.reach()).toEqual([{ queryKey: ['balance'] }])
    expect(rule.parse).toBeUndefined()
    expect(rule.complaints).toEqual([])
  })

  it('is not asked about metadata that was none, of which the hub has told already', () => {
    const rule = compile((m: { id: string }) => [['balance', m.id]])
    expect(rule.resolve(null)).toEqual([{ queryKey: ['balance'] }])
    expect(rule.complaints).toEqual([])
  })

  it('computes again what it reaches, since it may close over something that changes', () => {
    let section = 'loans'
    const rule = compile(() => [section])
    expect(rule.reach()).toEqual([{ queryKey: ['loans'] }])
    section = 'cards'
    expect(rule.reach()).toEqual([{ queryKey: ['cards'] }])
  })

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
    ['gives a key with undefined in it', (m) => [['balance', (m as { no?: string }).no]], 'bad-target'],
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

  it('reaches its keys only, where that is sure, even if it fails for an event', () => {
    const rule = compile((m: { account: { id: string } }) => [['balance', m.account.id]])
    expect(rule.resolve(paid)).toEqual([{ queryKey: ['balance'] }])
    expect(rule.complaints).toEqual([expect.objectContaining({ code: 'rule-failed' })])
  })
})

describe('a function behind a schema', () => {
  const schema = z.object({ id: z.coerce.number(), note: z.string().default('none') })
  const compute = (m: z.infer<typeof schema>) => [['balance', m.id, m.note]]

  it('gets the metadata as the schema gives it', () => {
    const rule = compile([schema, compute])
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
    expect(compile([callable, compute]).resolve(paid)).toEqual([{ queryKey: ['balance', 1, 'x'] }])
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
    const rule = compile([broken, (m: { id: string }) => [['balance', m.id]]])
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
    const rule = compile([broken, compute])
    expect(rule.parse).toBeDefined()
    expect(rule.parse?.(paid)).toBeUndefined()
    expect(rule.complaints).toEqual([])
  })

  it('boxes what it parsed, so that a schema may give undefined', () => {
    expect(compile([schemaOf(() => ({ value: undefined })), compute]).parse?.(paid)).toEqual({ value: undefined })
  })

  it('is answered with everything when it can not be told what it reaches', () => {
    const branching = (m: { id: string }) => (m.id === '7' ? ['loans'] : ['cards'])
    expect(compile([z.object({ id: z.number() }), branching]).resolve(paid)).toEqual([EVERYTHING])
  })

  it.each<[what: string, metadata: Metadata | null, keys: QueryKey[]]>([
    ['nothing but its reach', null, [['balance']]],
    ['its keys', paid, [['balance', 7, 'none']]],
  ])('makes stale %s', (_what, metadata, targets) => {
    expect(compile([schema, compute]).resolve(metadata)).toEqual(targets.map((queryKey) => ({ queryKey })))
  })
})
