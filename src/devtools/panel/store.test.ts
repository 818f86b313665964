import { describe, expect, it } from 'vitest'
import type { LineRecord } from '../../inspect/inspection.js'
import type { Receipt } from '../../invalidation/receipt.js'
import { createTimeline } from './store.js'

let n = 0
const record = (fields: Record<string, unknown>) => ({ n: ++n, at: n, from: 'tab', ...fields }) as unknown as LineRecord
const event = (name: string, metadata = {}, isMapped = true) =>
  record({ kind: 'event', event: { name, metadata }, isMapped })
const receipt = (fields: Partial<Receipt>): LineRecord =>
  record({
    kind: 'receipt',
    receipt: {
      cause: 'events',
      at: n,
      answers: [],
      events: [],
      ...{ refetched: [], shared: [], joined: [], deferred: [], skipped: [], covered: [], failed: [] },
      ...fields,
    },
  })

describe('the timeline', () => {
  it('gives an event the receipt that names it, and only as often as it is named', () => {
    const timeline = createTimeline()
    for (const one of [event('a', { id: 1 }), event('a', { id: 2 }), event('a', { id: 1 })]) timeline.add(one)
    timeline.add(receipt({ number: 1, events: [{ name: 'a', metadata: { id: 1 } }] }))
    expect(timeline.entries.map((entry) => entry.receipt?.receipt.number)).toEqual([1, undefined, undefined, 1])
    timeline.add(
      receipt({
        number: 2,
        events: [
          { name: 'a', metadata: { id: 2 } },
          { name: 'a', metadata: { id: 1 } },
        ],
      }),
    )
    expect(timeline.entries.map((entry) => entry.receipt?.receipt.number)).toEqual([1, 2, 2, 1, 2])
  })

  it('gives a receipt the fetches that it began, and the receipts that answer it', () => {
    const timeline = createTimeline()
    timeline.add(receipt({ number: 1, refetched: [['a']], joined: [['b']] }))
    timeline.add(record({ kind: 'fetch', queryKey: ['a'], outcome: 'succeeded', durationMs: 12 }))
    timeline.add(record({ kind: 'fetch', queryKey: ['a'], outcome: 'failed', durationMs: 99 }))
    timeline.add(receipt({ number: 2, cause: 'again', answers: [1], refetched: [['b']] }))
    const first = timeline.entries[0]?.receipt
    expect([...(first?.fetches ?? [])].map(([key, { durationMs }]) => [key, durationMs])).toEqual([["['a']", 12]])
    expect(first?.answeredBy).toEqual([2])
  })

  it('takes each record once, and puts late ones where they belong', () => {
    const timeline = createTimeline()
    const [first, second] = [event('a'), event('b')]
    timeline.add(first)
    timeline.add(second)
    timeline.add(first)
    timeline.add(record({ from: 'hub', kind: 'hub', step: 'attached', at: first.at - 1 }))
    expect(timeline.entries.map(({ words }) => words.title)).toEqual(['attached', 'a', 'b'])
  })

  it('keeps ten thousand', () => {
    const timeline = createTimeline()
    for (let index = 0; index < 25_000; index++) timeline.add(event('a', { index }, false))
    expect(timeline.entries.length).toBeLessThanOrEqual(11_000)
    expect(timeline.entries.at(-1)?.words.note).toBe('{index: 24999}')
  })
})
