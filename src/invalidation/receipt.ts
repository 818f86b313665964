import type { Metadata } from '../wire/protocol.js'
import type { QuerySlice } from './query-client.js'
import type { QueryRecord } from './query-record.js'
import type { QueryKey } from './target.js'

/** An event as a tab received it. */
export interface ServerEvent {
  readonly name: string
  /** Empty if the server sent something that is not an object (which was reported). */
  readonly metadata: Metadata
  /** The trace id that the server gave it. */
  readonly trace?: string
}

/** What happens to one query. */
export type Outcome = 'refetched' | 'shared' | 'joined' | 'deferred' | 'skipped' | 'covered' | 'failed'

/**
 * Why a receipt was made. `events`: a debounced flush. `gap`: events may have been missed, or data was restored. `visible`: the tab
 * became visible again, or a query came into use. `poll`: the connection is down, and `polling` is on. `again`: a fetch did not
 * pay, a mutation has ended, or `againMs` are over. `failed`: fetches have failed.
 */
export type ReceiptCause = 'events' | 'gap' | 'visible' | 'poll' | 'again' | 'failed'

/** What one flush did with the queries of its events. */
export interface Receipt {
  /** Counts up from 1, for one session of one tab. */
  readonly number: number
  /** Milliseconds since the Unix epoch. */
  readonly at: number
  readonly cause: ReceiptCause
  /** The numbers of the last receipts that asked for the fetches of this one, in order. */
  readonly answers: readonly number[]
  /** The events of this flush, in order. Empty unless the cause is `events`. */
  readonly events: readonly ServerEvent[]
  /** Fetched now. */
  readonly refetched: readonly QueryKey[]
  /** Fetched by one tab for all tabs of this browser that need it now (`shareFetches`). */
  readonly shared: readonly QueryKey[]
  /** Being fetched already: that fetch finishes, then one more follows. */
  readonly joined: readonly QueryKey[]
  /** Marked stale. Fetched when the tab is visible, the query is in use, no mutation holds it, and the resync's jitter is over. */
  readonly deferred: readonly QueryKey[]
  /** Not fetched, because the key contradicts the scope. */
  readonly skipped: readonly QueryKey[]
  /** Not fetched, because it was fetched after the event had arrived, or after the own write that caused it. */
  readonly covered: readonly QueryKey[]
  /** Their fetch has failed. They are fetched again, after growing pauses. */
  readonly failed: readonly QueryKey[]
}

/** A receipt names so many of the receipts that asked for its fetches, the last ones. */
const MAX_ANSWERS = 10

export type ReceiptDraft = ReturnType<ReturnType<typeof createReceipts>>

/** Creates the function that begins a receipt. */
export function createReceipts(now: () => number, onReceipt: (receipt: Receipt) => void) {
  let count = 0
  return (cause: ReceiptCause, events: readonly ServerEvent[] = [], asked: readonly number[] = []) => {
    let number = 0
    const answers = new Set<number>(asked)
    const outcomes: Record<Outcome, QueryKey[]> = {
      refetched: [],
      shared: [],
      joined: [],
      deferred: [],
      skipped: [],
      covered: [],
      failed: [],
    }
    const take = (): number => {
      if (number === 0) number = ++count
      return number
    }
    return {
      add(outcome: Outcome, { queryKey }: QuerySlice, record?: QueryRecord): void {
        outcomes[outcome].push(queryKey)
        const { debt } = record ?? {}
        if (!debt) return
        const before = debt.receipts
        for (const one of before) if (one !== number) answers.add(one)
        // A flush may make thousands of queries owe for the first time.
        if (before.length === 0) debt.receipts = [take()]
        else if (before.at(-1) !== number) debt.receipts = [...before, take()].slice(-MAX_ANSWERS)
      },
      /** 0 if there is nothing to say. */
      number: (): number => number,
      /** A receipt of nothing is none. */
      send(): void {
        if (number === 0 && events.length === 0 && Object.values(outcomes).every((keys) => keys.length === 0)) return
        const named = [...answers].sort((one, other) => one - other).slice(-MAX_ANSWERS)
        onReceipt({ number: take(), at: now(), cause, answers: named, events, ...outcomes })
      },
    }
  }
}
