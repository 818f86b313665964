import type { Request, Response } from 'express'
import type { Database } from './database.js'
import type { Session, SessionStore } from './sessions.js'
import type { Io } from './sockets.js'
import type { Faults, Stats } from './telemetry.js'
import type { Walls } from './wall.js'

/** What the routes work with. */
export interface ApiContext {
  readonly database: Database
  readonly sessions: SessionStore
  readonly io: Io
  readonly stats: Stats
  readonly faults: Faults
  /** Only where this is the only process. */
  readonly walls: Walls | undefined
}

export const SESSION_COOKIE = 'ledger_session'

/** The session of the request's cookie, if there is one. */
export async function sessionOf(request: Request, sessions: SessionStore): Promise<Session | undefined> {
  const cookies = new Map(
    (request.headers.cookie ?? '').split(';').map((pair) => {
      const [name = '', value] = pair.trim().split('=')
      return [name, value] as const
    }),
  )
  return sessions.find(cookies.get(SESSION_COOKIE))
}

/** The same, behind the check in api.ts, where there always is one. */
export const currentSession = (response: Response): Session => response.locals['session'] as Session

/** Who is asking. */
export const userIdOf = (response: Response): string => currentSession(response).userId
