/**
 * Decides which hub of a key is the one that may open a socket. Two kinds, one contract: Web Locks, and heartbeats on a
 * BroadcastChannel where there are none.
 */
export interface Elector {
  /**
   * Stands for office until elected, or until the signal aborts (then it rejects with the signal's reason). Once elected,
   * the office is held until the same signal aborts.
   */
  campaign(signal: AbortSignal): Promise<Leadership>
  /** Takes the office from a holder that does not answer. Whoever held it learns that by `Office.lost`. */
  steal(signal: AbortSignal): Promise<Leadership>
}

export interface Leadership {
  /** Aborts when the office was taken by somebody else; never when it was laid down by the stander's own signal. */
  readonly lost: AbortSignal
}
