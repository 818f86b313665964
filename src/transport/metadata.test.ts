import fc from 'fast-check'
import { expect, it, vi } from 'vitest'
import { deliverEvent, deliverWalkedEvent } from './metadata.js'

function deliver(raw: unknown, { name = 'changed', by = deliverEvent } = {}) {
  const onEvent = vi.fn()
  by({ onEvent }, name, raw)
  expect(onEvent).toHaveBeenCalledOnce()
  return onEvent.mock.calls[0]?.slice(1)
}

it('hands on objects as they are, takes absent metadata for empty, and puts anything else into an object', () => {
  const metadata = { id: 1, list: [{ n: 1 }] }
  expect(deliver(metadata)?.[0]).toBe(metadata)
  for (const absent of [undefined, null]) expect(deliver(absent)).toEqual([{}])
  for (const value of ['text', '', 7, 0, ['list', { _line: 1 }], true, false]) {
    expect(deliver(value)).toEqual([{ value }])
    expect(deliver(value, { by: deliverWalkedEvent })).toEqual([{ value }])
  }
})

it('takes the reserved field off, and keeps it where the rest can’t be used', () => {
  const reserved = { id: 7 }
  expect(deliver({ n: 1, _line: reserved })).toEqual([{ n: 1 }, reserved])
  expect(deliver({ n: 1, _line: 'nonsense' })).toEqual([{ n: 1 }, 'nonsense'])
  expect(deliver({ file: new ArrayBuffer(8), _line: reserved })).toEqual([null, reserved])
})

it('does not walk what the transport has walked, nor a server message', () => {
  const metadata = { file: new ArrayBuffer(8) }
  expect(deliver(metadata)).toEqual([null])
  expect(deliver(metadata, { by: deliverWalkedEvent })).toEqual([metadata])
  expect(deliver(metadata, { name: '_line' })).toEqual([metadata])
})

it('what JSON would refuse, drop or change is unknown, wherever it is', () => {
  const odd = [
    1n,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Symbol('x'),
    () => 1,
    new Date(0),
    new Map(),
    new Uint8Array(1),
  ]
  for (const one of odd)
    for (const raw of [one, [one], { one }, { deep: [{ one }] }, { args: ['x', one] }])
      expect(deliver(raw)).toEqual([null])
})

it('whatever is sent: never throws, and what is handed on crosses as JSON unchanged', () => {
  const payload = fc.anything({
    withBigInt: true,
    withDate: true,
    withTypedArray: true,
    withMap: true,
    withNullPrototype: true,
  })
  fc.assert(
    fc.property(fc.oneof(payload, fc.jsonValue()), (raw) => {
      const [metadata] = deliver(raw) as [unknown]
      if (metadata === null) return
      const crossed: unknown = JSON.parse(JSON.stringify(metadata))
      // Undefined is left out of an object, and null in a list.
      expect(withoutUndefined(crossed)).toEqual(withoutUndefined(metadata))
    }),
    { numRuns: 2_000 },
  )
})

it('whatever JSON is sent: it is handed on, whole', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (raw) => {
      const isObject = typeof raw === 'object' && raw !== null && !Array.isArray(raw)
      fc.pre(!(isObject && '_line' in raw))
      const value = JSON.parse(JSON.stringify(raw))
      expect(deliver(value)).toEqual([raw === null ? {} : isObject ? value : { value }])
    }),
  )
})

const withoutUndefined = (value: unknown): unknown =>
  Array.isArray(value)
    ? Array.from(value, (one) => withoutUndefined(one) ?? null)
    : typeof value === 'object' && value !== null
      ? Object.fromEntries(
          Object.entries(value)
            .filter(([, inner]) => inner !== undefined)
            .map(([field, inner]) => [field, withoutUndefined(inner)]),
        )
      : value === undefined
        ? null
        : Object.is(value, -0)
          ? 0
          : value
