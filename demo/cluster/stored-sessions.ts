import type { Query } from '../server/database.js'
import { type Session, type SessionStore, secret, TOKEN_LIFETIME } from '../server/sessions.js'

/** The sessions of a demo in several processes. They are in the database, so that every process has them. */
export function storedSessions(query: Query): SessionStore {
  const one = async (sql: string, ...values: unknown[]) => (await query<Session>(sql, values))[0]
  return {
    async start(userId) {
      const session = { id: secret(), userId }
      await query('insert into ledger.sessions (id, user_id) values ($1, $2)', [session.id, userId])
      return session
    },
    find: async (id) =>
      id === undefined ? undefined : one('select id, user_id as "userId" from ledger.sessions where id = $1', id),
    async end(id) {
      await query('delete from ledger.sessions where id = $1', [id])
    },
    async issueToken({ id }) {
      const token = secret()
      await query(
        `with old as (delete from ledger.socket_tokens where expires_at < now())
         insert into ledger.socket_tokens values ($1, $2, now() + $3 * interval '1 ms')`,
        [token, id, TOKEN_LIFETIME],
      )
      return token
    },
    redeem: async (token) =>
      typeof token === 'string'
        ? one(
            `select s.id, s.user_id as "userId" from ledger.socket_tokens t join ledger.sessions s on s.id = t.session_id
              where t.token = $1 and t.expires_at > now()`,
            token,
          )
        : undefined,
  }
}
