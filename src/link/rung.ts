import type { Endpoint } from '../endpoint.js'
import type { Host } from '../status.js'

/** One step of the ladder: a way to reach a hub. */
export interface Rung {
  readonly host: Host
  /**
   * A pipe to a hub of this kind. Rejects with the reason when there is none to be had; `onFailure` tells of a failure
   * that shows only later, before the hub has answered.
   */
  open(onFailure: (reason: string) => void): Promise<Endpoint>
}

/** A rung that does not exist here at all: no error, the next one is meant for it. */
export class NotHere extends Error {}
