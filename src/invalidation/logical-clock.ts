/**
 * One order of all that decides whether data can have a change in it: fetches that begin, events that come, requests of
 * this tab that are answered.
 */
export interface LogicalClock {
  /** The next place in it. */
  next(): number
  /**
   * When the request of that name was answered, and up to where what is set can be taken for its answer; undefined if it
   * was not answered, is no longer known, or is not this tab's.
   */
  answeredAt(origin: string): { readonly place: number; readonly until: number } | undefined
  /** When a request of this tab was answered last. Milliseconds since the Unix epoch. */
  lastAnswer(): number
}
