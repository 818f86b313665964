import type { EventPair } from '../protocol.js'
import type { Order } from './order.js'
import type { ServerEvent } from './receipt.js'
import type { NormalTarget } from './target.js'
import { createTargetSet } from './target-set.js'

/** An event, what it makes stale, and its place in the order. */
export type Due = readonly [pair: EventPair, targets: readonly NormalTarget[], heard: number]

/** Collects events until the next flush, and what they make stale: each target once, however long the burst. */
export function createCollection(order: Order) {
  let pairs: EventPair[] = []
  let echoes: Due[] = []
  const set = createTargetSet()

  return {
    add(...due: Due): void {
      const [pair, targets, heard] = due
      pairs.push(pair)
      if (pair[2]?.origin === undefined) for (const target of targets) set.put(target, heard, 0)
      else echoes.push(due)
    },
    take(): { readonly events: readonly ServerEvent[]; readonly targets: readonly NormalTarget[] } {
      // An echo may overtake the answer, so whose it is is asked only now.
      for (const [[, , mark], targets, heard] of echoes) {
        const answered = order.answeredAt(mark?.origin as string)
        for (const target of targets) set.put(target, answered?.place ?? heard, answered?.until ?? 0)
      }
      const events = pairs.map(([name, metadata]) => ({ name, metadata: metadata ?? {} }))
      pairs = []
      echoes = []
      return { events, targets: set.take() }
    },
  }
}
