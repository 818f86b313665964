/**
 * Decides which hub of a key may open a socket: the one that holds the leadership. Two implementations, one contract: Web
 * Locks, and heartbeats on a BroadcastChannel where there are none.
 */
export interface Elector {
  /**
   * Campaigns until elected, or until the signal aborts: then it rejects with the signal's reason. Once elected, the
   * leadership is held until the same signal aborts.
   */
  campaign(signal: AbortSignal): Promise<Leadership>
  /** Takes the leadership from a holder that does not answer. That holder learns it by `Leadership.lost`. */
  steal(signal: AbortSignal): Promise<Leadership>
}

export interface Leadership {
  /** Aborts when another candidate took the leadership; never when its own signal gave it up. */
  readonly lost: AbortSignal
}
