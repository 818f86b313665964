import type { TabEnvironment } from '../platform/page.js'
import { type EventPair, readPair } from '../wire/protocol.js'
import type { LogicalClock } from './logical-clock.js'
import type { ServerEvent } from './receipt.js'
import type { NormalTarget } from './target.js'
import { createTargetSet } from './target-set.js'

/** An event, its rule's targets and second look, and the logical timestamp of its arrival. */
type CollectedEvent = readonly [pair: EventPair, targets: readonly NormalTarget[], timestamp: number, againMs: number]

/** An event that a request of this tab may have caused. `at`: milliseconds of the monotonic clock. */
interface OwnEvent {
  readonly origin: string
  readonly at: number
  readonly event: CollectedEvent
}

interface CollectionOptions {
  readonly logicalClock: LogicalClock
  readonly clock: Pick<TabEnvironment['clock'], 'monotonic'>
  readonly timers: Pick<TabEnvironment['timers'], 'after'>
  /** Whether anybody listens to receipts. */
  readonly isWatched: () => boolean
  /** An own write's event waits this long (ms) for the answer of its request. */
  readonly maxWaitMs: number
  /** There is something to take, or will be after the debounce. */
  readonly onDue: () => void
}

/**
 * Collects what events make stale until the next flush: each target once, however long the burst. Events are kept only for
 * receipts: if nobody listens to those, thousands of objects would outlive the garbage collector's cheap rounds.
 */
export function createCollection(options: CollectionOptions) {
  const { logicalClock, clock, timers, isWatched, maxWaitMs, onDue } = options
  let pairs: EventPair[] = []
  let ownEvents: OwnEvent[] = []
  let count = 0
  const set = createTargetSet()
  const delayed = new Map<string, { readonly events: CollectedEvent[]; cancel(): void }>()

  function collect(pair: EventPair, targets: readonly NormalTarget[], timestamp: number, againMs: number): void {
    const origin = pair[2]?.origin
    if (origin === undefined) put(pair, targets, timestamp, 0, againMs)
    else ownEvents.push({ origin, at: clock.monotonic(), event: [pair, targets, timestamp, againMs] })
  }

  function put(pair: EventPair, targets: readonly NormalTarget[], after: number, own: number, againMs: number): void {
    if (isWatched()) pairs.push(pair)
    set.put(targets, after, own, pair[2]?.againMs ?? againMs, ++count)
  }

  /** An event may arrive before the answer of its request. The answer tells whether it changes anything here. */
  function takeOwn(): void {
    const waiting: OwnEvent[] = []
    for (const one of ownEvents) {
      const [pair, targets, timestamp, againMs] = one.event
      const answered = logicalClock.answeredAt(one.origin)
      if (answered) put(pair, targets, answered.timestamp, answered.until, againMs)
      else if (logicalClock.isUnderWay(one.origin) && clock.monotonic() - one.at < maxWaitMs) waiting.push(one)
      else put(pair, targets, timestamp, 0, againMs)
    }
    ownEvents = waiting
    if (waiting.length > 0) onDue()
  }

  /**
   * Each browser waits for a different time, so that an event to a million users does not cause a million requests in one
   * second. Events of one name wait together, as long as the first of them.
   */
  function delay(name: string, waitMs: number, event: CollectedEvent): void {
    const waiting = delayed.get(name)
    if (waiting) {
      waiting.events.push(event)
      return
    }
    const events = [event]
    const cancel = timers.after(waitMs, () => {
      delayed.delete(name)
      for (const one of events) collect(...one)
      onDue()
    })
    delayed.set(name, { events, cancel })
  }

  return {
    /** False if the event has to wait first. */
    add(pair: EventPair, targets: readonly NormalTarget[], timestamp: number, againMs: number): boolean {
      const waitMs = pair[2]?.waitMs ?? 0
      if (waitMs > 0) delay(pair[0], waitMs, [pair, targets, timestamp, againMs])
      else collect(pair, targets, timestamp, againMs)
      return waitMs <= 0
    },
    take(): { readonly events: readonly ServerEvent[]; readonly targets: readonly NormalTarget[] } {
      takeOwn()
      const events = pairs.map(readPair)
      pairs = []
      return { events, targets: set.take() }
    },
    close(): void {
      for (const { cancel } of delayed.values()) cancel()
      delayed.clear()
    },
  }
}
