import { QueryClient, QueryObserver } from '@tanstack/react-query'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
// Loaded beforehand, so that the line's own imports of them take no real time.
import '../../src/inspect/recorder.js'
import '../../src/tab/session.js'
import { createPartyline } from '../../src/index.js'
import { deliverEvent } from '../../src/transport/metadata.js'
import { createMemoryBrowser } from '../../test/browser.js'
import { type MeterSlice, recordMetrics } from './record-metrics.js'

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

/** Sums by instrument and attributes, as an in-memory exporter has them. */
function createMeter() {
  const sums = new Map<string, number>()
  const counts = new Map<string, number>()
  const add =
    (name: string) =>
    (value: number, attributes: object = {}) => {
      const id = [name, ...Object.values(attributes)].join(' ')
      sums.set(id, (sums.get(id) ?? 0) + value)
      counts.set(id, (counts.get(id) ?? 0) + 1)
    }
  const meter: MeterSlice = {
    createCounter: (name) => ({ add: add(name) }),
    createHistogram: (name) => ({ record: add(name) }),
  }
  return { meter, sums, counts }
}

it('counts events, gaps, refetches, fetches and errors of a real line, until it is stopped', async () => {
  const world = createMemoryBrowser({ sharedWorkers: true })
  const { environment } = world.tab()
  const queryClient = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity } } })
  const line = createPartyline({ invalidates: { changed: ['thing'] }, onError: () => undefined }, environment)
  const { meter, sums, counts } = createMeter()
  const stop = recordMetrics(line, meter)
  await vi.advanceTimersByTimeAsync(0)
  line.mount({ queryClient, identity: 'u1' })
  new QueryObserver(queryClient, { queryKey: ['thing'], queryFn: async () => 1 }).subscribe(() => undefined)
  await vi.advanceTimersByTimeAsync(0)
  const { handlers } = world.transport.last
  handlers.onUp(false)
  handlers.onEvent('_line', { quietForMs: 0 })
  await vi.advanceTimersByTimeAsync(5_000)
  const gaps = sums.get('partyline.gaps') ?? 0
  deliverEvent(handlers, 'changed', { id: 'a' })
  handlers.onEvent('_line', { gap: true })
  deliverEvent(handlers, 'unknown', {})
  await vi.advanceTimersByTimeAsync(20_000)
  expect(sums.get('partyline.events changed true')).toBe(1)
  expect(sums.get('partyline.gaps')).toBe(gaps + 1)
  expect(sums.get('partyline.queries refetched events')).toBe(1)
  expect(sums.get('partyline.errors unknown-event')).toBe(1)
  expect(counts.get('partyline.fetch.duration succeeded')).toBeGreaterThanOrEqual(2)
  stop()
  const before = JSON.stringify([...sums])
  deliverEvent(handlers, 'changed', { id: 'a' })
  await vi.advanceTimersByTimeAsync(5_000)
  expect(JSON.stringify([...sums])).toBe(before)
})
