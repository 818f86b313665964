import type { Welcome } from '../wire/protocol.js'
import type { Rung } from './rungs.js'

/** Its message says all that there is: it is nobody's cause, with a stack that only we can read. */
export class LinkError extends Error {}

/** A hub answered, but not with a welcome. */
export class RefusedError extends LinkError {
  constructor(
    readonly refusal: Extract<Welcome, { ok: false }>,
    /** It came over a channel, from the owner of the socket. */
    readonly isShared = false,
  ) {
    super(refusal.message)
  }
}

/** Another hub became the owner, or the rung failed, before the welcome. */
export class OwnerChangedError extends LinkError {}

/** A hub that was called sent nothing at all. */
export class HubTimeoutError extends LinkError {
  constructor(
    readonly rung: Rung,
    ms: number,
  ) {
    super(`the hub did not answer for ${ms} ms`)
  }
}
