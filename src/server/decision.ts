import { PartylineServerError } from './errors.js'
import { checkUserId, type UserId } from './rooms.js'

/** The user that a socket belongs to. All other fields that your `authenticate` returns are in `socket.data.session` as well. */
export interface ServerSession {
  readonly userId: UserId
  /** When the credentials end: a Date, or milliseconds since the Unix epoch (a JWT's `exp` is seconds). Absent: never. */
  readonly expiresAt?: Date | number | undefined
}

/** What `authenticate` returns: a session, the reason of a refusal, or nothing for a refusal without a reason. */
export type AuthenticateResult<T extends ServerSession> = T | string | null | undefined

/** Whether a socket is let in. */
export type Decision<T extends ServerSession> =
  | { readonly ok: true; readonly session: T; readonly expiresAtMs: number | undefined }
  | { readonly ok: false; readonly reason: string }

/** The reason that a client gets when `authenticate` gave none. */
const DEFAULT_REASON = 'not authorized'
/** A moment in 1973: a smaller number is seconds, not milliseconds. */
const MIN_EXPIRES_AT_MS = 100_000_000_000

/** Reads the result of `authenticate`. Throws `authentication-failed` or `bad-room` for a result of another type. */
function readResult<T extends ServerSession>(result: AuthenticateResult<T>): Decision<T> {
  if (result === null || result === undefined) return { ok: false, reason: DEFAULT_REASON }
  if (typeof result === 'string') return { ok: false, reason: result || DEFAULT_REASON }
  const bad = (what: string): never => {
    throw new PartylineServerError('authentication-failed', `authenticate ${what}`)
  }
  if (typeof result !== 'object') bad(`has to return { userId } or the reason of a refusal, not a ${typeof result}`)
  checkUserId(result.userId)
  const { expiresAt } = result
  if (expiresAt === undefined) return { ok: true, session: result, expiresAtMs: undefined }
  const expiresAtMs = Number(expiresAt)
  if (!Number.isFinite(expiresAtMs)) bad('returned an expiresAt that is not a time')
  if (expiresAtMs < MIN_EXPIRES_AT_MS)
    bad(`returned an expiresAt of ${expiresAtMs}, which looks like seconds: it has to be milliseconds`)
  if (expiresAtMs <= Date.now()) return { ok: false, reason: 'the credentials have expired' }
  return { ok: true, session: result, expiresAtMs }
}

/** Runs `authenticate`, which may throw. What it throws stays on the server: it may name your database. */
export async function decide<T extends ServerSession>(
  authenticate: () => AuthenticateResult<T> | Promise<AuthenticateResult<T>>,
  onError: (error: PartylineServerError) => void,
): Promise<Decision<T>> {
  try {
    return readResult(await authenticate())
  } catch (thrown) {
    onError(
      thrown instanceof PartylineServerError
        ? thrown
        : new PartylineServerError('authentication-failed', 'authenticate threw', thrown),
    )
    return { ok: false, reason: DEFAULT_REASON }
  }
}
