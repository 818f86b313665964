import type { Clock } from '../platform/page.js'
import type { Collector } from './collector.js'
import type { Ledger } from './ledger.js'
import type { LogicalClock } from './logical-clock.js'
import { isIdle, type QuerySlice } from './query-client.js'
import { cameAfter, type QueryRecord, runningFetch, wasRequestedAfter } from './query-record.js'
import type { createReceipts, Outcome } from './receipt.js'
import type { RecentTargets } from './recent-targets.js'
import { type QueryKey, startsWith } from './target.js'
import type { Walk } from './walk.js'

interface DoubtsOptions {
  readonly ledger: Ledger
  readonly collector: Collector
  readonly walk: Walk
  readonly receipts: ReturnType<typeof createReceipts>
  readonly recent: RecentTargets
  readonly logicalClock: LogicalClock
  readonly environment: { readonly clock: Clock }
  /** Those that a rule can reach. */
  readonly mappedQueries: (among?: readonly QuerySlice[]) => readonly QuerySlice[]
}

/** Finds queries that may lack a change which no event will announce. Moments are milliseconds of the monotonic clock. */
export function createDoubts(options: DoubtsOptions) {
  const { ledger, collector, walk, receipts, recent, logicalClock, environment, mappedQueries } = options
  const { clock } = environment
  const restored = new Set<QueryRecord>()

  /** The running fetch is too early, or there is none. */
  function owe(record: QueryRecord, needs = logicalClock.next()): Outcome | undefined {
    ledger.owe(record, needs, { isFromGap: true })
    if (!record.debt) return undefined
    if (!isIdle(record.query)) return 'joined'
    ledger.mark(record)
    return 'deferred'
  }

  /** What has no data has nothing to be doubted. If it is in use, its first load has failed, or was cancelled. */
  const canLack = ({ query }: QueryRecord): boolean => query.state.data !== undefined || query.isActive()

  function doubt(queries: readonly QuerySlice[], decide: (record: QueryRecord) => Outcome | undefined): void {
    const receipt = receipts('gap')
    const act = (query: QuerySlice) => {
      const record = ledger.recordOf(query)
      const outcome = decide(record)
      if (outcome) receipt.add(outcome, query, record)
    }
    walk.run(queries, act, () => {
      receipt.send()
      collector.afterGap()
    })
  }

  function checkRestored(): void {
    const queries = mappedQueries([...restored].map(({ query }) => query))
    restored.clear()
    doubt(queries, (record) => {
      const isDated = record.fetched?.at !== Number.NEGATIVE_INFINITY
      return recent.provesUnchanged(record.query, isDated) ? undefined : owe(record)
    })
  }

  return {
    /** Events may have been missed: data that came up to `until` is stale, and so are running fetches if `inFlight`. */
    gap(until: number, inFlight: boolean): void {
      recent.missed(until)
      doubt(mappedQueries(), (record) => {
        const running = runningFetch(record, clock)
        const isWhole = running?.kind === 'whole'
        if (isWhole && inFlight) return owe(record)
        // What a mutation wrote by hand it may take back, and then the data is that of before.
        const isFresh = !record.guess && cameAfter(record, until, clock)
        if (isFresh || !canLack(record)) return undefined
        if (!isWhole) return owe(record)
        if (record.query.state.data === undefined) return undefined
        // That fetch is late enough, but it may fail.
        owe(record, running.timestamp - 1)
        return 'covered'
      })
    },
    /** A topic is joined since `at`: data requested before may lack its events, if its key begins with one of `keys`. */
    topicJoined(at: number, keys: readonly QueryKey[] | undefined): void {
      recent.missed(at)
      const concerned = mappedQueries().filter(({ queryKey }) => !keys || keys.some((key) => startsWith(queryKey, key)))
      doubt(concerned, (record) => {
        const isRunning = !isIdle(record.query)
        if (!wasRequestedAfter(record, at, clock)) return isRunning || canLack(record) ? owe(record) : undefined
        if (!isRunning || record.running?.kind === 'page') return undefined
        owe(record, record.running ? record.running.timestamp - 1 : 0)
        return 'covered'
      })
    },
    /** The query got data that was not fetched here. A cache is restored as a whole: one walk when that is done. */
    onRestored(record: QueryRecord): void {
      if (restored.size === 0) void Promise.resolve().then(checkRestored)
      restored.add(record)
    },
    close: () => restored.clear(),
  }
}
