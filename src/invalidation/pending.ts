import type { Ledger } from './ledger.js'
import { liveModeOf } from './query-client.js'
import type { QueryRecord } from './query-record.js'
import { type QueryKey, startsWith } from './target.js'

/** The fetches that queries in use owe, other than those that are fetched on demand. */
export interface PendingFetches {
  /** How many queries. */
  readonly count: number
  /** Since when the first of them does. Milliseconds since the Unix epoch. Undefined if none does. */
  readonly since: number | undefined
}

/** What has changed in a query's data since it was fetched. */
export interface PendingChanges {
  /** How many events. */
  readonly count: number
  /** Events may have been missed as well: there may be more changes. */
  readonly isUncertain: boolean
  /** When the first change came, or may have come. Milliseconds since the Unix epoch. Undefined if nothing has changed. */
  readonly since: number | undefined
}

/** Tells what is owed, once for all changes of one task. */
export function createPending(ledger: Ledger, onPending: ((pending: PendingFetches) => void) | undefined) {
  let isDue = false
  let closed = false

  const earliest = (records: readonly QueryRecord[]): number | undefined =>
    records.reduce<number | undefined>(
      (first, { debt }) => Math.min(first ?? Number.POSITIVE_INFINITY, debt?.since ?? 0),
      undefined,
    )

  function tell(): void {
    isDue = false
    if (closed) return
    const due = ledger.owingInUse().filter(({ query }) => !['manual', 'off'].includes(liveModeOf(query)))
    onPending?.({ count: due.length, since: earliest(due) })
  }

  const owingUnder = (queryKey: QueryKey): readonly QueryRecord[] =>
    ledger.owing().filter(({ query }) => startsWith(query.queryKey, queryKey))

  return {
    owingUnder,
    changed(): void {
      if (!onPending || isDue) return
      isDue = true
      void Promise.resolve().then(tell)
    },
    changes(queryKey: QueryKey): PendingChanges {
      const due = owingUnder(queryKey)
      // One event may change several queries.
      const events = new Set(due.flatMap(({ debt }) => [...(debt?.events ?? [])]))
      return { count: events.size, isUncertain: due.some(({ debt }) => debt?.hasGap), since: earliest(due) }
    },
    close(): void {
      closed = true
      onPending?.({ count: 0, since: undefined })
    },
  }
}
