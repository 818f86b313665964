import type { TabEnvironment } from '../platform/page.js'
import type { Collector } from './collector.js'
import type { Ledger } from './ledger.js'
import type { LogicalClock } from './logical-clock.js'
import { createMatcher, isHit } from './matcher.js'
import { liveModeOf, type QueryClientSlice, type QuerySlice } from './query-client.js'
import type { createReceipts } from './receipt.js'
import type { AnyNames } from './scope.js'
import type { NormalTarget } from './target.js'
import type { Walk } from './walk.js'

interface SecondLookOptions {
  readonly client: QueryClientSlice
  readonly timers: Pick<TabEnvironment['timers'], 'after'>
  readonly logicalClock: LogicalClock
  readonly receipts: ReturnType<typeof createReceipts>
  readonly ledger: Ledger
  readonly collector: Collector
  readonly walk: Walk
  readonly anyNames: AnyNames
}

export type SecondLook = ReturnType<typeof createSecondLook>

/** Makes fetches once more where the first ones may have read a replica, or a cache, that did not have the change yet. */
export function createSecondLook(options: SecondLookOptions) {
  const { client, timers, logicalClock, receipts, ledger, collector, walk, anyNames } = options
  const cancels = new Set<() => void>()

  function look(targets: readonly NormalTarget[], answers: readonly number[]): void {
    const matchOf = createMatcher(targets, anyNames)
    const receipt = receipts('again', [], answers)
    const act = (query: QuerySlice) => {
      // Who fetches on demand has been told of the change.
      if (!isHit(matchOf(query)) || ['off', 'manual'].includes(liveModeOf(query))) return
      const record = ledger.recordOf(query)
      ledger.owe(record, logicalClock.next())
      const outcome = collector.collect(record)
      if (outcome) receipt.add(outcome, query, record)
    }
    walk.run(client.getQueryCache().getAll(), act, receipt.send)
  }

  return {
    /** These targets were flushed now, as the receipt of that number says. */
    plan(targets: readonly NormalTarget[], receipt: number): void {
      for (const ms of new Set(targets.map(({ againMs = 0 }) => againMs))) {
        if (ms === 0) continue
        const due = targets.filter(({ againMs }) => againMs === ms)
        const cancel = timers.after(ms, () => {
          cancels.delete(cancel)
          look(due, receipt > 0 ? [receipt] : [])
        })
        cancels.add(cancel)
      }
    },
    close(): void {
      for (const cancel of cancels) cancel()
      cancels.clear()
    },
  }
}
