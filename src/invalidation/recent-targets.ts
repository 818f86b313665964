import { createMatcher, isHit } from './matcher.js'
import type { QuerySlice } from './query-client.js'
import type { NormalTarget } from './target.js'

/** So much is remembered: targets, and for how long (ms). */
const LIMITS = { count: 1_000, age: 60_000 }
/** How far the clock that dated restored data may be ahead of ours (ms). */
const SKEW = 1_000

/**
 * What was made stale lately. Data that comes into the cache without a fetch of this tab (restored from disk, rendered
 * by a server, sent by another tab) was not there when the events came; so it is asked afterwards whether one concerned it.
 */
export function createRecentTargets(now: () => number) {
  /** Of what came up to here nothing is known. */
  let floor = now()
  let entries: { readonly at: number; readonly target: NormalTarget }[] = []

  function trim(): void {
    const oldest = now() - LIMITS.age
    const firstYoung = entries.findIndex(({ at }) => at >= oldest)
    const drop = Math.max(firstYoung === -1 ? entries.length : firstYoung, entries.length - LIMITS.count)
    const last = entries[drop - 1]
    if (!last) return
    floor = Math.max(floor, last.at)
    entries = entries.slice(drop)
  }

  return {
    add(targets: Iterable<NormalTarget>): void {
      for (const target of targets) entries.push({ at: now(), target })
      if (entries.length > LIMITS.count * 1.5) trim()
    },
    /** Events may have been missed up to that moment. */
    missed(until: number): void {
      floor = Math.max(floor, until)
    },
    /** Whether nothing that is known of can have changed this query since its data is of. */
    vouchesFor(query: QuerySlice): boolean {
      trim()
      const { dataUpdatedAt } = query.state
      if (dataUpdatedAt > now() || dataUpdatedAt - SKEW <= floor) return false
      const since = entries.filter(({ at }) => at >= dataUpdatedAt - SKEW).map(({ target }) => target)
      return !isHit(createMatcher(since)(query))
    },
  }
}
