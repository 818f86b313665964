import type { LogicalClock } from '../invalidation/logical-clock.js'
import { ORIGIN_HEADER } from '../wire/protocol.js'

/** An answer is remembered this long (ms). An event that comes later counts as anybody's. */
const ANSWER_MEMORY_MS = 60_000

/** The events of one request come within this time (ms) of each other. Everybody else who got them knows its name by then. */
const OWN_EVENTS_MS = 1_000

/**
 * The app sets what an answer brought soon. What it sets later may be another kind of guess. Turns of the page's thread, each of
 * some milliseconds: on a busy thread 20 ms are over before it has read the answer's body.
 */
const ANSWER_WRITES = { turns: 4, turnMs: 5 }

/** Characters of the hash of a request's secret, as the server puts it into the envelope of its events. */
const HASH_LENGTH = 22

interface OwnWritesOptions {
  /** A new secret that nobody can guess; undefined where there is no browser. */
  readonly newSecret: () => string | undefined
  /** In base64url. Missing on insecure origins: there, this tab's own events count as anybody's. */
  readonly sha256: ((text: string) => Promise<string>) | undefined
  /** Milliseconds, never set back. */
  readonly monotonic: () => number
  readonly after: (ms: number, run: () => void) => unknown
}

/** An answer to a request of this tab. `until` and `timestamp` are of the logical clock, the moments of the monotonic one. */
interface OwnAnswer {
  readonly timestamp: number
  readonly at: number
  until: number
  firstEventAt?: number
}

/**
 * The requests of this tab that may cause events. Each carries a secret; its events carry only the secret's hash. So who
 * receives an event can't send the secret with a request of their own, and make this tab take another change for its own. An event
 * counts as this tab's own only if its request was answered.
 */
export function createOwnWrites({ newSecret, sha256, monotonic, after }: OwnWritesOptions) {
  const answers = new Map<string, OwnAnswer>()
  const underWay = new Set<string>()
  /** Secrets that are being hashed. A busy machine may take longer for that than for the request. */
  let hashing = 0
  let timestamp = 0
  let lastAnswerAt = Number.NEGATIVE_INFINITY

  const forget = () => {
    for (const [hash, { at }] of answers) if (monotonic() - at > ANSWER_MEMORY_MS) answers.delete(hash)
  }

  const logicalClock: LogicalClock = {
    next: () => ++timestamp,
    answeredAt(hash) {
      const answer = answers.get(hash)
      if (!answer || monotonic() - answer.at > ANSWER_MEMORY_MS) return undefined
      answer.firstEventAt ??= monotonic()
      return monotonic() - answer.firstEventAt <= OWN_EVENTS_MS ? answer : undefined
    },
    // Whose event it is is known when all are hashed.
    isUnderWay: (hash) => hashing > 0 || underWay.has(hash),
    lastAnswer: () => lastAnswerAt,
  }

  return {
    logicalClock,
    /** A request that fails may have changed something or not, so its events count as anybody's. */
    async run<T>(request: (headers: Record<string, string>) => Promise<T>): Promise<T> {
      forget()
      const secret = sha256 && newSecret()
      // It is hashed while the request is under way.
      const hash = secret && sha256?.(secret).then((whole) => whole.slice(0, HASH_LENGTH))
      // Without a hash its events count as anybody's.
      const withHash = (run: (known: string) => void) => void (hash || undefined)?.then(run).catch(() => undefined)
      let isUnderWay = true
      const hashed = () => void hashing--
      if (hash) hashing++
      void (hash || undefined)?.then(hashed, hashed)
      withHash((known) => {
        if (isUnderWay) underWay.add(known)
      })
      try {
        const answer = await request(secret ? { [ORIGIN_HEADER]: secret } : {})
        lastAnswerAt = monotonic()
        const answered = { timestamp: ++timestamp, at: lastAnswerAt, until: Number.POSITIVE_INFINITY }
        withHash((known) => answers.set(known, answered))
        const wait = (turns: number) =>
          after(ANSWER_WRITES.turnMs, () => {
            if (turns > 1) wait(turns - 1)
            else answered.until = timestamp
          })
        wait(ANSWER_WRITES.turns)
        return answer
      } finally {
        isUnderWay = false
        withHash((known) => underWay.delete(known))
      }
    },
  }
}
