import type { Page } from '../platform/page.js'
import type { Apply, Outcome } from './apply.js'
import type { createCollection } from './collection.js'
import type { Debts } from './debts.js'
import type { FetchLog } from './fetch-log.js'
import type { Fetching } from './fetching.js'
import { createMatcher, type Hit, isHit } from './matcher.js'
import { isIdle, type QuerySlice } from './query-client.js'
import type { RecentTargets } from './recent-targets.js'
import type { AnyNames } from './scope.js'

interface FlushOptions {
  readonly collection: ReturnType<typeof createCollection>
  readonly debts: Debts
  readonly log: FetchLog
  readonly recent: RecentTargets
  readonly fetching: Fetching
  readonly apply: Apply
  readonly anyNames: AnyNames
  readonly environment: { readonly page: Pick<Page, 'isVisible'> }
}

/** Creates the function that applies the collected targets, and the fetches to repeat, to the cache. */
export function createFlush({
  collection,
  debts,
  log,
  recent,
  fetching,
  apply,
  anyNames,
  environment,
}: FlushOptions): () => void {
  function answer(query: QuerySlice, hit: Hit, visible: boolean): Outcome | undefined {
    if (!log.hasChange(query, hit))
      return isIdle(query) ? fetching.markStale(query, visible) : debts.refetchAfterFetch(query)
    return isIdle(query) ? 'covered' : debts.coverByFetch(query)
  }

  return () => {
    const { events, targets } = collection.take()
    const matchOf = createMatcher(targets, anyNames)
    const repeats = debts.takeRepeats()
    recent.add(targets)
    const visible = environment.page.isVisible()
    // For receipts alone the cache is not walked.
    if (targets.length === 0 && repeats.size === 0) return void apply('events', events)
    const selection = apply('events', events, (query) => {
      const match = matchOf(query)
      const isRepeat = repeats.size > 0 && repeats.has(query.queryHash)
      // Most of a large cache.
      if (match === undefined && !isRepeat) return undefined
      // A fetch that has to be repeated for another reason, perhaps a gap, is not settled by events that its data contains.
      if (isHit(match) && !(isRepeat && log.hasChange(query, match))) return answer(query, match, visible)
      if (!isRepeat) return isHit(match) ? undefined : match
      if (isIdle(query)) return fetching.markStale(query, visible)
      // A fetch that started after the awaited one contains the change already.
      const covered = debts.coverByFetch(query)
      return isHit(match) ? covered : match
    })
    fetching.follow(selection)
  }
}
