/** How many events are remembered, so that none is delivered twice. */
const MOST = 2_000

/** The server's own numbers of events, where it gives them any: what a server that keeps a log can replay from. */
export interface Cursor {
  /** The event up to which nothing is missing; undefined before the first one. */
  readonly last: string | number | undefined
  /** False when the event came before. */
  admit(id: string | number): boolean
  /** The server replays: until that is over, what it sends live says nothing about what is missing. */
  hold(): void
  release(): void
}

export function createCursor(): Cursor {
  const seen = new Set<string | number>()
  let last: string | number | undefined
  let newest: string | number | undefined
  let held = false

  return {
    get last() {
      return last
    },
    admit(id) {
      if (seen.has(id)) return false
      seen.add(id)
      if (seen.size > MOST) for (const oldest of seen) if (seen.delete(oldest)) break
      newest = id
      if (!held) last = id
      return true
    },
    hold() {
      held = true
    },
    release() {
      held = false
      last = newest
    },
  }
}
