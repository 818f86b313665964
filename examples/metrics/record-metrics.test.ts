import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import { QueryClient, QueryObserver } from '@tanstack/react-query'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
// Loaded beforehand, so that the line's own imports of them take no real time.
import '../../src/inspect/recorder.js'
import '../../src/tab/session.js'
import { createPartyline } from '../../src/index.js'
import { deliverEvent } from '../../src/transport/metadata.js'
import { createMemoryBrowser } from '../../test/browser.js'
import { recordMetrics } from './record-metrics.js'

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

/** OpenTelemetry itself, read when a test asks. */
function createMeter() {
  const reader = new (class extends MetricReader {
    protected override async onForceFlush() {}
    protected override async onShutdown() {}
  })()
  const meter = new MeterProvider({ readers: [reader] }).getMeter('partyline')
  /** Sums, and the number of what a histogram has recorded, by instrument and attributes. */
  async function read(): Promise<Record<string, number>> {
    const { resourceMetrics, errors } = await reader.collect()
    expect(errors).toEqual([])
    const points = resourceMetrics.scopeMetrics.flatMap(({ metrics }) =>
      metrics.flatMap(({ descriptor, dataPoints }) =>
        dataPoints.map(({ attributes, value }) => [
          [descriptor.name, ...Object.values(attributes)].join(' '),
          typeof value === 'number' ? value : value.count,
        ]),
      ),
    )
    return Object.fromEntries(points)
  }
  return { meter, read }
}

it('counts events, gaps, refetches, fetches and errors of a real line, until it is stopped', async () => {
  const world = createMemoryBrowser({ sharedWorkers: true })
  const { environment } = world.tab()
  const queryClient = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity } } })
  const line = createPartyline({ invalidates: { changed: ['thing'] }, onError: () => undefined }, environment)
  const { meter, read } = createMeter()
  const stop = recordMetrics(line, meter)
  await vi.advanceTimersByTimeAsync(0)
  line.mount({ queryClient, identity: 'u1' })
  new QueryObserver(queryClient, { queryKey: ['thing'], queryFn: async () => 1 }).subscribe(() => undefined)
  await vi.advanceTimersByTimeAsync(0)
  const { handlers } = world.transport.last
  handlers.onUp(false)
  handlers.onEvent('_line', { quietForMs: 0 })
  await vi.advanceTimersByTimeAsync(5_000)
  const gaps = (await read())['partyline.gaps'] ?? 0
  deliverEvent(handlers, 'changed', { id: 'a' })
  handlers.onEvent('_line', { gap: true })
  deliverEvent(handlers, 'unknown', {})
  await vi.advanceTimersByTimeAsync(20_000)
  const counted = await read()
  expect(counted).toMatchObject({
    'partyline.events changed true': 1,
    'partyline.gaps': gaps + 1,
    'partyline.queries refetched events': 1,
    'partyline.errors unknown-event': 1,
  })
  expect(counted['partyline.fetch.duration succeeded']).toBeGreaterThanOrEqual(2)
  stop()
  deliverEvent(handlers, 'changed', { id: 'a' })
  await vi.advanceTimersByTimeAsync(5_000)
  expect(await read()).toEqual(counted)
})
