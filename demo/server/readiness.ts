import { setTimeout as sleep } from 'node:timers/promises'
import type { RequestHandler } from 'express'

/** Whether a load balancer may send connections here, and whether it has asked. */
export interface Readiness {
  /** GET /ready: 200 or 503. */
  readonly answer: RequestHandler
  /** From here on it is 503. */
  end(): void
  /** Resolves when the load balancer has received the present answer, at the latest after `atMost` ms. */
  known(atMost: number): Promise<void>
}

export function createReadiness(): Readiness {
  let ready = true
  let asked = false
  return {
    answer(_request, response) {
      asked = true
      response
        .status(ready ? 200 : 503)
        .type('text')
        .send(ready ? 'ready' : 'ending')
    },
    end() {
      if (ready) asked = false
      ready = false
    },
    async known(atMost) {
      const end = Date.now() + atMost
      while (!asked && Date.now() < end) await sleep(20)
    },
  }
}
