import type { Machine } from './machine.js'

const MAX_LOGGED_EVENTS = 60
/** How long after its commit an event is handed on at most. */
const MAX_LAG_MS = 60
/** How long the database takes to answer at most: usually, and in a share of slow answers. */
const MAX_QUERY_MS = { usual: 80, slow: 4_000 }
const SLOW_SHARE = 0.3

export interface CommittedEvent {
  readonly identity: string
  readonly path?: string | undefined
  readonly name: string
  readonly metadata: object
}

/**
 * The server's log of events, an outbox. It numbers an event at its commit, and hands it on a little later, whether or
 * not a client is connected. It keeps it for clients that were away.
 */
export function createSimulatedLog(machine: Machine, handOn: (event: CommittedEvent) => void) {
  const { time } = machine
  const random = machine.createRandom()
  let entries: (CommittedEvent & { readonly id: number })[] = []
  let last = 0
  let due = 0

  return {
    commit({ identity, path, name, metadata }: CommittedEvent): void {
      const id = ++last
      const reserved = (metadata as { readonly _line?: object })._line
      const entry = { id, identity, path, name, metadata: { ...metadata, _line: { ...reserved, id } } }
      entries = [...entries.slice(-(MAX_LOGGED_EVENTS - 1)), entry]
      // In order, always.
      due = Math.max(due, time.now() + random() * MAX_LAG_MS)
      time.after(due - time.now(), () => handOn(entry))
    },
    newest: () => last,
    /** The events after a cursor; undefined if the log does not reach back that far. */
    after(identity: string, path: string, cursor: number): readonly CommittedEvent[] | undefined {
      const oldest = entries[0]?.id ?? last + 1
      if (cursor < oldest - 1) return undefined
      return entries.filter(
        (entry) => entry.id > cursor && entry.identity === identity && (entry.path ?? path) === path,
      )
    },
    /** Runs `run` when the database has answered. */
    query(run: () => void): void {
      time.after((random() < SLOW_SHARE ? MAX_QUERY_MS.slow : MAX_QUERY_MS.usual) * random(), run)
    },
    /** Whether the server reports that the log has lost a client's missed events. */
    reportsMissing: () => random() < 0.5,
  }
}
