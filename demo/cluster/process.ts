/** One process of the cluster: the demo's server, with sessions in the database, events from the outbox and Redis between. */
import { readFile } from 'node:fs/promises'
import { createNotifier, drain, sessionOf } from 'partyline/server'
import pg from 'pg'
import { startRelay } from '../../examples/outbox/relay.js'
import { newestOf, replayFrom } from '../../examples/outbox/replay.js'
import { openDatabase } from '../server/database.js'
import { startDemo } from '../server/server.js'
import type { Session } from '../server/sessions.js'
import { openAdapter } from './adapter.js'
import type { FromProcess, ProcessOptions, ToProcess } from './messages.js'
import { storedSessions } from './stored-sessions.js'

/** How long (ms) a load balancer may take to notice. */
const NOTICE = 3_000

const { port, databaseUrl, redisUrl } = JSON.parse(process.env['LEDGER'] ?? '') as ProcessOptions
const tell = (message: FromProcess) => process.send?.(message)
// The parent has ended. Ctrl+C reaches this process too, and the parent acts on it.
process.on('disconnect', () => process.exit())
process.on('SIGINT', () => undefined)

const database = await openDatabase(databaseUrl)
const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 })
pool.on('error', (error) => console.warn(`A database connection was lost: ${error.message}`))
const redis = await openAdapter(redisUrl)
const sql = (path: string) => readFile(new URL(path, import.meta.url), 'utf8')

const demo = await startDemo({
  port,
  database,
  sessions: storedSessions(database.query),
  schema: `${await sql('../../examples/outbox/schema.sql')};${await sql('schema.sql')}`,
  log: { replay: replayFrom(pool), newest: newestOf(pool) },
  socketOptions: {
    adapter: redis.adapter,
    connectionStateRecovery: { maxDisconnectionDuration: 120_000, skipMiddlewares: false },
  },
  async source(io) {
    io.on('connection', (socket) => {
      const known = sessionOf<Session>(socket)
      if (!known) return
      const { id: session, userId } = known
      const say = (open: boolean) =>
        tell({ kind: 'socket', open, session, userId, recovered: socket.recovered, at: Date.now() })
      say(true)
      socket.on('disconnect', () => say(false))
    })
    redis.onInterrupted(() => createNotifier(io.local).gap())
    await redis.reading()
    const relay = startRelay({
      connectionString: databaseUrl,
      notify: createNotifier(io),
      confirm: redis.confirm,
      onState: (state) => tell({ kind: 'relay', state }),
    })
    return relay.stop
  },
})

/** The recipe of docs/deploy.md, line by line. */
async function end(spreadMs: number): Promise<void> {
  const { io, readiness, stats } = demo
  const began = Date.now()
  const before = { open: stats.openSockets, all: stats.connections }
  readiness.end()
  await readiness.known(NOTICE)
  demo.stopListening()
  await drain(io, { spreadMs })
  // The load balancer may send some here until it has noticed.
  const had = before.open + stats.connections - before.all
  tell({ kind: 'drained', began, ended: Date.now(), had, left: stats.openSockets, refused: stats.refused })
  await demo.close()
  process.exit()
}

process.on('message', (message: ToProcess) => {
  if (message !== 'count') void end(message.drain.spreadMs)
  else {
    const { openSockets, connections, refused, requests } = demo.stats
    tell({ kind: 'count', openSockets, connections, refused, requests: requests.length })
  }
})
await demo.readiness.known(NOTICE)
tell({ kind: 'open' })
