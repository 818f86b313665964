import type { EventPair } from '../wire/protocol.js'
import type { LogicalClock } from './logical-clock.js'
import type { ServerEvent } from './receipt.js'
import type { NormalTarget } from './target.js'
import { createTargetSet } from './target-set.js'

/** An event, what it makes stale, and its place in the order. */
export type Due = readonly [pair: EventPair, targets: readonly NormalTarget[], heard: number]

/**
 * Collects what events make stale until the next flush: each target once, however long the burst. The events themselves are
 * kept for receipts alone: without anybody who hears of those, thousands of objects would outlive the garbage collector's
 * cheap rounds.
 */
export function createCollection(order: LogicalClock, isWatched: () => boolean) {
  let pairs: EventPair[] = []
  let echoes: Due[] = []
  const set = createTargetSet()

  return {
    add(pair: EventPair, targets: readonly NormalTarget[], heard: number): void {
      if (isWatched()) pairs.push(pair)
      if (pair[2]?.origin === undefined) set.put(targets, heard, 0)
      else echoes.push([pair, targets, heard])
    },
    take(): { readonly events: readonly ServerEvent[]; readonly targets: readonly NormalTarget[] } {
      // An echo may overtake the answer, so whose it is is asked only now.
      for (const [[, , mark], targets, heard] of echoes) {
        const answered = order.answeredAt(mark?.origin as string)
        set.put(targets, answered?.place ?? heard, answered?.until ?? 0)
      }
      const events = pairs.map(([name, metadata]) => ({ name, metadata: metadata ?? {} }))
      pairs = []
      echoes = []
      return { events, targets: set.take() }
    },
  }
}
