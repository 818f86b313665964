/**
 * One logical clock for everything that decides whether data can contain a change: fetches that start, events that arrive,
 * requests of this tab that are answered. Its timestamps count up; they are not milliseconds.
 */
export interface LogicalClock {
  /** The next timestamp. */
  next(): number
  /**
   * By the hash in the event's envelope: the timestamp of that request's answer, and the timestamp up to which data that the app sets counts as that answer.
   * Undefined if the request was not answered, is too old, or is not this tab's.
   */
  answeredAt(origin: string): { readonly timestamp: number; readonly until: number } | undefined
  /** Whether the request that has this hash is this tab's, and not answered yet. */
  isUnderWay(origin: string): boolean
  /** When a request of this tab was answered last. Milliseconds of the monotonic clock. */
  lastAnswer(): number
}
