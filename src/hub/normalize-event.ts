import type { HubEnvironment } from '../platform/environment.js'
import { createEnvelopeReader } from '../transport/envelope.js'
import {
  type EventEnvelope,
  type EventPair,
  type HubErrorCode,
  isMetadata,
  type Metadata,
  type Settings,
} from '../wire/protocol.js'
import type { Cursor } from './cursor.js'
import { MAX_SPREAD_MS } from './server-messages.js'
import type { TabRegistry } from './tab-registry.js'

/** How many events are remembered as reported; bounded, because the server chooses their names. */
const MAX_REPORTED_EVENTS = 100

export interface EventReaderOptions {
  readonly environment: Pick<HubEnvironment, 'random'>
  readonly settings: Pick<Settings, 'envelope'>
  readonly tabs: TabRegistry
  readonly cursor: Cursor
  /** An event for the tabs. */
  onEvent(event: EventPair): void
  /** Something has changed, and it is unknown what. `what`: of a kind. */
  onUnreadable(what: string): void
}

/**
 * Makes events for the tabs of what the transport delivers: opens envelopes, reads what the server says about an event, and drops
 * duplicates.
 */
export function createEventReader({ settings: { envelope }, onEvent, onUnreadable, ...options }: EventReaderOptions) {
  const normalize = createEventNormalizer(options)
  const reader = envelope && createEnvelopeReader(envelope)

  function take(name: string, metadata: Metadata | null, reserved?: unknown): void {
    const event = normalize(name, metadata, reserved)
    if (event) onEvent(event)
  }

  return (name: string, metadata: Metadata | null, reserved?: unknown): void => {
    if (name !== reader?.on) take(name, metadata, reserved)
    else if (!reader.open(metadata, reserved, take)) onUnreadable(reader.fault)
  }
}

/** Undefined when there is nothing to deliver. */
function createEventNormalizer({
  tabs,
  cursor,
  environment: { random },
}: Pick<EventReaderOptions, 'tabs' | 'cursor' | 'environment'>) {
  const reportOncePerEvent = createReportOncePerEvent(tabs)

  return (name: string, metadata: Metadata | null, reserved?: unknown): EventPair | undefined => {
    if (!tabs.wants(name))
      reportOncePerEvent(name, 'unknown-event', `no tab has a rule or a handler for the event '${name}'`)
    else if (!metadata) reportOncePerEvent(name, 'bad-metadata', `the metadata of '${name}' is no JSON, or too deep`)
    // Most events: a burst pays for every object that is made here.
    if (!isMetadata(reserved)) return [name, metadata]

    const { id, origin, spreadMs, againMs, trace, tab } = reserved
    if (isEventId(id) && !cursor.admit(name, id)) return undefined
    const envelope: EventEnvelope = {
      ...(typeof origin === 'string' && { origin }),
      // The same for all tabs of this browser, and another one in every other.
      ...(typeof spreadMs === 'number' &&
        spreadMs > 0 && { waitMs: Math.round(random() * Math.min(spreadMs, MAX_SPREAD_MS)) }),
      ...(typeof againMs === 'number' && againMs > 0 && { againMs: Math.min(againMs, MAX_SPREAD_MS) }),
      ...(typeof trace === 'string' && trace.length <= 100 && { trace }),
      ...(typeof tab === 'string' && { tab }),
    }
    return Object.keys(envelope).length > 0 ? [name, metadata, envelope] : [name, metadata]
  }
}

const isEventId = (value: unknown): value is string | number => typeof value === 'string' || typeof value === 'number'

/** Reports each problem of an event once. */
function createReportOncePerEvent(tabs: TabRegistry) {
  const reported = new Set<string>()
  return (event: string, code: HubErrorCode, message: string): void => {
    const subject = `${code} ${event}`
    // The server chooses the names of unknown events; those of the others are the app's own.
    if (reported.has(subject) || (reported.size >= MAX_REPORTED_EVENTS && code === 'unknown-event')) return
    if (tabs.reportToOneTab(code, message, event)) reported.add(subject)
  }
}
