import { ATTACH_ALLOWANCE_MS, type EventPair, type Since } from '../wire/protocol.js'

export interface HistoryEntry {
  readonly seq: number
  /** When it came, by the monotonic clock. Milliseconds. */
  readonly at: number
  /** Replaced when its handlers in one tab become another tab's. */
  pair: EventPair
}

interface WeighedEntry extends HistoryEntry {
  /** As far as it is known: how many characters it takes as JSON. */
  characters: number
}

const HISTORY_LIMITS = { count: 2_000, ageMs: 300_000, characters: 4_000_000 }

/** What a hub can send again: its recent events, without a hole since a known moment. */
export interface History {
  readonly seq: number
  add(pair: EventPair): number
  /** The last so many events take so many characters together. */
  weigh(count: number, characters: number): void
  /**
   * Events may have been missed up to now: nothing older is complete. `quietSince`: the server says that it has sent nothing
   * since then, so all that is younger is. Gives since when it is complete.
   */
  break(quietSince?: number): number
  /** The events that came since, with their numbers; undefined when some of them may be missing. */
  since(since: Since, epoch: string): readonly HistoryEntry[] | undefined
  /** What is kept of the events after that number. */
  after(seq: number): readonly HistoryEntry[]
}

/** Bounded by count, by age and by size. `now`: a clock that is never set back. */
export function createHistory(now: () => number, limits = HISTORY_LIMITS): History {
  let seq = 0
  let entries: WeighedEntry[] = []
  let characters = 0
  /** Complete after this seq and this moment; not at all before the first connection. */
  let floor = { seq: 0, at: Number.POSITIVE_INFINITY }
  /** When the last event came. */
  let lastAt = Number.NEGATIVE_INFINITY

  const trim = () => {
    const oldest = now() - limits.ageMs
    let drop = 0
    for (const entry of entries) {
      const isKept = entries.length - drop <= limits.count && characters <= limits.characters && entry.at >= oldest
      if (isKept) break
      characters -= entry.characters
      drop++
    }
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
      lastAt = now()
      entries.push({ seq: ++seq, at: lastAt, pair, characters: 0 })
      // Trimming copies; do it once in a while, not at every event of a burst.
      if (entries.length > limits.count * 1.5) trim()
      return seq
    },
    weigh(count, total) {
      for (let index = Math.max(0, entries.length - count); index < entries.length; index++) {
        ;(entries[index] as WeighedEntry).characters = total / count
        characters += total / count
      }
      if (characters > limits.characters * 1.5) trim()
    },
    break(quietSince = now()) {
      entries = []
      characters = 0
      // A number of its own: a tab that has all events up to the break does not know of the break. Events that came since the
      // server said so are forgotten with the others, and then its word is of no use to who has not heard them.
      floor = { seq: ++seq, at: quietSince > lastAt ? quietSince : now() }
      return floor.at
    },
    since({ epoch: theirs, seq: last, ageMs }, epoch) {
      trim()
      if (theirs === epoch && last !== undefined) {
        return last < floor.seq ? undefined : entries.filter((entry) => entry.seq > last)
      }
      // It heard another hub: the age of its page says nothing of what that one missed.
      if (theirs !== undefined) return undefined
      // A hello takes a while, for which the page seems younger than it is.
      const bornAt = now() - ageMs - ATTACH_ALLOWANCE_MS
      return bornAt < floor.at ? undefined : entries.filter((entry) => entry.at >= bornAt)
    },
    after: (number) => entries.filter(({ seq }) => seq > number),
  }
}
