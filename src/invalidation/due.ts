import type { Order } from './order.js'
import type { ServerEvent } from './receipt.js'
import { identify, type NormalTarget } from './target.js'

/** An event that waits to be answered. */
export interface Due {
  readonly event: ServerEvent
  readonly targets: readonly NormalTarget[]
  /** Its place in the order. */
  readonly heard: number
  /** The request that caused it. */
  readonly origin: string | undefined
}

/** What events make stale, each target once. An echo may overtake the answer, so whose it is is asked only now. */
export function targetsOf(due: readonly Due[], order: Order): readonly NormalTarget[] {
  const targets = new Map<string, NormalTarget>()
  for (const one of due) {
    const answered = one.origin === undefined ? undefined : order.answeredAt(one.origin)
    for (const target of one.targets) {
      const id = identify(target)
      const same = targets.get(id)
      const after = Math.max(answered?.place ?? one.heard, same?.after ?? 0)
      const own = Math.min(answered?.until ?? 0, same?.own ?? Number.POSITIVE_INFINITY)
      targets.set(id, { ...target, after, own })
    }
  }
  return [...targets.values()]
}
