import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { expect } from 'vitest'
import { createNotifier, createSessions } from '../../src/server/index.js'
import { afterwards, connect, listen, until } from '../../test/real-server.js'
import { type RelayOptions, type RelayState, startRelay } from './relay.js'
import { replayFrom } from './replay.js'

const schema = readFile(new URL('schema.sql', import.meta.url), 'utf8')
let databases = 0

/** A database of its own, a Socket.IO server with sessions and replay, and relays between the two on demand. */
export async function setUp(postgres: string) {
  const url = new URL(postgres)
  const name = `outbox_${++databases}`
  const first = new pg.Client(url.href)
  await first.connect()
  await first.query(`create database ${name}`)
  await first.end()
  url.pathname = name
  const connectionString = url.href
  const pool = new pg.Pool({ connectionString, max: 10 })
  pool.on('error', () => undefined)
  afterwards(() => pool.end())
  await pool.query(await schema)

  const { io, url: address } = await listen()
  createSessions(io, {
    authenticate: ({ token }) => (typeof token === 'string' ? { userId: token } : null),
    replay: replayFrom(pool),
  })

  const add = (user: string | null, n: number) =>
    pool.query('select outbox.add($1, $2, $3)', [user, 'changed', JSON.stringify({ n })])

  /** A connection of its own, for a transaction that is held open. */
  async function client() {
    const own = new pg.Client(connectionString)
    await own.connect()
    afterwards(() => own.end())
    return own
  }

  function relay(options: Partial<RelayOptions> = {}) {
    const states: RelayState[] = []
    const errors: unknown[] = []
    const started = startRelay({
      connectionString,
      notify: createNotifier(io),
      standBy: 50,
      spreadMs: 0,
      onState: (state) => states.push(state),
      onError: (error) => errors.push(error),
      ...options,
    })
    afterwards(() => started.stop())
    return { relay: started, states, errors }
  }

  async function position(): Promise<number | null> {
    const { rows } = await pool.query('select relayed from outbox.state')
    return rows[0].relayed === null ? null : Number(rows[0].relayed)
  }

  /** A relay that has run already, so that it has a position. */
  async function begin() {
    const begun = relay()
    await until(async () => expect(await position()).not.toBeNull())
    return begun
  }

  async function listener(user = 'ann', auth: object = {}) {
    const { socket, events, heard: connections } = connect(address, { token: user, ...auth })
    await until(() => expect(connections).toEqual(['up']))
    const all = (name: string) => events.filter(([event]) => event === name).map(([, metadata]) => metadata)
    const heard = () => all('changed') as { n: number; _line: { id: number } }[]
    return { socket, said: () => all('_line'), heard, numbers: () => heard().map(({ n }) => n) }
  }

  /** What a failover, a restart or an administrator does. */
  const terminate = () =>
    pool.query(`select pg_terminate_backend(pid) from pg_stat_activity
                 where application_name = 'outbox relay' and datname = current_database()`)

  return { pool, add, client, relay, position, begin, listener, terminate }
}
