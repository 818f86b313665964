import type { Clock } from '../platform/page.js'
import { createMatcher, isHit } from './matcher.js'
import type { QuerySlice } from './query-client.js'
import type { AnyNames } from './scope.js'
import type { NormalTarget } from './target.js'

const MAX_RECENT_TARGETS = 1_000
const MAX_RECENT_AGE_MS = 60_000
/** The clock that dated restored data may be ahead of ours by this much. */
const RESTORED_SKEW_MS = 1_000

export type RecentTargets = ReturnType<typeof createRecentTargets>

/**
 * Remembers recent targets. Data may come into the cache without a fetch of this tab: restored from disk, rendered by a
 * server, or given by the app with its age. It was not there when the events came. So its key is compared with their
 * targets afterwards.
 */
export function createRecentTargets({ now, monotonic }: Pick<Clock, 'now' | 'monotonic'>, anyNames: AnyNames) {
  /** Events up to this moment are unknown. Milliseconds of the monotonic clock. */
  let floor = monotonic()
  const clocksApart = now() - monotonic()
  /** `after`: when the event came. */
  let entries: (NormalTarget & { readonly after: number })[] = []
  /** For all entries at once: a cache may be restored query by query. */
  let lastHit: ReturnType<typeof createMatcher> | undefined

  function trim(): void {
    const oldest = monotonic() - MAX_RECENT_AGE_MS
    const firstYoung = entries.findIndex(({ after }) => after >= oldest)
    const drop = Math.max(firstYoung === -1 ? entries.length : firstYoung, entries.length - MAX_RECENT_TARGETS)
    const last = entries[drop - 1]
    if (!last) return
    floor = Math.max(floor, last.after)
    entries = entries.slice(drop)
    lastHit = undefined
  }

  /** When the data was current, at the earliest. Undefined if nothing can date it. */
  function momentOf({ options, state }: QuerySlice): number | undefined {
    const ageMs = now() - state.dataUpdatedAt
    // Where the wall clock was set meanwhile, it can't date anything. A future moment comes from another clock.
    if (ageMs < 0 || Math.abs(now() - monotonic() - clocksApart) > RESTORED_SKEW_MS) return undefined
    // `initialData` is dated by this page.
    return monotonic() - ageMs - (options?.initialData === undefined ? RESTORED_SKEW_MS : 0)
  }

  return {
    add(targets: Iterable<NormalTarget>): void {
      for (const { queryKey, scope } of targets) entries.push({ queryKey, scope, after: monotonic() })
      lastHit = undefined
      if (entries.length > MAX_RECENT_TARGETS * 1.5) trim()
    },
    /** Events may have been missed up to this moment. */
    missed(until: number): void {
      floor = Math.max(floor, until)
    },
    /**
     * True if all events since the query's data was current are known, and none concerns it. `isDated`: its date says when. A
     * page that the server streams does not; no event of the last minute may concern it.
     */
    provesUnchanged(query: QuerySlice, isDated: boolean): boolean {
      trim()
      const earliest = isDated ? momentOf(query) : monotonic() - MAX_RECENT_AGE_MS
      if (earliest === undefined || earliest < floor) return false
      lastHit ??= createMatcher(entries, anyNames)
      const hit = lastHit(query)
      return !isHit(hit) || hit.after < earliest
    },
  }
}
