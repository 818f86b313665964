import { messageOf, type Report } from './errors.js'
import { type EventPair, isMetadata, type Metadata } from './protocol.js'

/** The rules by the names of their events, as far as they check metadata. */
type Rules = ReadonlyMap<string, { parse(metadata: Metadata): { readonly value: unknown } | undefined }>

type Handler = (metadata: never) => void

/** The app's own handlers of events, by name. */
export function createEventHandlers(report: Report, onNamesChanged: () => void) {
  const byName = new Map<string, Set<Handler>>()

  function call(name: string, handler: Handler, value: unknown): void {
    try {
      handler(value as never)
    } catch (thrown) {
      report('handler-failed', `a handler of '${name}' threw: ${messageOf(thrown)}`, {
        detail: { event: name },
        cause: thrown,
      })
    }
  }

  return {
    names: () => [...byName.keys()],
    add(name: string, handler: Handler): () => void {
      // Wrapped, so that the same function added twice is two.
      const own: Handler = (metadata) => handler(metadata)
      const handlers = byName.get(name) ?? new Set()
      byName.set(name, handlers.add(own))
      if (handlers.size === 1) onNamesChanged()
      return () => {
        if (!handlers.delete(own) || handlers.size > 0) return
        byName.delete(name)
        onNamesChanged()
      }
    },
    /** Metadata that is no object, or not what the rule's schema says, is nothing for a handler; it has been reported. */
    deliver(events: readonly EventPair[], rules: Rules): void {
      for (const [name, metadata] of events) {
        const handlers = byName.get(name)
        if (!handlers || !isMetadata(metadata)) continue
        const rule = rules.get(name)
        const parsed = rule ? rule.parse(metadata) : { value: metadata }
        if (parsed) for (const handler of [...handlers]) call(name, handler, parsed.value)
      }
    },
  }
}
