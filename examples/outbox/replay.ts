import type { LoggedEvent, ServerSession } from 'partyline/server'
import type pg from 'pg'

interface Row {
  id: string
  event: string
  metadata: object
  origin: string | null
}

/** The `newest` of createSessions: a browser that connects now has missed nothing in the outbox up to here. */
export function newestOf(pool: Pick<pg.Pool, 'query'>) {
  return async (): Promise<number> => {
    const { rows } = await pool.query<{ newest: string }>(
      'select coalesce((select max(id) from outbox.events), pruned) as newest from outbox.state',
    )
    return Number(rows[0]?.newest)
  }
}

/**
 * The `replay` of createSessions: the events that a disconnected browser has missed. `limit`: with more than that,
 * createSessions has the browser refetch; give both the same.
 */
export function replayFrom(pool: Pick<pg.Pool, 'query'>, limit = 1_000) {
  return async ({ userId }: ServerSession, cursor: string | number): Promise<LoggedEvent[] | false> => {
    const since = Number(cursor)
    if (!Number.isSafeInteger(since)) return false
    const { rows } = await pool.query<Row>(
      `select id, event, metadata, origin from outbox.events
        where id > $1 and (user_id = $2 or user_id is null) order by id limit $3`,
      [since, String(userId), limit + 1],
    )
    // Read after the events, so that it also covers what was pruned meanwhile. A cursor from the future is of another database.
    const { rows: states } = await pool.query<{ reaches: boolean }>(
      'select pruned <= $1 and (select last_value from outbox.numbers) >= $1 as reaches from outbox.state',
      [since],
    )
    if (!states[0]?.reaches) return false
    return rows.map(({ id, event, metadata, origin }) => ({
      id: Number(id),
      event,
      metadata,
      ...(origin !== null && { origin }),
    }))
  }
}
