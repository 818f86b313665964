import type { TabEnvironment } from '../platform/page.js'
import type { LogicalClock } from './logical-clock.js'
import type { MutationSlice, QueryClientSlice } from './query-client.js'
import type { QueryRecord } from './query-record.js'

/** What a mutation wrote by hand is held this long at most (ms). One that waits for the network runs for hours. */
const MAX_HOLD_MS = 60_000

/** What running mutations wrote into a query by hand: perhaps an optimistic update, to be confirmed or rolled back by them. */
export interface Guess {
  /** Those that ran when it was written, and still run. */
  readonly writers: Set<MutationSlice>
  /** A change or a gap came since: a rollback may bring back what was there before that. */
  isOutdated: boolean
  /** It has been held for long enough. */
  isExpired: boolean
  cancelTimer(): void
}

interface GuessesOptions {
  readonly client: QueryClientSlice
  readonly logicalClock: LogicalClock
  readonly timers: Pick<TabEnvironment['timers'], 'after'>
  /** The query is not held any more. */
  readonly onReleased: (record: QueryRecord) => void
}

/**
 * Holds queries that running mutations have written by hand, each for as long as its writers run: a refetch would put the
 * server's old state over an optimistic update. All other queries are fetched meanwhile.
 */
export function createGuesses({ client, logicalClock, timers, onReleased }: GuessesOptions) {
  /** When each running mutation began, by the logical clock. */
  const running = new Map<MutationSlice, number>()
  const guessed = new Set<QueryRecord>()
  /** They have held a query for long enough. One that waits for the network must not make others hold for as long. */
  const tooLong = new WeakSet<MutationSlice>()

  const isRunning = ({ state }: MutationSlice): boolean => state.status === 'pending'

  function begin(mutation: MutationSlice): void {
    if (!running.has(mutation)) running.set(mutation, logicalClock.next())
  }

  function end(mutation: MutationSlice): void {
    if (!running.delete(mutation)) return
    for (const record of guessed) {
      if (record.guess?.writers.delete(mutation) && record.guess.writers.size === 0) release(record)
    }
  }

  function forget(record: QueryRecord): void {
    record.guess?.cancelTimer()
    record.guess = undefined
    guessed.delete(record)
  }

  function release(record: QueryRecord): void {
    forget(record)
    onReleased(record)
  }

  function expire(record: QueryRecord): void {
    if (!record.guess) return
    record.guess.isExpired = true
    for (const writer of record.guess.writers) tooLong.add(writer)
    onReleased(record)
  }

  client.getMutationCache().getAll().filter(isRunning).forEach(begin)
  const stop = client.getMutationCache().subscribe(({ type, mutation }) => {
    if (!mutation) return
    if (type !== 'removed' && isRunning(mutation)) begin(mutation)
    else end(mutation)
  })

  return {
    /** The app has set the query's data. Returns when the youngest mutation began that runs now; 0 if none does. */
    onSet(record: QueryRecord): number {
      if (running.size === 0) return 0
      const isOutdated = record.guess?.isOutdated ?? false
      const recent = [...running.keys()].filter((mutation) => !tooLong.has(mutation))
      record.guess?.cancelTimer()
      record.guess = {
        writers: new Set(running.keys()),
        isOutdated,
        isExpired: recent.length === 0,
        cancelTimer: recent.length === 0 ? () => undefined : timers.after(MAX_HOLD_MS, () => expire(record)),
      }
      guessed.add(record)
      return Math.max(...running.values())
    },
    isHeld: ({ guess }: QueryRecord): boolean => guess !== undefined && !guess.isExpired,
    forget,
    close(): void {
      stop()
      for (const record of guessed) record.guess?.cancelTimer()
    },
  }
}

export type Guesses = ReturnType<typeof createGuesses>
