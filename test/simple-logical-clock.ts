import type { LogicalClock } from '../src/invalidation/logical-clock.js'

/** A logical clock without own writes. */
export function createSimpleLogicalClock(): LogicalClock {
  let timestamp = 0
  return { next: () => ++timestamp, answeredAt: () => undefined, isUnderWay: () => false, lastAnswer: () => 0 }
}
