import pg from 'pg'

/** How long (ms) the database may take to answer. */
const ANSWER_TIMEOUT_MS = 10_000

/** A row of `outbox.events`. */
export interface OutboxEvent {
  readonly id: number
  readonly user_id: string | null
  readonly event: string
  readonly metadata: Record<string, unknown>
  readonly origin: string | null
  readonly spread_ms: number | null
}

export interface Page {
  /** The last event that was relayed; null if none was. */
  readonly relayed: number | null
  /** The last event that was pruned. */
  readonly pruned: number
  /** The newest event there is. */
  readonly newest: number
  /** The events after the given one, oldest first. */
  readonly events: readonly OutboxEvent[]
}

/** One statement, so that everything in the result is of one moment. */
const READ = `
  select relayed, pruned, (select coalesce(max(id), pruned) from outbox.events) as newest,
         (select coalesce(jsonb_agg(to_jsonb(page) order by id), '[]')
            from (select id, user_id, event, metadata, origin, spread_ms
                    from outbox.events where id > $1 order by id limit $2) as page) as events
    from outbox.state`

/** TCP has to notice a dead peer: PostgreSQL frees a session's locks only then. */
const KEEPALIVE = `
  select set_config('tcp_keepalives_idle', '10', false), set_config('tcp_keepalives_interval', '5', false),
         set_config('tcp_keepalives_count', '3', false)`

/**
 * One connection for everything: it holds the lock, listens, reads and writes the position. A process that has lost the lock
 * has lost the connection, so it can't write the position any more.
 */
export async function openSession(connectionString: string, signal: AbortSignal) {
  const client = new pg.Client({
    connectionString,
    application_name: 'outbox relay',
    connectionTimeoutMillis: ANSWER_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
    keepAlive: true,
  })
  let lost: Error | undefined
  let rung = false
  let wake = (): void => undefined
  const lose = (error: Error) => {
    lost ??= error
    wake()
  }
  client.on('error', lose)
  client.on('end', () => lose(new Error('the database ended the connection')))
  client.on('notification', () => {
    rung = true
    wake()
  })
  const onAbort = () => wake()
  signal.addEventListener('abort', onAbort)

  const ask = async <Row>(sql: string, parameters: unknown[] = []): Promise<Row> => {
    const { rows } = await client.query(sql, parameters)
    return rows[0] as Row
  }

  /** Resolves at a notification, at the end, or after a time. Rejects when the connection is lost. */
  async function rest(atMost: number): Promise<void> {
    if (!rung && !lost && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, atMost)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    rung = false
    if (lost) throw lost
  }

  function close(): void {
    signal.removeEventListener('abort', onAbort)
    // Not awaited: a dead connection never confirms its end.
    client.end().catch(() => undefined)
  }

  try {
    await client.connect()
    await ask(KEEPALIVE)
  } catch (error) {
    close()
    throw error
  }

  return {
    /** True for one session at a time, in all of the cluster, until it ends. */
    async tryLock(): Promise<boolean> {
      const answer = await ask<{ locked: boolean }>(`select pg_try_advisory_lock(hashtext('outbox'), 2) as locked`)
      return answer.locked
    },
    listen: () => ask('listen outbox'),
    async read(after: number, limit: number): Promise<Page> {
      const page = await ask<{ relayed: string | null; pruned: string; newest: string; events: OutboxEvent[] }>(READ, [
        after,
        limit,
      ])
      return {
        relayed: page.relayed === null ? null : Number(page.relayed),
        pruned: Number(page.pruned),
        newest: Number(page.newest),
        events: page.events,
      }
    },
    /** The last event up to a position that is older than that. */
    async before(position: number, age: string): Promise<number> {
      const { id } = await ask<{ id: string }>(
        `select greatest(pruned, (select max(id) from outbox.events where id <= $1 and numbered_at < clock_timestamp() - $2::interval)) as id
           from outbox.state`,
        [position, age],
      )
      return Number(id)
    },
    /** Where it begins. */
    place: (relayed: number) => ask('update outbox.state set relayed = $1', [relayed]),
    /** Where it is, unless its position was deleted meanwhile. */
    save: (relayed: number) => ask('update outbox.state set relayed = $1 where relayed is not null', [relayed]),
    prune: (keep: string) => ask('select outbox.prune($1::interval)', [keep]),
    rest,
    close,
  }
}

export type Session = Awaited<ReturnType<typeof openSession>>
