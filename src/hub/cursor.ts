/** How many events are remembered, so that none is delivered twice. */
const MOST = 2_000

/** The server's own numbers of events, where it gives them any: what a server that keeps a log can replay from. */
export interface Cursor {
  /** The event up to which nothing is missing; undefined when that is not known. */
  readonly last: string | number | undefined
  /** False when the event came before: one of that name and number. */
  admit(name: string, id: string | number): boolean
  /** Where the log was before this connection was up. */
  start(id: string | number): void
  /** The server replays: until that is over, what it sends live says nothing about what is missing. */
  hold(): void
  /** Where something may have been missed, the server may also number anew: what it said before counts for nothing. */
  release(unbroken: boolean): void
  /** The log may count anew. */
  forget(): void
}

export function createCursor(): Cursor {
  const seen = new Set<string>()
  let last: string | number | undefined
  let newest: string | number | undefined
  let held = false
  let begin: string | number | undefined

  return {
    get last() {
      return last
    },
    admit(name, id) {
      // One change may be several events, and have one number in the log.
      const event = `${name} ${id}`
      if (seen.has(event)) return false
      seen.add(event)
      if (seen.size > MOST) for (const oldest of seen) if (seen.delete(oldest)) break
      newest = id
      if (!held) last = id
      return true
    },
    start(id) {
      if (held) begin = id
      else last ??= id
    },
    hold() {
      held = true
      newest = undefined
      begin = undefined
    },
    release(unbroken) {
      // Up to where the connection began, everything has been sent again, or is about to be fetched.
      newest = held ? (newest ?? begin) : undefined
      held = false
      if (!unbroken) seen.clear()
      last = newest ?? (unbroken ? last : undefined)
    },
    forget() {
      held = false
      last = undefined
    },
  }
}
