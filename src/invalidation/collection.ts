import type { TabEnvironment } from '../platform/page.js'
import type { EventPair } from '../wire/protocol.js'
import type { LogicalClock } from './logical-clock.js'
import type { ServerEvent } from './receipt.js'
import type { NormalTarget } from './target.js'
import { createTargetSet } from './target-set.js'

/** An event, its targets, and the logical timestamp of its arrival. */
type CollectedEvent = readonly [pair: EventPair, targets: readonly NormalTarget[], timestamp: number]

interface CollectionOptions {
  readonly logicalClock: LogicalClock
  readonly timers: Pick<TabEnvironment['timers'], 'after'>
  /** Whether anybody listens to receipts. */
  readonly isWatched: () => boolean
  /** Delayed events have been collected. */
  readonly onDelayOver: () => void
}

/**
 * Collects what events make stale until the next flush: each target once, however long the burst. Events are kept only for
 * receipts: if nobody listens to those, thousands of objects would outlive the garbage collector's cheap rounds.
 */
export function createCollection({ logicalClock, timers, isWatched, onDelayOver }: CollectionOptions) {
  let pairs: EventPair[] = []
  let ownWrites: CollectedEvent[] = []
  const set = createTargetSet()
  const delayed = new Map<string, { readonly events: CollectedEvent[]; cancel(): void }>()

  function collect(pair: EventPair, targets: readonly NormalTarget[], timestamp: number): void {
    if (isWatched()) pairs.push(pair)
    if (pair[2]?.origin === undefined) set.put(targets, timestamp, 0)
    else ownWrites.push([pair, targets, timestamp])
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
      onDelayOver()
    })
    delayed.set(name, { events, cancel })
  }

  return {
    /** False if the event has to wait first. */
    add(pair: EventPair, targets: readonly NormalTarget[], timestamp: number): boolean {
      const waitMs = pair[2]?.waitMs ?? 0
      if (waitMs > 0) delay(pair[0], waitMs, [pair, targets, timestamp])
      else collect(pair, targets, timestamp)
      return waitMs <= 0
    },
    take(): { readonly events: readonly ServerEvent[]; readonly targets: readonly NormalTarget[] } {
      // An event may arrive before the answer of its request, so the logical clock is asked only now.
      for (const [[, , envelope], targets, timestamp] of ownWrites) {
        const answered = logicalClock.answeredAt(envelope?.origin as string)
        set.put(targets, answered?.timestamp ?? timestamp, answered?.until ?? 0)
      }
      const events = pairs.map(([name, metadata]) => ({ name, metadata: metadata ?? {} }))
      pairs = []
      ownWrites = []
      return { events, targets: set.take() }
    },
    close(): void {
      for (const { cancel } of delayed.values()) cancel()
      delayed.clear()
    },
  }
}
