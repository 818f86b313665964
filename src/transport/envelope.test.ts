import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { EnvelopeOption, Metadata } from '../wire/protocol.js'
import { createEnvelopeReader } from './envelope.js'

const FLAT = { on: 'data', event: 'type', metadata: 'payload' }

/** What comes out; undefined when nothing does. */
function open(outer: Metadata | null, option: Omit<EnvelopeOption, 'on'> = FLAT, reserved?: unknown) {
  let told: unknown[] | undefined
  const reader = createEnvelopeReader({ on: 'data', metadata: undefined, ...option })
  const isOpen = reader.open(outer, reserved, (...event) => {
    told = event
  })
  expect(isOpen).toBe(told !== undefined)
  return told
}

describe('an envelope', () => {
  it.each([
    ['a field', FLAT, { type: 'paid', payload: { id: 7 }, action: 'x' }, ['paid', { id: 7 }]],
    ['nothing', FLAT, { type: 'paid' }, ['paid', {}]],
    ['null', FLAT, { type: 'paid', payload: null }, ['paid', {}]],
    ['a bare id', FLAT, { type: 'paid', payload: '7' }, ['paid', { value: '7' }]],
    ['a list', FLAT, { type: 'paid', payload: [1, 2] }, ['paid', { value: [1, 2] }]],
    ['a number as its name', FLAT, { type: 7, payload: {} }, ['7', {}]],
    ['all beside the name', { event: 'type' }, { type: 'paid', action: 'x', id: 7 }, ['paid', { action: 'x', id: 7 }]],
    [
      'deeper fields',
      { event: 'm.type', metadata: 'm.of.it' },
      { m: { type: 'paid', of: { it: { id: 7 } } } },
      ['paid', { id: 7 }],
    ],
    ['all beside a deeper name', { event: 'm.type' }, { of: 'x', m: { type: 'paid', id: 7 } }, ['paid', { id: 7 }]],
    ['several arguments', { event: 'args.0', metadata: 'args.1' }, { args: ['paid', { id: 7 }] }, ['paid', { id: 7 }]],
    [
      'a list of its own',
      { event: 'value.2', metadata: 'value.3' },
      { value: [1, 2, 'paid', { id: 7 }] },
      ['paid', { id: 7 }],
    ],
    ['a list as what is beside', { event: 'args.0' }, { args: ['paid', 7] }, ['paid', { value: ['paid', 7] }]],
  ] as const)('gives %s', (_, option, outer, event) => {
    expect(open(outer, option)?.slice(0, 2)).toEqual(event)
  })

  it.each([
    null,
    {},
    { type: '' },
    { type: null },
    { type: {} },
    { type: ['paid'] },
    { type: true },
    { payload: { type: 'paid' } },
    { value: 'paid' },
    Object.create({ type: 'paid' }),
  ])('without a name gives nothing: %j', (outer) => {
    expect(open(outer)).toBeUndefined()
    expect(open(outer, { event: 'constructor.name' })).toBeUndefined()
    expect(open(outer, { event: '__proto__.type' })).toBeUndefined()
  })

  it('never gives a word of Partyline’s own: a server may relay what a client has named', () => {
    for (const type of ['_line', '_line:auth', '_linear'])
      expect(open({ type, payload: { gap: true } })).toBeUndefined()
  })

  it('has the reserved field beside, inside, or both', () => {
    const own = { origin: 'o' }
    expect(open({ type: 'a', payload: { n: 1 } }, FLAT, { id: 7 })).toEqual(['a', { n: 1 }, { id: 7 }])
    expect(open({ type: 'a', payload: { n: 1, _line: own } })).toEqual(['a', { n: 1 }, own])
    expect(open({ type: 'a', payload: { n: 1, _line: own } }, FLAT, { id: 7 })).toEqual([
      'a',
      { n: 1 },
      { id: 7, ...own },
    ])
    expect(open({ type: 'a', n: 1 }, { event: 'type' }, { id: 7 })).toEqual(['a', { n: 1 }, { id: 7 }])
    expect(open({ m: { type: 'a', _line: own } }, { event: 'm.type' })).toEqual(['a', {}, own])
  })

  it('never changes what has come, and never throws', () => {
    const path = fc.array(
      fc.constantFrom('type', 'payload', 'value', 'args', '0', '1', 'length', '__proto__', '_line'),
      {
        minLength: 1,
        maxLength: 3,
      },
    )
    const option = fc.record({ event: path, metadata: fc.option(path, { nil: undefined }) })
    const fields = fc.dictionary(
      fc.constantFrom('type', 'payload', 'value', 'args', '_line', 'other'),
      fc.jsonValue({ maxDepth: 3 }),
    )
    fc.assert(
      fc.property(option, fields, ({ event, metadata }, outer) => {
        const before = JSON.stringify(outer)
        const told = open(outer, { event: event.join('.'), metadata: metadata?.join('.') })
        expect(JSON.stringify(outer)).toBe(before)
        if (!told) return
        const [name, inner] = told as [string, Metadata]
        expect(name).not.toMatch(/^$|^_line/)
        expect(inner).not.toHaveProperty('_line')
        expect(typeof inner === 'object' && inner !== null && !Array.isArray(inner)).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })
})
