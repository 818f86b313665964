import type { EventPair, Since } from '../wire/protocol.js'

interface HistoryEntry {
  readonly seq: number
  readonly at: number
  readonly pair: EventPair
}

/** How far a tab's clock may be behind the hub's, both being of one machine. Milliseconds. */
const MAX_CLOCK_SKEW_MS = 100

/** What a hub can send again: its recent events, without a hole since a known moment. */
export interface History {
  readonly seq: number
  add(pair: EventPair): number
  /** Events may have been missed up to now: nothing older is complete. */
  break(): number
  /** The events that came since; undefined when some of them may be missing. */
  since(since: Since, epoch: string): readonly EventPair[] | undefined
}

/** Bounded by count and by age (milliseconds). */
export function createHistory(now: () => number, limits = { count: 2_000, age: 300_000 }): History {
  let seq = 0
  let entries: HistoryEntry[] = []
  /** Complete after this seq and this moment; not at all before the first connection. */
  let floor = { seq: 0, at: Number.POSITIVE_INFINITY }

  const trim = () => {
    const oldest = now() - limits.age
    let drop = entries.length - limits.count
    if (drop < 0) drop = 0
    while (drop < entries.length && (entries[drop] as HistoryEntry).at < oldest) drop++
    const last = entries[drop - 1]
    if (!last) return
    floor = { seq: last.seq, at: last.at }
    entries = entries.slice(drop)
  }

  return {
    get seq() {
      return seq
    },
    add(pair) {
      entries.push({ seq: ++seq, at: now(), pair })
      // Trimming copies; do it once in a while, not at every event of a burst.
      if (entries.length > limits.count * 1.5) trim()
      return seq
    },
    break() {
      entries = []
      // A number of its own: a tab that has all events up to the break does not know of the break.
      floor = { seq: ++seq, at: now() }
      return seq
    },
    since({ epoch: theirs, seq: last, ageMs }, epoch) {
      trim()
      const time = now() - ageMs
      if (theirs === epoch && last !== undefined) {
        return last < floor.seq ? undefined : entries.filter((entry) => entry.seq > last).map((entry) => entry.pair)
      }
      return time < floor.at
        ? undefined
        : entries.filter((entry) => entry.at >= time - MAX_CLOCK_SKEW_MS).map((entry) => entry.pair)
    },
  }
}
