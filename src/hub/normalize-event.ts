import { isPlain } from '../transport/frame.js'
import { type EventEnvelope, type EventPair, isMetadata, type Metadata, RESERVED } from '../wire/protocol.js'
import type { Cursor } from './cursor.js'
import type { createReportOncePerEvent } from './reports.js'
import type { TabRegistry } from './tab-registry.js'

/** An event may be spread over this much (ms) at most: nobody may be kept from fresh data for longer. */
const WIDEST = 600_000

const asId = (value: unknown): string | number | undefined =>
  typeof value === 'string' || typeof value === 'number' ? value : undefined

/**
 * Takes an event as the server sent it: checks it, takes off what the server said about it, and keeps out what came
 * before. Undefined when there is nothing to deliver.
 */
export function createEventNormalizer(
  tabs: TabRegistry,
  cursor: Cursor,
  tellOnce: ReturnType<typeof createReportOncePerEvent>,
  random: () => number,
) {
  function check(name: string, given: Metadata | null): Metadata | null {
    const metadata = isPlain(given) ? given : null
    if (!tabs.wants(name)) tellOnce(name, 'unknown-event', `no tab has a rule or a handler for the event '${name}'`)
    else if (!metadata) tellOnce(name, 'bad-metadata', `the metadata of '${name}' is no JSON object, or too deep`)
    return metadata
  }

  return (name: string, raw: unknown): EventPair | undefined => {
    const given: Metadata | null = raw === undefined || raw === null ? {} : isMetadata(raw) ? raw : null
    // Most events: a burst pays for every object that is made here.
    if (given === null || !(RESERVED in given)) return [name, check(name, given)]

    const { [RESERVED]: said, ...rest } = given
    const metadata = check(name, rest)
    const { id, origin, spreadMs } = isMetadata(said) ? said : {}
    const number = asId(id)
    if (number !== undefined && !cursor.admit(name, number)) return undefined
    const mark: EventEnvelope = {
      ...(typeof origin === 'string' && { origin }),
      // The same for all tabs of this browser, and another one in every other.
      ...(typeof spreadMs === 'number' &&
        spreadMs > 0 && { waitMs: Math.round(random() * Math.min(spreadMs, WIDEST)) }),
    }
    return Object.keys(mark).length > 0 ? [name, metadata, mark] : [name, metadata]
  }
}
