import type { Metadata } from '../wire/protocol.js'
import type { QueryKey } from './target.js'

/** An event as a tab received it. */
export interface ServerEvent {
  readonly name: string
  /** Empty when the server sent something that is no object (which was reported). */
  readonly metadata: Metadata
}

/** What one flush did: events -> queries. */
export interface Receipt {
  /** Milliseconds since the Unix epoch. */
  readonly at: number
  /**
   * `events`: a debounced flush. `gap`: events may have been missed, or data was restored. `visible`: the tab was looked at
   * again. `poll`: the line is down, and `polling` is on.
   */
  readonly cause: 'events' | 'gap' | 'visible' | 'poll'
  /** The events that this flush answers, in order; empty unless the cause is `events`. */
  readonly events: readonly ServerEvent[]
  /** Fetched now. */
  readonly refetched: readonly QueryKey[]
  /** Fetched once for all tabs of this browser that need it now, by one of them (`shareFetches`). */
  readonly shared: readonly QueryKey[]
  /** Being fetched already: that fetch is left to finish, then there is one more. */
  readonly joined: readonly QueryKey[]
  /** Marked stale, to be fetched when the tab is looked at, the query comes into use, or the resync's jitter is over. */
  readonly deferred: readonly QueryKey[]
  /** Left alone, because the key contradicts the scope. */
  readonly skipped: readonly QueryKey[]
  /** Left alone, because it was fetched after the event had come, or after the request of this tab that caused it. */
  readonly covered: readonly QueryKey[]
}
