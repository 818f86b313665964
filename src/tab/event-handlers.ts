import type { Report } from '../util/errors.js'
import { reportThrown } from '../util/listeners.js'
import { type EventPair, isMetadata, type Metadata, readPair } from '../wire/protocol.js'

/** Stands for every event where a name is expected. */
const EVERY = '*'

/** The rules by the names of their events, as far as they check metadata. */
type ParsingRules = ReadonlyMap<string, { parse?(metadata: Metadata): { readonly value: unknown } | undefined }>

interface EventHandler {
  readonly run: (metadata: never) => void
  /** When it subscribed. Milliseconds of the monotonic clock. */
  readonly since: number
}

/** The app's own handlers of events, by name. */
export function createEventHandlers(report: Report, monotonic: () => number, onNamesChanged: () => void) {
  /** Never changed in place: a handler may take itself off while it is called. */
  const byName = new Map<string, readonly EventHandler[]>()

  /** By index: a closure or an iterator at each event of a burst would cause a garbage collection in the middle of it. */
  function call(name: string, handlers: readonly EventHandler[], value: unknown, cameAt: number): void {
    for (let index = 0; index < handlers.length; index++) {
      const handler = handlers[index]
      // An event that is sent again may be older than the subscription.
      if (!handler || handler.since > cameAt) continue
      try {
        handler.run(value as never)
      } catch (thrown) {
        reportThrown(report, name, thrown)
      }
    }
  }

  return {
    names: () => [...byName.keys()],
    add(name: string, run: EventHandler['run']): () => void {
      // An object of its own, so that the same function added twice is two.
      const own: EventHandler = { run, since: monotonic() }
      const before = byName.get(name)
      byName.set(name, [...(before ?? []), own])
      if (!before) onNamesChanged()
      return () => {
        const others = (byName.get(name) ?? []).filter((one) => one !== own)
        if (others.length > 0) byName.set(name, others)
        else if (byName.delete(name)) onNamesChanged()
      }
    },
    /**
     * Handlers do not get metadata that is no object, or that the rule's schema refuses; both are reported elsewhere. Nor do they
     * get events from before their subscription. Handlers of `*` get all, as the server sent them. `agesMs`: of each event, if they are sent again.
     */
    deliver(events: readonly EventPair[], rules: ParsingRules, agesMs?: readonly number[]): void {
      const now = agesMs && monotonic()
      const everyEvent = byName.get(EVERY)
      events.forEach((pair, index) => {
        const handlers = byName.get(pair[0])
        if (!handlers && !everyEvent) return
        const cameAt = now === undefined ? Number.POSITIVE_INFINITY : now - (agesMs?.[index] ?? 0)
        if (everyEvent) call(EVERY, everyEvent, readPair(pair), cameAt)
        if (!handlers || handlers === everyEvent || !isMetadata(pair[1])) return
        const parse = rules.get(pair[0])?.parse
        const parsed = parse?.(pair[1])
        if (!parse) call(pair[0], handlers, pair[1], cameAt)
        else if (parsed) call(pair[0], handlers, parsed.value, cameAt)
      })
    },
  }
}
