import { describe, expect, it } from 'vitest'
import type { Inspection, LineRecord } from '../../inspect/inspection.js'
import type { Receipt } from '../../invalidation/receipt.js'
import type { InspectedLine } from '../inspected-line.js'
import { createPanelStore, createTimeline } from './store.js'

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

  it('gives each event of a burst its receipt, however many there are', () => {
    const timeline = createTimeline()
    const events = Array.from({ length: 5_000 }, (_, index) => ({ name: 'a', metadata: { index } }))
    for (const { name, metadata } of events) timeline.add(event(name, metadata))
    timeline.add(receipt({ number: 1, events }))
    expect(timeline.entries).toHaveLength(5_001)
    expect(timeline.entries.filter((entry) => entry.receipt === undefined)).toEqual([])
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

describe('the store', () => {
  const snapshot = (identity: string | undefined, records: readonly LineRecord[]) =>
    ({ identity, records }) as unknown as Inspection

  function setUp() {
    let listener: (record: LineRecord) => void = () => undefined
    let changed: () => void = () => undefined
    let answer: Promise<Inspection> = Promise.resolve(snapshot('ann', []))
    const status = { name: 'connected' }
    const line = {
      status,
      subscribe: (run: () => void) => {
        changed = run
        return () => undefined
      },
      onRecord: (run: typeof listener) => {
        listener = run
        return () => undefined
      },
      inspect: () => answer,
    } as unknown as InspectedLine
    const window = {
      document: { visibilityState: 'hidden', addEventListener: () => undefined, removeEventListener: () => undefined },
      ...{ setTimeout: () => 1, clearTimeout: () => undefined },
      ...{ requestAnimationFrame: () => 1, cancelAnimationFrame: () => undefined },
    } as unknown as Window
    const store = createPanelStore(line, window)
    store.open()
    return {
      store,
      record: (one: LineRecord) => listener(one),
      answers(next: Promise<Inspection>) {
        answer = next
      },
      become(name: string) {
        status.name = name
        changed()
      },
    }
  }
  const titles = ({ entries }: { entries: readonly { words: { title: string } }[] }) =>
    entries.map(({ words }) => words.title)

  it.each(['signed-out', 'idle'])('forgets a user at once when the line is %s, though nobody answers', async (name) => {
    const { store, record, answers, become } = setUp()
    await store.ask()
    record(event('hers'))
    store.pause()
    record(event('hers, too'))
    answers(new Promise(() => undefined))
    become(name)
    expect(store.inspection).toBeUndefined()
    expect(titles(store)).toEqual([])
    store.resume()
    expect(titles(store)).toEqual([])
  })

  it('forgets what the line has kept for a remount, when another user comes', async () => {
    const { store, answers, become } = setUp()
    answers(Promise.resolve(snapshot(undefined, [event('hers')])))
    become('idle')
    await store.ask()
    expect(titles(store)).toEqual(['hers'])
    answers(new Promise(() => undefined))
    become('connecting')
    expect(titles(store)).toEqual([])
  })

  it('has all that the line has kept after it has forgotten, whatever came before the answer', async () => {
    const { store, record, answers, become } = setUp()
    const [first, second] = [event('kept'), event('new')]
    answers(Promise.resolve(snapshot('ann', [first, second])))
    become('idle')
    record(second)
    await store.ask()
    expect(titles(store)).toEqual(['kept', 'new'])
  })
})
