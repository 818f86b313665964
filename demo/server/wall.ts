import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import type { Database } from './database.js'
import type { SessionStore } from './sessions.js'
import type { Io } from './sockets.js'

// The wall: the same twelve tabs twice, with a socket each and with Partyline. Here is what the server does for it: a balance
// that changes, what it counts of each half, and the accidents at the push of a button.

export const HALVES = ['left', 'right'] as const
export type Half = (typeof HALVES)[number]

/** What the server counts of one half. Loading the page is not in it. */
export interface HalfCounts {
  /** Open now. */
  readonly sockets: number
  /** Opened in all. */
  readonly connections: number
  /** HTTP requests of the half's tiles, in all. */
  readonly requests: number
  /** Messages that were sent over its sockets, in all. */
  readonly messages: number
  /** What was sent, in all: answers and sockets, with their headers. */
  readonly bytes: number
}

export interface WallBalance {
  readonly amount: number
  /** How many changes there have been. */
  readonly version: number
}

/** What the wall's page asks for twice a second. */
export interface WallView {
  /** The server's clock, in milliseconds. */
  readonly atMs: number
  readonly eventsPerSecond: number
  /** How many events were emitted. */
  readonly events: number
  readonly database: WallBalance
  /** A tile with this version or a later one is not older than `GRACE_MS`. */
  readonly settledVersion: number
  /** 0 while nothing is wrong. */
  readonly restartingForMs: number
  readonly apiDownForMs: number
  readonly counts: Readonly<Record<Half, HalfCounts>>
}

/** A tile may be that much older than the database before the wall calls it old. */
export const GRACE_MS = 2_000
const RESTART_MS = 4_000
const API_DOWN_MS = 10_000
/** Nobody looks at a wall that has not asked for so long: it stands still. A hidden page's timers fire once a second. */
const WATCHED_MS = 5_000
/** A hidden page's timers may fire only once a minute. */
const KEPT_MS = 180_000
const MAX_WALLS = 50

export interface Wall {
  readonly id: string
  view(): Promise<WallView>
  balance(): Promise<WallBalance>
  /** A secret with which one socket may be opened. */
  token(): string | Promise<string>
  setRate(eventsPerSecond: number): void
  /** So many changes, committed at once. */
  change(count: number): Promise<void>
  /** Drops every socket of this wall without a word, then refuses all of its requests for some seconds. */
  restart(): void
  stopApi(): void
  readonly isRestarting: boolean
  readonly isApiDown: boolean
  readonly meters: Readonly<Record<Half, Meter>>
}

export interface Walls {
  open(): Promise<Wall>
  find(id: string): Wall | undefined
  close(): void
}

/** Makes the wall's table, and counts its sockets from here on. */
export async function openWalls(database: Database, sessions: SessionStore, io: Io): Promise<Walls> {
  await database.script(await readFile(new URL('wall.sql', import.meta.url), 'utf8'))
  const walls = new Map<string, Awaited<ReturnType<typeof openWall>>>()
  watchSockets(io, (id) => walls.get(id))

  const remove = (id: string) => {
    walls.get(id)?.end()
    walls.delete(id)
  }
  const sweep = setInterval(() => {
    for (const [id, wall] of walls) if (wall.idleMs() > KEPT_MS) remove(id)
  }, 10_000)
  sweep.unref()

  return {
    async open() {
      const [oldest] = walls.keys()
      if (walls.size >= MAX_WALLS && oldest !== undefined) remove(oldest)
      const wall = await openWall(database, sessions)
      walls.set(wall.id, wall)
      return wall
    },
    find: (id) => walls.get(id),
    close() {
      clearInterval(sweep)
      for (const id of [...walls.keys()]) remove(id)
    },
  }
}

async function openWall(database: Database, sessions: SessionStore) {
  const id = randomBytes(6).toString('base64url')
  const meters = { left: createMeter(), right: createMeter() }
  const session = await sessions.start(`wall-${id}`)
  await database.query('insert into ledger.walls (id) values ($1)', [id])

  let eventsPerSecond = 0.5
  let lookedAt = performance.now()
  let restartedAt = Number.NEGATIVE_INFINITY
  let apiStoppedAt = Number.NEGATIVE_INFINITY
  /** When each of the last versions was committed, oldest first. */
  const commits: { readonly version: number; readonly at: number }[] = [{ version: 0, at: 0 }]
  const isEnded = () => timer === undefined
  const left = (since: number, lengthMs: number) => Math.max(0, Math.round(since + lengthMs - performance.now()))

  async function balance(): Promise<WallBalance> {
    const [found] = await database.query<WallBalance>('select amount, version from ledger.walls where id = $1', [id])
    return found ?? { amount: 0, version: 0 }
  }

  async function change(count: number): Promise<void> {
    const step = 1 + Math.floor(Math.random() * 90)
    const [now] = await database.query<{ version: number }>(
      `update ledger.walls set version = version + $2, amount = amount + case
         when amount < 14000 then $3::integer when amount > 34000 then -$3::integer else $4::integer end
       where id = $1 returning version`,
      [id, count, step, Math.random() < 0.5 ? step : -step],
    )
    if (!now) return
    commits.push({ version: now.version, at: performance.now() })
    // Two seconds at 50 events a second, and some more.
    if (commits.length > 400) commits.splice(0, 200)
  }

  let due = performance.now()
  let timer: NodeJS.Timeout | undefined
  const plan = () => {
    clearTimeout(timer)
    // A pause is looked at twice a second.
    const pauseMs = eventsPerSecond > 0 ? 1_000 / eventsPerSecond : 500
    due = Math.max(due + pauseMs, performance.now())
    timer = setTimeout(play, due - performance.now())
  }
  const play = async () => {
    const isWatched = performance.now() - lookedAt < WATCHED_MS
    if (eventsPerSecond > 0 && isWatched)
      await change(1).catch((error) => console.warn('The wall stands still:', error))
    if (!isEnded()) plan()
  }
  plan()

  return {
    id,
    meters,
    balance,
    change,
    async view(): Promise<WallView> {
      lookedAt = performance.now()
      const database = await balance()
      const settled = performance.now() - GRACE_MS
      return {
        atMs: performance.now(),
        eventsPerSecond,
        events: database.version,
        database,
        settledVersion: [...commits].reverse().find(({ at }) => at <= settled)?.version ?? 0,
        restartingForMs: left(restartedAt, RESTART_MS),
        apiDownForMs: left(apiStoppedAt, API_DOWN_MS),
        counts: { left: meters.left.read(), right: meters.right.read() },
      }
    },
    token: () => sessions.issueToken(session),
    setRate(rate: number) {
      eventsPerSecond = rate
      due = performance.now()
      plan()
    },
    restart() {
      restartedAt = performance.now()
      for (const half of HALVES) meters[half].cut()
    },
    stopApi() {
      apiStoppedAt = performance.now()
    },
    get isRestarting() {
      return left(restartedAt, RESTART_MS) > 0
    },
    get isApiDown() {
      return left(apiStoppedAt, API_DOWN_MS) > 0
    },
    idleMs: () => performance.now() - lookedAt,
    end() {
      clearTimeout(timer)
      timer = undefined
      for (const half of HALVES) meters[half].cut()
      void sessions.end(session.id)
      database.query('delete from ledger.walls where id = $1', [id]).catch(() => undefined)
    },
  }
}

/** The part of an Engine.IO connection that is counted. */
interface Connection {
  readonly request: IncomingMessage
  on(event: 'packetCreate', listener: (packet: { readonly type: string }) => void): void
  on(event: 'close', listener: () => void): void
  close(): void
}

export type Meter = ReturnType<typeof createMeter>

function createMeter() {
  const open = new Set<Connection>()
  let connections = 0
  let requests = 0
  let messages = 0
  let bytes = 0
  const written = (connection: Connection) => connection.request.socket.bytesWritten
  return {
    countRequest: () => void requests++,
    countBytes(count: number) {
      bytes += count
    },
    countSocket(connection: Connection) {
      connections++
      open.add(connection)
      connection.on('packetCreate', ({ type }) => {
        if (type === 'message') messages++
      })
      connection.on('close', () => {
        if (open.delete(connection)) bytes += written(connection)
      })
    },
    cut() {
      for (const connection of open) connection.close()
    },
    read: (): HalfCounts => ({
      sockets: open.size,
      connections,
      requests,
      messages,
      bytes: [...open].reduce((sum, connection) => sum + written(connection), bytes),
    }),
  }
}

/** A tile's socket says in its address which wall and which half it belongs to. */
function placeOf(request: IncomingMessage): { readonly id: string; readonly half: Half } | undefined {
  const { searchParams } = new URL(request.url ?? '/', 'http://wall')
  const half = HALVES.find((one) => one === searchParams.get('half'))
  const id = searchParams.get('wall')
  return half && id ? { id, half } : undefined
}

function watchSockets(io: Io, find: (id: string) => Wall | undefined): void {
  io.engine.use((request: IncomingMessage, _response: unknown, next: (error?: Error) => void) => {
    const place = placeOf(request)
    next(place && find(place.id)?.isRestarting ? new Error('the server is restarting') : undefined)
  })
  io.engine.on('connection', (connection: Connection) => {
    const place = placeOf(connection.request)
    if (place) find(place.id)?.meters[place.half].countSocket(connection)
  })
}
