import type { Order } from '../invalidation/order.js'

/** An order without requests of its own. */
export function createSimpleOrder(): Order {
  let place = 0
  return { tick: () => ++place, answeredAt: () => undefined, lastAnswer: () => 0 }
}
