import { expect, it, vi } from 'vitest'
import { deliverEvent, deliverWalkedEvent } from './metadata.js'

function deliver(raw: unknown, { name = 'changed', by = deliverEvent } = {}) {
  const onEvent = vi.fn()
  by({ onEvent }, name, raw)
  expect(onEvent).toHaveBeenCalledOnce()
  return onEvent.mock.calls[0]?.slice(1)
}

it('hands on objects, takes absent metadata for empty, and anything else for none', () => {
  const metadata = { id: 1, list: [{ n: 1 }] }
  expect(deliver(metadata)).toEqual([metadata])
  for (const absent of [undefined, null]) expect(deliver(absent)).toEqual([{}])
  for (const other of ['text', 7, ['list'], true]) expect(deliver(other)).toEqual([null])
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
