import type { Line } from 'partyline'

/** The part of OpenTelemetry's `Meter` (`@opentelemetry/api`) that is used. */
export interface MeterSlice {
  createCounter(name: string, options?: { description?: string; unit?: string }): Instrument<'add'>
  createHistogram(name: string, options?: { description?: string; unit?: string }): Instrument<'record'>
}

type Instrument<Method extends string> = {
  readonly [M in Method]: (value: number, attributes?: Record<string, string | number | boolean>) => void
}

/** Counts what a line does. Returns the way to stop. Names and outcomes only: keys and metadata may name a customer. */
export function recordMetrics(line: Pick<Line<never>, 'onRecord'>, meter: MeterSlice): () => void {
  const events = meter.createCounter('partyline.events', { description: 'Events that this tab received' })
  const gaps = meter.createCounter('partyline.gaps', { description: 'Times in which events may have been missed' })
  const queries = meter.createCounter('partyline.queries', { description: 'What flushes did with queries' })
  const errors = meter.createCounter('partyline.errors', { description: 'Errors, by code' })
  const fetches = meter.createHistogram('partyline.fetch.duration', { description: 'Fetches of queries', unit: 'ms' })
  return line.onRecord((record) => {
    // The hub's records are told to every tab: a browser with five tabs would count them five times.
    if (record.from === 'hub') return
    if (record.kind === 'event') events.add(1, { event: record.event.name, mapped: record.isMapped })
    else if (record.kind === 'gap') gaps.add(1)
    else if (record.kind === 'error') errors.add(1, { code: record.code })
    else if (record.kind === 'fetch') fetches.record(record.durationMs, { outcome: record.outcome })
    else if (record.kind === 'receipt') {
      const { cause, refetched, skipped, failed } = record.receipt
      for (const [outcome, { length }] of Object.entries({ refetched, skipped, failed }))
        if (length > 0) queries.add(length, { outcome, cause })
    }
  })
}
