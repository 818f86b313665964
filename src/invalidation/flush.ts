import type { createCollection } from './collection.js'
import type { Collector } from './collector.js'
import type { Ledger } from './ledger.js'
import { createMatcher, hits, isHit } from './matcher.js'
import { isIdle, liveModeOf, type QueryClientSlice, type QuerySlice } from './query-client.js'
import { containsChange, type QueryRecord } from './query-record.js'
import type { createReceipts } from './receipt.js'
import type { RecentTargets } from './recent-targets.js'
import type { AnyNames } from './scope.js'
import type { SecondLook } from './second-look.js'
import type { NormalTarget } from './target.js'
import type { Walk } from './walk.js'

interface FlushOptions {
  readonly client: QueryClientSlice
  readonly collection: ReturnType<typeof createCollection>
  readonly recent: RecentTargets
  readonly receipts: ReturnType<typeof createReceipts>
  readonly ledger: Ledger
  readonly collector: Collector
  readonly walk: Walk
  readonly secondLook: SecondLook
  readonly anyNames: AnyNames
}

/** Creates the function that applies the collected targets to the cache, and then collects what fetches have left owing. */
export function createFlush(options: FlushOptions): () => void {
  const { client, collection, recent, receipts, ledger, collector, walk, secondLook, anyNames } = options

  /** The numbers of the events that change the query, if somebody counts them. */
  const eventsFor = (query: QuerySlice, targets: readonly NormalTarget[]): readonly number[] =>
    liveModeOf(query) === 'manual'
      ? targets.flatMap((target) => (hits(target, query, anyNames) ? (target.events ?? []) : []))
      : []

  return () => {
    const { events, targets } = collection.take()
    recent.add(targets)
    const receipt = receipts('events', events)
    const matchOf = createMatcher(targets, anyNames)
    const collected = new Set<QueryRecord>()
    const act = (query: QuerySlice) => {
      const match = matchOf(query)
      // Most of a large cache.
      if (match === undefined || liveModeOf(query) === 'off') return
      if (!isHit(match)) return receipt.add('skipped', query)
      const record = ledger.recordOf(query)
      // Another page is put behind the pages that were there when it was requested, so it undoes what was set since.
      if (isIdle(query) && containsChange(record, match)) {
        // A rollback may bring back what was there before the change.
        if (record.guess) record.guess.isOutdated = true
        return receipt.add('covered', query)
      }
      ledger.owe(record, match.after, { events: eventsFor(query, targets) })
      const outcome = collector.collect(record)
      if (outcome) receipt.add(outcome, query, record)
      collected.add(record)
    }
    // For receipts alone the cache is not walked.
    walk.run(targets.length === 0 ? [] : client.getQueryCache().getAll(), act, () => {
      receipt.send()
      secondLook.plan(targets, receipt.number())
      collector.collectSoon((record) => collected.has(record))
    })
  }
}
