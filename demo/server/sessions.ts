import { randomBytes } from 'node:crypto'

export interface Session {
  readonly id: string
  readonly userId: string
}

type MaybePromise<T> = T | Promise<T>

/** Who is signed in, and the tokens with which their sockets may connect. */
export interface SessionStore {
  start(userId: string): MaybePromise<Session>
  find(id: string | undefined): MaybePromise<Session | undefined>
  /** Ends the session; its tokens are worth nothing from here on. */
  end(id: string): MaybePromise<void>
  /**
   * A token for one purpose: to open a socket. The cookie itself stays out of scripts' reach (it is httpOnly), and the
   * token opens nothing else.
   */
  issueToken(session: Session): MaybePromise<string>
  /** The session of a token, if neither has expired or ended. */
  redeem(token: unknown): MaybePromise<Session | undefined>
}

/** How long (ms) a socket token is valid. Every attempt to connect gets a new one, so it can be short. */
export const TOKEN_LIFETIME = 60_000

/** In memory, for a demo in one process; for several see demo/cluster/stored-sessions.ts. */
export class Sessions implements SessionStore {
  readonly #sessions = new Map<string, Session>()
  readonly #tokens = new Map<string, { readonly session: Session; readonly expires: number }>()

  /** `known`: sessions to go on with, for a process that takes over from another one. */
  constructor(known: readonly Session[] = []) {
    for (const session of known) this.#sessions.set(session.id, session)
  }

  start(userId: string): Session {
    const session = { id: secret(), userId }
    this.#sessions.set(session.id, session)
    return session
  }

  find(id: string | undefined): Session | undefined {
    return id === undefined ? undefined : this.#sessions.get(id)
  }

  end(id: string): void {
    this.#sessions.delete(id)
  }

  /** Ends all of them, as if every cookie had expired. */
  endAll(): void {
    this.#sessions.clear()
  }

  issueToken(session: Session): string {
    const now = Date.now()
    for (const [token, { expires }] of this.#tokens) if (expires <= now) this.#tokens.delete(token)
    const token = secret()
    this.#tokens.set(token, { session, expires: now + TOKEN_LIFETIME })
    return token
  }

  redeem(token: unknown): Session | undefined {
    const found = typeof token === 'string' ? this.#tokens.get(token) : undefined
    return found && found.expires > Date.now() ? this.find(found.session.id) : undefined
  }
}

export const secret = () => randomBytes(24).toString('base64url')
