import type { LogicalClock } from '../invalidation/logical-clock.js'
import { ORIGIN_HEADER } from '../wire/protocol.js'

/** An answer is remembered this long (ms). An event that comes later counts as anybody's. */
const ANSWER_MEMORY_MS = 60_000

/** The events of one request come within this time (ms) of each other. Everybody else who got them knows its name by then. */
const OWN_EVENTS_MS = 1_000

/** The app sets what an answer brought at once. What it sets later than this (ms) may be another kind of guess. */
const ANSWER_WRITES_MS = 20

/**
 * The requests of this tab that may cause events. Each has a name that nobody can guess. An event counts as this tab's own
 * only if its request was answered: a forged or stale name makes no tab miss anything.
 */
export function createOwnWrites(
  origin: () => string,
  now: () => number,
  after: (ms: number, run: () => void) => unknown,
) {
  const answers = new Map<
    string,
    { readonly timestamp: number; readonly at: number; until: number; firstEventAt?: number }
  >()
  let requests = 0
  let timestamp = 0
  let lastAnswerAt = Number.NEGATIVE_INFINITY

  const forget = () => {
    for (const [name, { at }] of answers) if (now() - at > ANSWER_MEMORY_MS) answers.delete(name)
  }

  const logicalClock: LogicalClock = {
    next: () => ++timestamp,
    answeredAt(name) {
      const answer = answers.get(name)
      if (!answer || now() - answer.at > ANSWER_MEMORY_MS) return undefined
      answer.firstEventAt ??= now()
      return now() - answer.firstEventAt <= OWN_EVENTS_MS ? answer : undefined
    },
    lastAnswer: () => lastAnswerAt,
  }

  return {
    logicalClock,
    /** A request that fails may have changed something or not, so its events count as anybody's. */
    async run<T>(request: (headers: Record<string, string>) => Promise<T>): Promise<T> {
      forget()
      const tab = origin()
      const name = `${tab}.${++requests}`
      const answer = await request(tab === '' ? {} : { [ORIGIN_HEADER]: name })
      lastAnswerAt = now()
      const answered = { timestamp: ++timestamp, at: lastAnswerAt, until: Number.POSITIVE_INFINITY }
      answers.set(name, answered)
      after(ANSWER_WRITES_MS, () => {
        answered.until = timestamp
      })
      return answer
    },
  }
}
