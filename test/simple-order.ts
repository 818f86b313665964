import type { LogicalClock } from '../src/invalidation/logical-clock.js'

/** An order without requests of its own. */
export function createSimpleOrder(): LogicalClock {
  let place = 0
  return { next: () => ++place, answeredAt: () => undefined, lastAnswer: () => 0 }
}
