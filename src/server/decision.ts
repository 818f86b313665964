import { RESERVED } from '../wire/protocol.js'
import { callApp } from './app-calls.js'
import { PartylineServerError } from './errors.js'
import { checkUserId, type UserId } from './rooms.js'

/** The credentials that a client sent. They may be anything: check them. */
export type ClientCredentials = Readonly<Record<string, unknown>>

/** The user that a socket belongs to. `sessionOf(socket)` gives all that your `authenticate` returned. */
export interface ServerSession {
  readonly userId: UserId
  /** When the credentials end: a Date, or milliseconds since the Unix epoch (a JWT's `exp` is seconds). Absent: never. */
  readonly expiresAt?: Date | number | undefined
}

/** A refusal, as `refuse` makes it. */
export interface AuthenticateRefusal {
  readonly refuse: string
  readonly final: boolean
}

/** What `authenticate` returns: a session, the reason of a refusal, or nothing for a refusal without a reason. */
export type AuthenticateResult<T extends ServerSession> = T | AuthenticateRefusal | string | null | undefined

/** Whether a socket is let in. */
export type Decision<T extends ServerSession> =
  | {
      readonly name: 'admitted'
      readonly session: T
      /** The string that a browser mounts its line for. */
      readonly identity: string
      readonly expiresAtMs: number | undefined
    }
  | Denial

/** Why a socket is not let in. */
export type Denial =
  /** `final`: other credentials would not help, so the client does not try again by itself. */
  | { readonly name: 'refused'; readonly reason: string; readonly final: boolean }
  /** The credentials are valid, but of another user than the client's. */
  | { readonly name: 'wrong-identity'; readonly reason: string }
  /** It is not known whether they are valid. The client tries again, as after a lost connection. */
  | { readonly name: 'unavailable'; readonly reason: string }

/** The reason that a client gets when `authenticate` gave none. */
const DEFAULT_REASON = 'not authorized'
/** A moment in 1973: a smaller number is seconds, not milliseconds. */
const MIN_EXPIRES_AT_MS = 100_000_000_000

/** Nothing more is said: what failed may name your database. */
export const UNAVAILABLE: Denial = { name: 'unavailable', reason: 'the server can’t check the credentials now' }

/** A refusal with a reason. Its `final` tells the client not to try again by itself, as for an account that was closed. */
export const refuse = (reason: string, options: { readonly final?: boolean } = {}): AuthenticateRefusal => ({
  refuse: reason,
  final: options.final === true,
})

export const refused = (reason: unknown, final = false): Denial => ({
  name: 'refused',
  reason: typeof reason === 'string' && reason !== '' ? reason : DEFAULT_REASON,
  final,
})

/** The fields by which a client tells a denial from others. */
const fieldsOf = (denial: Denial): { readonly code?: string; readonly final?: true } => {
  if (denial.name !== 'refused') return { code: denial.name }
  return denial.final ? { final: true } : {}
}

/** The error for a Socket.IO middleware, which has one word for all of them: `data` tells them apart. */
export function errorOf(denial: Denial): Error {
  const data = fieldsOf(denial)
  return Object.assign(new Error(denial.reason), Object.keys(data).length > 0 && { data })
}

/** The answer to a renewal. */
export type RenewalAnswer =
  | { readonly ok: true }
  | { readonly ok: false; readonly message: string; readonly code?: string; readonly final?: true }

export const renewalAnswerOf = (denial: Denial): RenewalAnswer => ({
  ok: false,
  message: denial.reason,
  ...fieldsOf(denial),
})

export interface DecisionOptions<T extends ServerSession> {
  readonly authenticate: () => AuthenticateResult<T> | Promise<AuthenticateResult<T>>
  readonly timeoutMs: number
  readonly identityOf: (session: T) => string
  /** The identity that the client's hub was mounted for. Undefined if it does not say. */
  readonly claimed: string | undefined
  readonly onError: (error: PartylineServerError) => void
}

/** Reads the result of `authenticate`. Throws `authentication-failed` or `bad-room` for a result of another type. */
function readResult<T extends ServerSession>(
  result: AuthenticateResult<T>,
  { identityOf, claimed }: DecisionOptions<T>,
): Decision<T> {
  if (result === null || result === undefined || typeof result === 'string') return refused(result)
  const bad = (what: string): never => {
    throw new PartylineServerError('authentication-failed', `authenticate ${what}`)
  }
  if (typeof result !== 'object') bad(`has to return { userId } or the reason of a refusal, not a ${typeof result}`)
  if ('refuse' in result) return refused(result.refuse, result.final === true)
  checkUserId(result.userId)
  const expiresAtMs = readExpiry(result.expiresAt, bad)
  if (expiresAtMs !== undefined && expiresAtMs <= Date.now()) return refused('the credentials have expired')
  const identity: unknown = identityOf(result)
  if (typeof identity !== 'string') bad(`: identity has to return a string, not a ${typeof identity}`)
  if (claimed !== undefined && claimed !== identity)
    return { name: 'wrong-identity', reason: 'these credentials are another user’s' }
  return { name: 'admitted', session: result, identity: identity as string, expiresAtMs }
}

function readExpiry(expiresAt: unknown, bad: (what: string) => never): number | undefined {
  if (expiresAt === undefined) return undefined
  const expiresAtMs = Number(expiresAt)
  if (!Number.isFinite(expiresAtMs)) bad('returned an expiresAt that is not a time')
  if (expiresAtMs < MIN_EXPIRES_AT_MS)
    bad(`returned an expiresAt of ${expiresAtMs}, which looks like seconds: it has to be milliseconds`)
  return expiresAtMs
}

/**
 * Runs `authenticate`, which may throw or hang. Neither says anything about the credentials, so it is no refusal. What it
 * throws stays on the server.
 */
export async function decide<T extends ServerSession>(options: DecisionOptions<T>): Promise<Decision<T>> {
  try {
    return readResult(await callApp(options.timeoutMs, options.authenticate), options)
  } catch (thrown) {
    options.onError(
      thrown instanceof PartylineServerError
        ? thrown
        : new PartylineServerError('authentication-failed', 'authenticate threw, or gave no answer in time', thrown),
    )
    return UNAVAILABLE
  }
}

/** What a client sent: the app's part, and the identity of its hub. The cursor and the reserved field are Partyline's. */
export function readAuth(auth: unknown): { credentials: ClientCredentials; claimed: string | undefined } {
  if (typeof auth !== 'object' || auth === null || Array.isArray(auth)) return { credentials: {}, claimed: undefined }
  const { cursor: _, [RESERVED]: ours, ...credentials } = auth as Record<string, unknown>
  const { identity } = (typeof ours === 'object' && ours !== null ? ours : {}) as { identity?: unknown }
  return { credentials, claimed: typeof identity === 'string' ? identity : undefined }
}
