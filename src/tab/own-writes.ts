import type { LogicalClock } from '../invalidation/logical-clock.js'
import { ORIGIN_HEADER } from '../wire/protocol.js'

/** An answer is remembered this long (ms): an event that comes later is answered like anybody's. */
const MEMORY = 60_000

/** The events of one request come within this time (ms) of each other. Whoever else got them knows its name by then. */
const ECHOES = 1_000

/** What the app makes of an answer it sets in the same breath; what is set later than this (ms) may be a guess of another kind. */
const BREATH = 20

/**
 * The requests of this tab that may cause events. Each has a name that nobody can guess, and an event counts as an echo
 * only of a request that was answered: a forged or stale name makes no tab miss anything.
 */
export function createOwnWrites(
  origin: () => string,
  now: () => number,
  after: (ms: number, run: () => void) => unknown,
) {
  const answers = new Map<string, { readonly timestamp: number; readonly at: number; until: number; echoed?: number }>()
  let requests = 0
  let place = 0
  let lastAnswer = Number.NEGATIVE_INFINITY

  const forget = () => {
    for (const [name, { at }] of answers) if (now() - at > MEMORY) answers.delete(name)
  }

  const order: LogicalClock = {
    next: () => ++place,
    answeredAt(name) {
      const answer = answers.get(name)
      if (!answer || now() - answer.at > MEMORY) return undefined
      answer.echoed ??= now()
      return now() - answer.echoed <= ECHOES ? answer : undefined
    },
    lastAnswer: () => lastAnswer,
  }

  return {
    order,
    /** A request that fails may have changed something or not, so its events are answered like anybody's. */
    async run<T>(request: (headers: Record<string, string>) => Promise<T>): Promise<T> {
      forget()
      const tab = origin()
      const name = `${tab}.${++requests}`
      const answer = await request(tab === '' ? {} : { [ORIGIN_HEADER]: name })
      lastAnswer = now()
      const answered = { timestamp: ++place, at: lastAnswer, until: Number.POSITIVE_INFINITY }
      answers.set(name, answered)
      after(BREATH, () => {
        answered.until = place
      })
      return answer
    },
  }
}
