/** How many events are remembered, so that none is delivered twice. */
const MAX_REMEMBERED_EVENTS = 2_000

type EventId = string | number

/** The server's own numbers of events, where it gives them any: what a server that keeps a log can replay from. */
export interface Cursor {
  /** The event up to which nothing is missing; undefined when that is not known. */
  readonly last: EventId | undefined
  /** False for a duplicate: an event of that name and number was admitted before. */
  admit(name: string, id: EventId): boolean
  /** Where the log was before this connection was up. */
  start(id: EventId): void
  /** The server replays: until that is over, its live events say nothing about what is missing. */
  hold(): void
  /**
   * Where something may have been missed, the server may also have restarted its numbers: the former ones are forgotten.
   * `isQuiet`: nobody refetches, because nothing was sent. But the log may hold what is yet to be sent, so where it was when the
   * connection was up is no place to continue from.
   */
  release(unbroken: boolean, isQuiet: boolean): void
  /** The log may have restarted its numbers. */
  forget(): void
}

type CursorState =
  /** `isQuiet`: where the log was when the connection was up does not count. */
  | { readonly name: 'live'; readonly isQuiet: boolean }
  /** `newest`: the last event of this connection. `start`: where the log was before the connection was up. */
  | { readonly name: 'replaying'; newest?: EventId; start?: EventId }

export function createCursor(): Cursor {
  const seen = new Set<string>()
  let last: EventId | undefined
  let state: CursorState = { name: 'live', isQuiet: false }

  return {
    get last() {
      return last
    },
    admit(name, id) {
      // One change may be several events, and have one number in the log.
      const event = `${name} ${id}`
      if (seen.has(event)) return false
      seen.add(event)
      if (seen.size > MAX_REMEMBERED_EVENTS) for (const oldest of seen) if (seen.delete(oldest)) break
      if (state.name === 'replaying') state.newest = id
      else last = id
      return true
    },
    start(id) {
      if (state.name === 'replaying') state.start = id
      else if (!state.isQuiet) last ??= id
    },
    hold() {
      state = { name: 'replaying' }
    },
    release(unbroken, isQuiet) {
      // Up to where the connection began, everything has been sent again, or is about to be refetched.
      const reached = state.name === 'replaying' ? (state.newest ?? (isQuiet ? undefined : state.start)) : undefined
      state = { name: 'live', isQuiet }
      if (!unbroken) seen.clear()
      last = reached ?? (unbroken ? last : undefined)
    },
    forget() {
      state = { name: 'live', isQuiet: false }
      last = undefined
    },
  }
}
