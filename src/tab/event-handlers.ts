import type { Report } from '../util/errors.js'
import { reportThrown } from '../util/listeners.js'
import { type EventEnvelope, type EventPair, isMetadata, type Metadata, readPair } from '../wire/protocol.js'
import type { HandlerOptions } from './line.js'

/** Stands for every event where a name is expected. */
const EVERY = '*'
const PLACES: readonly unknown[] = ['every-tab', 'visible', 'one-tab', undefined]

/** The rules by the names of their events, as far as they check metadata. */
type ParsingRules = ReadonlyMap<string, { parse?(metadata: Metadata): { readonly value: unknown } | undefined }>

interface EventHandler {
  readonly run: (metadata: never) => void
  /** Where it runs. */
  readonly place: HandlerOptions['in']
  readonly isOfEvery: boolean
  /** When it subscribed. Milliseconds of the monotonic clock. */
  readonly since: number
}

interface EventHandlersOptions {
  readonly report: Report
  readonly monotonic: () => number
  /** This tab's id. */
  readonly tab: () => string
  /** There are handlers of other events, or others that run in one tab. */
  readonly onChanged: () => void
}

/** The app's own handlers of events, by name. */
export function createEventHandlers({ report, monotonic, tab, onChanged }: EventHandlersOptions) {
  /** Never changed in place: a handler may take itself off while it is called. */
  const byName = new Map<string, readonly EventHandler[]>()

  /** Whether a handler hears an event that came while the page had been visible since then, if it was. */
  function hears(
    handler: EventHandler,
    envelope: EventEnvelope | undefined,
    cameAt: number,
    visibleSince: number,
  ): boolean {
    // An event that is sent again may be older than the subscription.
    if (handler.since > cameAt) return false
    if (handler.place === 'one-tab') return envelope?.one?.[handler.isOfEvery ? 1 : 0] === tab()
    return envelope?.isHandedOn !== true && (handler.place !== 'visible' || visibleSince <= cameAt)
  }

  /** By index: a closure or an iterator at each event of a burst would cause a garbage collection in the middle of it. */
  function call(
    handlers: readonly EventHandler[],
    value: unknown,
    pair: EventPair,
    cameAt: number,
    visibleSince: number,
  ) {
    for (let index = 0; index < handlers.length; index++) {
      const handler = handlers[index]
      if (!handler || !hears(handler, pair[2], cameAt, visibleSince)) continue
      try {
        handler.run(value as never)
      } catch (thrown) {
        reportThrown(report, handler.isOfEvery ? EVERY : pair[0], thrown)
      }
    }
  }

  return {
    names: () => [...byName.keys()],
    /** The events with handlers in one tab, and since when. */
    oneTab: () =>
      [...byName].flatMap(([name, handlers]) => {
        const first = handlers.find(({ place }) => place === 'one-tab')
        return first ? [[name, first.since] as const] : []
      }),
    add(name: string, run: EventHandler['run'], { in: place }: HandlerOptions = {}): () => void {
      if (!PLACES.includes(place)) {
        report('bad-option', `\`in\` of line.on('${name}') has to be 'one-tab', 'visible' or 'every-tab'`, {
          detail: { option: 'in' },
        })
      }
      // An object of its own, so that the same function added twice is two.
      const own: EventHandler = { run, place, isOfEvery: name === EVERY, since: monotonic() }
      const before = byName.get(name)
      byName.set(name, [...(before ?? []), own])
      if (!before || place === 'one-tab') onChanged()
      return () => {
        const all = byName.get(name) ?? []
        if (!all.includes(own)) return
        if (all.length > 1) {
          byName.set(
            name,
            all.filter((one) => one !== own),
          )
        } else byName.delete(name)
        if (all.length === 1 || place === 'one-tab') onChanged()
      }
    },
    /**
     * Handlers do not get metadata that is no object, or that the rule's schema refuses; both are reported elsewhere. Nor do they
     * get events from before their subscription. Handlers of `*` get all, as the server sent them. `agesMs`: of each event, if they
     * are sent again. `visibleSince`: of the page, if it is.
     */
    deliver(
      events: readonly EventPair[],
      rules: ParsingRules,
      agesMs?: readonly number[],
      visibleSince = Number.NaN, // No moment is later than that.
    ): void {
      const now = agesMs && monotonic()
      const everyEvent = byName.get(EVERY)
      events.forEach((pair, index) => {
        const handlers = byName.get(pair[0])
        if (!handlers && !everyEvent) return
        const cameAt = now === undefined ? Number.POSITIVE_INFINITY : now - (agesMs?.[index] ?? 0)
        if (everyEvent) call(everyEvent, readPair(pair), pair, cameAt, visibleSince)
        if (!handlers || handlers === everyEvent || !isMetadata(pair[1])) return
        const parse = rules.get(pair[0])?.parse
        const parsed = parse?.(pair[1])
        if (!parse) call(handlers, pair[1], pair, cameAt, visibleSince)
        else if (parsed) call(handlers, parsed.value, pair, cameAt, visibleSince)
      })
    },
  }
}
