import { PGlite } from '@electric-sql/pglite'
import pg from 'pg'

/** Runs one statement and returns its rows. */
export type Query = <Row>(sql: string, parameters?: unknown[]) => Promise<Row[]>

/** What Ledger needs of PostgreSQL, embedded or not. */
export interface Database {
  /** For the start-up line. */
  readonly kind: 'embedded' | 'server'
  query: Query
  /** All of `work` or nothing: it is rolled back if it throws. */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>
  /** The same database, on behalf of a request: its transactions announce with that origin (see schema.sql). */
  from(origin: string | undefined): Database
  /** Runs a script of several statements. */
  script(sql: string): Promise<void>
  /**
   * Receives every NOTIFY on the channel. `onMissed` is called after a time in which some may have been missed. Resolves
   * to a function that stops it.
   */
  listen(channel: string, onPayload: (payload: string) => void, onMissed: () => void): Promise<() => Promise<void>>
  close(): Promise<void>
}

/** A PostgreSQL server if there is an address for one, else PostgreSQL inside this process, in memory. */
export async function openDatabase(url?: string): Promise<Database> {
  return withFrom(await (url ? connectTo(url) : openEmbedded()))
}

/** Without `from`, which is the same for all. */
type Plain = Omit<Database, 'from'>

function withFrom(plain: Plain): Database {
  const database: Database = {
    ...plain,
    from: (origin) =>
      origin === undefined
        ? database
        : {
            ...database,
            transaction: (work) =>
              plain.transaction(async (query) => {
                // Until the end of this transaction.
                await query("select set_config('partyline.origin', $1, true)", [origin])
                return work(query)
              }),
          },
  }
  return database
}

async function openEmbedded(): Promise<Plain> {
  const lite = await PGlite.create()
  return {
    kind: 'embedded',
    query: async <Row>(sql: string, parameters?: unknown[]) => (await lite.query<Row>(sql, parameters)).rows,
    transaction: (work) =>
      lite.transaction((tx) =>
        work(async <Row>(sql: string, parameters?: unknown[]) => (await tx.query<Row>(sql, parameters)).rows),
      ),
    script: async (sql) => {
      await lite.exec(sql)
    },
    // The database is in this process: there is no connection that could be lost, so nothing is ever missed.
    listen: async (channel, onPayload) => {
      const stop = await lite.listen(channel, onPayload)
      return () => stop()
    },
    close: () => lite.close(),
  }
}

async function connectTo(url: string): Promise<Plain> {
  const pool = new pg.Pool({ connectionString: url, max: 5 })
  // The pool drops an idle connection that breaks; without a handler the error would end the process.
  pool.on('error', (error) => console.warn(`A database connection was lost: ${error.message}`))
  await pool.query('select 1').catch(async (error: unknown) => {
    await pool.end()
    throw error
  })

  return {
    kind: 'server',
    query: async <Row>(sql: string, parameters?: unknown[]) => (await pool.query(sql, parameters)).rows as Row[],
    transaction: async (work) => {
      const client = await pool.connect()
      try {
        await client.query('begin')
        const result = await work(
          async <Row>(sql: string, parameters?: unknown[]) => (await client.query(sql, parameters)).rows as Row[],
        )
        await client.query('commit')
        client.release()
        return result
      } catch (error) {
        // A connection that can't roll back must not go back to the pool.
        const broken = await client.query('rollback').then(
          () => false,
          () => true,
        )
        client.release(broken)
        throw error
      }
    },
    script: async (sql) => {
      await pool.query(sql)
    },
    listen: (channel, onPayload, onMissed) => listenOn(url, channel, onPayload, onMissed),
    close: () => pool.end(),
  }
}

/** LISTEN belongs to a connection, so it gets one of its own, which is opened again whenever it breaks. */
async function listenOn(
  url: string,
  channel: string,
  onPayload: (payload: string) => void,
  onMissed: () => void,
): Promise<() => Promise<void>> {
  let client: pg.Client | undefined
  let retry: NodeJS.Timeout | undefined
  let stopped = false

  const open = async () => {
    const next = new pg.Client({ connectionString: url, keepAlive: true })
    let lost = false
    const lose = () => {
      if (lost || stopped) return
      lost = true
      client = undefined
      next.end().catch(() => undefined)
      reopen(250)
    }
    next.on('error', lose)
    next.on('end', lose)
    next.on('notification', ({ payload }) => onPayload(payload ?? ''))
    try {
      await next.connect()
      await next.query(`listen ${pg.escapeIdentifier(channel)}`)
    } catch (error) {
      lost = true
      next.end().catch(() => undefined)
      throw error
    }
    client = next
  }

  const reopen = (delay: number) => {
    retry = setTimeout(() => {
      open().then(
        // Closed while it was opening, or open again: notifications in between were missed.
        () => (stopped ? client?.end() : onMissed()),
        () => reopen(Math.min(delay * 2, 5_000)),
      )
    }, delay)
  }

  await open()
  return async () => {
    stopped = true
    clearTimeout(retry)
    await client?.end()
  }
}
