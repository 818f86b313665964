import { createMatcher, isHit } from './matcher.js'
import type { QuerySlice } from './query-client.js'
import type { NormalTarget } from './target.js'

const MAX_RECENT_TARGETS = 1_000
const MAX_RECENT_AGE_MS = 60_000
/** The clock that dated restored data may be ahead of ours by this much. */
const RESTORED_SKEW_MS = 1_000

export type RecentTargets = ReturnType<typeof createRecentTargets>

/**
 * Remembers recent targets. Data that comes into the cache without a fetch of this tab (restored from disk, rendered by a
 * server, sent by another tab) was not there when the events came. So its key is compared with their targets afterwards.
 */
export function createRecentTargets(now: () => number) {
  /** Events up to this moment are unknown. Milliseconds since the Unix epoch. */
  let floor = now()
  let entries: { readonly at: number; readonly target: NormalTarget }[] = []

  function trim(): void {
    const oldest = now() - MAX_RECENT_AGE_MS
    const firstYoung = entries.findIndex(({ at }) => at >= oldest)
    const drop = Math.max(firstYoung === -1 ? entries.length : firstYoung, entries.length - MAX_RECENT_TARGETS)
    const last = entries[drop - 1]
    if (!last) return
    floor = Math.max(floor, last.at)
    entries = entries.slice(drop)
  }

  return {
    add(targets: Iterable<NormalTarget>): void {
      for (const target of targets) entries.push({ at: now(), target })
      if (entries.length > MAX_RECENT_TARGETS * 1.5) trim()
    },
    /** Events may have been missed up to this moment. */
    missed(untilMs: number): void {
      floor = Math.max(floor, untilMs)
    },
    /** True if all events since the query's data was fetched are known, and none concerns it. */
    provesUnchanged(query: QuerySlice): boolean {
      trim()
      const { dataUpdatedAt } = query.state
      if (dataUpdatedAt > now() || dataUpdatedAt - RESTORED_SKEW_MS <= floor) return false
      const since = entries.filter(({ at }) => at >= dataUpdatedAt - RESTORED_SKEW_MS).map(({ target }) => target)
      return !isHit(createMatcher(since)(query))
    },
  }
}
