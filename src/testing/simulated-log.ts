import type { Machine } from './machine.js'

/** So many events are kept. */
const KEPT = 60
/** How long (ms) after its commit an event is handed on at most. */
const LAG = 60
/** How long (ms) the database takes to answer; now and then much longer. */
const ANSWER = { usual: 80, slow: 4_000, share: 0.3 }

/** An event as it was committed. */
export interface Committed {
  readonly identity: string
  readonly name: string
  readonly metadata: object
}

/**
 * An outbox: events are numbered when they are committed, handed on a little later, whether or not anybody is there to
 * hear, and kept for those who were away.
 */
export function createSimulatedLog(machine: Machine, handOn: (event: Committed) => void) {
  const { time } = machine
  const chance = machine.chance()
  let entries: (Committed & { readonly id: number })[] = []
  let last = 0
  let due = 0

  return {
    commit({ identity, name, metadata }: Committed): void {
      const id = ++last
      const entry = { id, identity, name, metadata: { ...metadata, _line: { id } } }
      entries = [...entries.slice(-(KEPT - 1)), entry]
      // In order, always.
      due = Math.max(due, time.now() + chance() * LAG)
      time.after(due - time.now(), () => handOn(entry))
    },
    newest: () => last,
    /** Undefined if it does not reach back that far. */
    after(identity: string, cursor: number): readonly Committed[] | undefined {
      const oldest = entries[0]?.id ?? last + 1
      if (cursor < oldest - 1) return undefined
      return entries.filter((entry) => entry.id > cursor && entry.identity === identity)
    },
    /** Runs something when the database has answered. */
    ask(run: () => void): void {
      time.after(chance() < ANSWER.share ? ANSWER.slow * chance() : ANSWER.usual * chance(), run)
    },
    /** Whether a client that can't be replayed to is told so. */
    isFrank: () => chance() < 0.5,
  }
}
