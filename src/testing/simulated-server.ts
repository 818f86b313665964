import type { Machine } from './machine.js'
import type { ServerEnd, ServerEndHandlers } from './network.js'
import { createSimulatedLog } from './simulated-log.js'

/** The server's heartbeat, as Socket.IO has it by default. */
export const SERVER_PING_MS = { interval: 25_000, timeout: 20_000 }
/** How long a broken session can be recovered. */
const MAX_RECOVERY_MS = 120_000

/** Packets from the server to a transport: Socket.IO's, as far as they matter here. */
export type ServerPacket =
  | { readonly kind: 'connected'; readonly pid?: string; readonly recovered: boolean }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'event'; readonly name: string; readonly metadata: unknown; readonly offset: number }
  | { readonly kind: 'kicked' }
  | { readonly kind: 'ping' }
  | { readonly kind: 'probed' }
  | { readonly kind: 'renewed'; readonly ok: boolean }

/** Packets from a transport to the server. */
export type ClientPacket =
  | {
      readonly kind: 'connect'
      readonly auth: unknown
      readonly mountedFor: string
      readonly pid?: string
      readonly offset?: number
    }
  | { readonly kind: 'disconnect' }
  | { readonly kind: 'pong' }
  | { readonly kind: 'probe' }
  | { readonly kind: 'renew'; readonly auth: unknown }
  | { readonly kind: 'say'; readonly event: string; readonly metadata: Readonly<Record<string, unknown>> }

type ConnectPacket = ClientPacket & { readonly kind: 'connect' }

/** A socket as the server sees it. */
export interface ServerSocket {
  /** The user whose events it gets. */
  readonly identity: string
  /** When it was connected. Milliseconds since the Unix epoch. */
  readonly since: number
  /** The topics that it has joined. */
  readonly topics: readonly string[]
}

interface SocketSession extends ServerSocket {
  readonly topics: string[]
  readonly pid: string
  readonly recovered: boolean
  readonly send: (packet: ServerPacket) => void
  readonly kick: () => void
}

export interface ServerOptions {
  /** Returns the identity of a connection; undefined refuses it. */
  readonly identify: (auth: unknown, mountedFor: string) => string | undefined
  /** Whether Socket.IO's connection state recovery is on. */
  readonly recovery: boolean
  /** Whether a connected client may send fresh credentials. */
  readonly renewal: boolean
  /**
   * Whether events are numbered and kept, and replayed to clients that were away.
   * @default false
   */
  readonly log?: boolean | undefined
  /**
   * Says who may join which topic; a string is the reason of a refusal.
   * @default everybody
   */
  readonly authorize?: ((identity: string, topic: string) => boolean | string) | undefined
}

/** An event, for all sockets of an identity or for all that have joined a topic. */
interface SentEvent {
  readonly identity?: string
  readonly topic?: string
  readonly name: string
  readonly metadata: unknown
  readonly offset: number
}

const isFor = ({ identity, topic }: SentEvent, session: SocketSession): boolean =>
  topic === undefined ? session.identity === identity : session.topics.includes(topic)

/** What the server's connections share. */
interface SocketIoState {
  readonly sessions: Set<SocketSession>
  /** Breaks each connection off. */
  readonly connections: Set<() => void>
  /** Broken sessions by their pid, and until when they can be recovered. */
  broken: Map<string, { readonly session: SocketSession; readonly until: number }>
  /** Events that a recovered session gets. */
  sent: SentEvent[]
  /** The running number of the newest event. */
  offset: number
  pids: number
  refusing: boolean
}

type Outbox = ReturnType<typeof createSimulatedLog>

/** A Socket.IO server in memory: rooms by identity, heartbeats, and recovery of broken sessions. */
export function createSimulatedServer(machine: Machine, options: ServerOptions) {
  const state: SocketIoState = {
    sessions: new Set(),
    connections: new Set(),
    broken: new Map(),
    sent: [],
    offset: 0,
    pids: 0,
    refusing: false,
  }
  const { sessions } = state
  const outbox = options.log
    ? createSimulatedLog(machine, ({ identity, name, metadata }) => emit({ identity }, name, metadata))
    : undefined

  function emit(to: Pick<SentEvent, 'identity' | 'topic'>, name: string, metadata: unknown): void {
    // A real transport sends JSON, so that a date arrives as a text.
    const copy: unknown = metadata === undefined ? undefined : JSON.parse(JSON.stringify(metadata))
    const event = { ...to, name, metadata: copy, offset: ++state.offset }
    if (options.recovery) state.sent.push(event)
    for (const session of sessions) if (isFor(event, session)) session.send({ kind: 'event', ...event })
  }

  return {
    accept: (end: ServerEnd): ServerEndHandlers | undefined =>
      state.refusing ? undefined : acceptConnection(machine, options, state, outbox, end),
    emit(identity: string, name: string, metadata: unknown): void {
      if (outbox) outbox.commit({ identity, name, metadata: metadata as object })
      else emit({ identity }, name, metadata)
    },
    /** To every socket that has joined the topic. */
    emitTo: (topic: string, name: string, metadata: unknown) => emit({ topic }, name, metadata),
    sockets: (): ServerSocket[] =>
      [...sessions].map(({ identity, since, topics }) => ({ identity, since, topics: [...topics] })),
    /** Breaks every connection off, forgets every session, and refuses connections until `open`. */
    stop(): void {
      state.refusing = true
      for (const drop of [...state.connections]) drop()
      state.broken = new Map()
      state.sent = []
    },
    /** Refuses new connections, as a proxy does without a server behind it. */
    refuse(): void {
      state.refusing = true
    },
    open(): void {
      state.refusing = false
    },
    /** Closes every connection of an identity on purpose. */
    kick(identity: string): void {
      for (const session of [...sessions]) if (session.identity === identity) session.kick()
    },
  }
}

/** One connection at the server, from its opening to its end. */
function acceptConnection(
  machine: Machine,
  options: ServerOptions,
  state: SocketIoState,
  outbox: Outbox | undefined,
  end: ServerEnd,
): ServerEndHandlers {
  const { time } = machine
  let session: SocketSession | undefined
  let stopHeartbeat = (): void => undefined
  const send = (packet: ServerPacket) => end.send(packet)
  const sendControl = (metadata: object) => send({ kind: 'event', name: '_line', metadata, offset: state.offset })

  function finish(recoverable: boolean): void {
    stopHeartbeat()
    state.connections.delete(drop)
    if (!session) return
    state.sessions.delete(session)
    if (recoverable && options.recovery) state.broken.set(session.pid, { session, until: time.now() + MAX_RECOVERY_MS })
    session = undefined
  }
  function drop(): void {
    finish(true)
    end.close()
  }
  function startHeartbeat(): void {
    stopHeartbeat = time.after(SERVER_PING_MS.interval, () => {
      send({ kind: 'ping' })
      stopHeartbeat = time.after(SERVER_PING_MS.timeout, drop)
    })
  }

  /** As createSessions does: the log's position is read before the client is told that it is connected. */
  function connect(packet: ConnectPacket): void {
    if (!outbox) {
      openSession(packet)
      return
    }
    const start = outbox.newest()
    outbox.query(() => {
      if (!state.connections.has(drop)) return
      const opened = openSession(packet)
      if (!opened || opened.recovered) return
      const { cursor } = packet.auth as { cursor?: unknown }
      sendControl({ cursor: start })
      if (typeof cursor === 'number') outbox.query(() => replay(outbox, opened, cursor))
    })
  }

  function replay({ after, reportsMissing }: Outbox, to: SocketSession, cursor: number): void {
    if (to !== session) return
    const missed = after(to.identity, cursor)
    for (const { name, metadata } of missed ?? []) send({ kind: 'event', name, metadata, offset: state.offset })
    if (missed || reportsMissing()) sendControl({ replayed: missed !== undefined })
  }

  function openSession({ auth, mountedFor, pid, offset }: ConnectPacket): SocketSession | undefined {
    const identity = options.identify(auth, mountedFor)
    if (identity === undefined) {
      send({ kind: 'refused', reason: 'bad token' })
      return undefined
    }
    const former = pid === undefined ? undefined : state.broken.get(pid)
    const recovered =
      former !== undefined && former.session.identity === identity && former.until >= time.now() && offset !== undefined
    if (pid !== undefined) state.broken.delete(pid)
    const name = recovered && pid !== undefined ? pid : `p${++state.pids}`
    if (recovered) {
      for (const event of state.sent)
        if (event.offset > offset && isFor(event, former.session)) send({ kind: 'event', ...event })
    }
    const kick = () => {
      send({ kind: 'kicked' })
      finish(false)
    }
    const topics = recovered ? former.session.topics : []
    session = { identity, since: time.now(), topics, pid: name, recovered, send, kick }
    state.sessions.add(session)
    send({ kind: 'connected', recovered, ...(options.recovery && { pid: name }) })
    return session
  }

  state.connections.add(drop)
  startHeartbeat()
  return {
    onClose: () => finish(true),
    onPacket(data) {
      const packet = data as ClientPacket
      if (packet.kind === 'connect' && !session) connect(packet)
      if (packet.kind === 'disconnect') finish(false)
      if (packet.kind === 'probe') send({ kind: 'probed' })
      if (packet.kind === 'renew' && options.renewal)
        send({
          kind: 'renewed',
          ok: session !== undefined && options.identify(packet.auth, session.identity) === session.identity,
        })
      if (packet.kind === 'say' && session) changeTopics(session, packet, options.authorize, sendControl)
      if (packet.kind === 'pong') {
        stopHeartbeat()
        startHeartbeat()
      }
    },
  }
}

/** Joins or leaves topics, and answers each join. */
function changeTopics(
  { identity, topics: joined }: SocketSession,
  { event, metadata: { topics, request } }: ClientPacket & { readonly kind: 'say' },
  authorize: ServerOptions['authorize'],
  sendControl: (metadata: object) => void,
): void {
  for (const topic of topics as readonly string[]) {
    const index = joined.indexOf(topic)
    if (index >= 0) joined.splice(index, 1)
    if (event !== '_line:join') continue
    const answer = authorize?.(identity, topic) ?? true
    if (answer === true) joined.push(topic)
    sendControl({ topic, ok: answer === true, request, ...(typeof answer === 'string' && { message: answer }) })
  }
}

export type SimulatedServer = ReturnType<typeof createSimulatedServer>
