import { PartylineServerError } from './errors.js'
import { checkUserId, type UserId } from './rooms.js'

/** Who a socket belongs to. Whatever else your `authenticate` puts into it, you find again in `socket.data.session`. */
export interface Session {
  readonly userId: UserId
  /** When the credentials end: a Date, or milliseconds since the Unix epoch (a JWT's `exp` is seconds). Absent: never. */
  readonly expiresAt?: Date | number | undefined
}

/** What `authenticate` says: a session, a refusal's reason, or nothing for a refusal without one. */
export type Answer<T extends Session> = T | string | null | undefined

export type Decision<T extends Session> =
  | { readonly ok: true; readonly session: T; readonly until: number | undefined }
  | { readonly ok: false; readonly reason: string }

/** What a client is told when there is nothing better to say. */
const NO_REASON = 'not authorized'
/** 1973: whoever means that, means seconds. */
const SECONDS = 100_000_000_000

/** Reads what `authenticate` said. Throws `authentication-failed` or `bad-room` for what is neither yes nor no. */
export function judge<T extends Session>(answer: Answer<T>): Decision<T> {
  if (answer === null || answer === undefined) return { ok: false, reason: NO_REASON }
  if (typeof answer === 'string') return { ok: false, reason: answer || NO_REASON }
  const bad = (what: string): never => {
    throw new PartylineServerError('authentication-failed', `authenticate ${what}`)
  }
  if (typeof answer !== 'object') bad(`has to give { userId }, or a reason why not, and gave a ${typeof answer}`)
  checkUserId(answer.userId)
  const { expiresAt } = answer
  if (expiresAt === undefined) return { ok: true, session: answer, until: undefined }
  const until = Number(expiresAt)
  if (!Number.isFinite(until)) bad('gave an expiresAt that is no time')
  if (until < SECONDS) bad(`gave an expiresAt of ${until}, which looks like seconds: it has to be milliseconds`)
  if (until <= Date.now()) return { ok: false, reason: 'the credentials have expired' }
  return { ok: true, session: answer, until }
}

/** The same, of an `authenticate` that may throw. What it threw stays on the server: it may name your database. */
export async function ask<T extends Session>(
  authenticate: () => Answer<T> | Promise<Answer<T>>,
  onFault: (error: PartylineServerError) => void,
): Promise<Decision<T>> {
  try {
    return judge(await authenticate())
  } catch (thrown) {
    onFault(
      thrown instanceof PartylineServerError
        ? thrown
        : new PartylineServerError('authentication-failed', 'authenticate threw', thrown),
    )
    return { ok: false, reason: NO_REASON }
  }
}
