import type { Metadata } from '../wire/protocol.js'
import type { QueryKey } from './target.js'

/** An event as a tab received it. */
export interface ServerEvent {
  readonly name: string
  /** Empty if the server sent something that is not an object (which was reported). */
  readonly metadata: Metadata
}

/** What one flush did with the queries of its events. */
export interface Receipt {
  /** Milliseconds since the Unix epoch. */
  readonly at: number
  /**
   * `events`: a debounced flush. `gap`: events may have been missed, or data was restored. `visible`: the tab became visible
   * again, or a query got an observer. `poll`: the connection is down, and `polling` is on.
   */
  readonly cause: 'events' | 'gap' | 'visible' | 'poll'
  /** The events of this flush, in order. Empty unless the cause is `events`. */
  readonly events: readonly ServerEvent[]
  /** Fetched now. */
  readonly refetched: readonly QueryKey[]
  /** Fetched by one tab for all tabs of this browser that need it now (`shareFetches`). */
  readonly shared: readonly QueryKey[]
  /** Being fetched already: that fetch finishes, then one more follows. */
  readonly joined: readonly QueryKey[]
  /** Marked stale. Fetched when the tab is visible, the query is active, and the resync's jitter is over. */
  readonly deferred: readonly QueryKey[]
  /** Not fetched, because the key contradicts the scope. */
  readonly skipped: readonly QueryKey[]
  /** Not fetched, because it was fetched after the event had arrived, or after the own write that caused it. */
  readonly covered: readonly QueryKey[]
}
