import type { Clock } from '../platform/page.js'
import { hits } from './matcher.js'
import type { QuerySlice } from './query-client.js'
import type { AnyNames } from './scope.js'
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
export function createRecentTargets({ now, monotonic }: Pick<Clock, 'now' | 'monotonic'>, anyNames: AnyNames) {
  /** Events up to this moment are unknown. Milliseconds of the monotonic clock. */
  let floor = monotonic()
  const clocksApart = now() - monotonic()
  let entries: { readonly at: number; readonly target: NormalTarget }[] = []

  function trim(): void {
    const oldest = monotonic() - MAX_RECENT_AGE_MS
    const firstYoung = entries.findIndex(({ at }) => at >= oldest)
    const drop = Math.max(firstYoung === -1 ? entries.length : firstYoung, entries.length - MAX_RECENT_TARGETS)
    const last = entries[drop - 1]
    if (!last) return
    floor = Math.max(floor, last.at)
    entries = entries.slice(drop)
  }

  return {
    add(targets: Iterable<NormalTarget>): void {
      for (const target of targets) entries.push({ at: monotonic(), target })
      if (entries.length > MAX_RECENT_TARGETS * 1.5) trim()
    },
    /** Events may have been missed up to this moment. */
    missed(until: number): void {
      floor = Math.max(floor, until)
    },
    /** True if all events since the query's data was fetched are known, and none concerns it. */
    provesUnchanged(query: QuerySlice): boolean {
      trim()
      const ageMs = now() - query.state.dataUpdatedAt
      const earliest = monotonic() - ageMs - RESTORED_SKEW_MS
      // Where the wall clock was set meanwhile, it can't date anything.
      const wasSet = Math.abs(now() - monotonic() - clocksApart) > RESTORED_SKEW_MS
      if (wasSet || ageMs < 0 || earliest <= floor) return false
      return !entries.some(({ at, target }) => at >= earliest && hits(target, query, anyNames))
    },
  }
}
