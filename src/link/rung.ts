import type { Endpoint } from '../wire/endpoint.js'
import type { Host } from '../wire/status.js'

/** One step of the ladder: a way to reach a hub. */
export interface Rung {
  readonly host: Host
  /** When no welcome comes, so many pipes are tried, one after the other. One, if undefined. */
  readonly tries?: number
  /** A pipe to a hub. Rejects with the reason when there is none to be had. */
  open(visit: Attempt): Promise<Endpoint>
  /** Lays down what the rung holds beyond a visit: its place in an election. */
  release?(): void
}

export interface Attempt {
  /** Tells of a failure that shows only later; also of an attachment that has to be given up. */
  readonly fail: (reason: string) => void
  /** Aborts when the visit is over. */
  readonly signal: AbortSignal
  /** A hub has left this tab without an answer: the owner of the socket may hang. */
  readonly hung: boolean
}

/** A rung that does not exist here at all: no error, the next one is meant for it. */
export class NotSupportedError extends Error {}
