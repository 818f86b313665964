import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import express from 'express'
import { createNotifier } from 'partyline/server'
import type { ServerOptions } from 'socket.io'
import { createApi } from './api.js'
import { type Database, openDatabase } from './database.js'
import { forwardNotifications } from './notifications.js'
import { createReadiness, type Readiness } from './readiness.js'
import { prepare } from './seed.js'
import { type SessionStore, Sessions } from './sessions.js'
import { type AuthorizeTopic, type Io, type Log, openSockets, userRoom } from './sockets.js'
import { servePage } from './static.js'
import { type Faults, noFaults, Stats } from './telemetry.js'
import { openWalls, type Walls } from './wall.js'

export interface DemoOptions {
  /**
   * 0 takes any free port.
   * @default 0
   */
  readonly port?: number | undefined
  /** @default '127.0.0.1' */
  readonly host?: string | undefined
  /** A PostgreSQL server. Without one the demo brings its own database, in memory. */
  readonly databaseUrl?: string | undefined
  /** A database that is open already, for a restart that loses no data. It is left open by `close`. */
  readonly database?: Database | undefined
  /** Sessions to go on with, for a restart that keeps everybody signed in. */
  readonly sessions?: SessionStore | undefined
  /** What is run after the demo's own schema. */
  readonly schema?: string | undefined
  /**
   * Where events come from; resolves to what stops it.
   * @default the database's notifications
   */
  readonly source?: ((io: Io, stats: Stats) => Promise<() => Promise<void>>) | undefined
  /** Where events are kept: see createSessions. */
  readonly log?: Log | undefined
  /** See createSessions. */
  readonly quietAfterMs?: number | undefined
  /** Goes to Socket.IO as it is. */
  readonly socketOptions?: Partial<ServerOptions> | undefined
  /** Who may join which topic. Default: nobody. */
  readonly authorizeTopic?: AuthorizeTopic | undefined
  /** Where the built page is. */
  readonly staticDir?: string | undefined
}

export interface Demo {
  /** The wall's address; the bank's is `/bank` of it. */
  readonly url: string
  readonly port: number
  readonly stats: Stats
  readonly faults: Faults
  readonly database: Database
  readonly sessions: SessionStore
  readonly io: Io
  readonly readiness: Readiness
  /** Emits any event to a user, past the database. */
  emit(userId: string, name: string, ...args: unknown[]): void
  /** Refuses new connections; the open ones go on. */
  stopListening(): void
  /** Closes the sockets and the server, and the database if it was opened here. */
  close(): Promise<void>
}

/** One HTTP server on one port: the page, the REST API and Socket.IO. */
export async function startDemo(options: DemoOptions = {}): Promise<Demo> {
  const { port = 0, host = '127.0.0.1', sessions = new Sessions() } = options
  const staticDir = options.staticDir ?? fileURLToPath(new URL('../dist', import.meta.url))
  const stats = new Stats()
  const faults = noFaults()

  const app = express()
  app.disable('x-powered-by')
  const http = createServer(app)
  // Node's own 5 s end a connection just when a browser, or a proxy, sends its next request over it.
  http.keepAliveTimeout = 75_000
  const database = options.database ?? (await openDatabase(options.databaseUrl))
  const closeDatabase = async () => {
    if (!options.database) await database.close()
  }

  const io = openSockets(http, sessions, stats, faults, options)
  const emit = (userId: string, name: string, ...args: unknown[]) => {
    stats.countEvent(name)
    io.to(userRoom(userId)).emit(name, ...args)
  }
  const readiness = createReadiness()

  let stopEvents = async () => {}
  let walls: Walls | undefined
  try {
    await prepare(database, options.schema)
    // The wall counts what one process sees, and its events come from the database's notifications.
    if (!options.source) walls = await openWalls(database, sessions, io)
    app.get('/ready', readiness.answer)
    app.use('/api', createApi({ database, sessions, io, stats, faults, walls }))
    app.use(servePage(staticDir, faults, walls ? 'wall' : 'bank'))
    const notify = createNotifier(io)
    // Notifications that came while the connection was down are lost: browsers refetch.
    stopEvents = await (options.source?.(io, stats) ?? forwardNotifications(database, notify, stats, notify.gap))
    http.listen(port, host)
    await once(http, 'listening')
  } catch (error) {
    await stopEvents()
    await closeDatabase()
    throw error
  }

  const close = async () => {
    walls?.close()
    await stopEvents()
    const closed = io.close()
    http.closeAllConnections()
    await closed
    await closeDatabase()
  }
  let closing: Promise<void> | undefined

  const actualPort = (http.address() as AddressInfo).port
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actualPort}`,
    port: actualPort,
    stats,
    faults,
    database,
    sessions,
    io,
    readiness,
    emit,
    stopListening: () => void http.close(),
    close: () => {
      closing ??= close()
      return closing
    },
  }
}
