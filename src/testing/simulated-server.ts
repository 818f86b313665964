import type { Machine } from './machine.js'
import type { ServerEnd, ServerEndHandlers } from './network.js'
import { createHeartbeat } from './simulated-heartbeat.js'
import { createSimulatedLog } from './simulated-log.js'
import type { ClientPacket, ServerDenial, ServerPacket } from './simulated-packets.js'
import { type Audience, createSimulatedQuiet, isFor, type QuietOption } from './simulated-quiet.js'

/** How long a broken session can be recovered. */
const MAX_RECOVERY_MS = 120_000

type ConnectPacket = ClientPacket & { readonly kind: 'connect' }

/** A socket as the server sees it. */
export interface ServerSocket {
  /** The user whose events it gets. */
  readonly identity: string
  /** The path that it connected to. */
  readonly path: string
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
  /** Returns the identity of a connection. Undefined refuses it. */
  readonly identify: (auth: unknown, mountedFor: string) => string | undefined
  /**
   * Returns when the credentials end: the server then closes the connection, unless they were renewed.
   * @default never
   */
  readonly expiryOf?: ((auth: unknown) => number | undefined) | undefined
  /**
   * How long it takes to find out whose credentials they are, in milliseconds.
   * @default 0
   */
  readonly admissionMs?: number | undefined
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
   * What a client is told of how long it and its topics were quiet.
   * @default 'unknown'
   */
  readonly quiet?: QuietOption | undefined
  /**
   * Takes what a tab has sent, and gives the acknowledgement. Undefined: it is not acknowledged.
   * @default nothing is acknowledged
   */
  readonly onSend?: ((identity: string, event: string, data: unknown) => unknown) | undefined
  /**
   * Says who may join which topic. A string is the reason of a refusal.
   * @default everybody
   */
  readonly authorize?: ((identity: string, topic: string) => boolean | string) | undefined
}

/** An event. */
interface SentEvent extends Audience {
  readonly name: string
  readonly metadata: unknown
  readonly offset: number
}

/** What the server's connections share. */
interface SimulatedServerState {
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
  /** The session store is down: valid credentials are denied too. */
  denial: ServerDenial | undefined
  /** A connection is dropped so long after it was let in. Milliseconds. */
  dropAfterMs: number | undefined
  /** What arrives in place of the next event, by its name. */
  garble: ((name: string) => unknown) | undefined
  /** How many clients asked to be let in so far. */
  handshakes: number
  readonly quiet: ReturnType<typeof createSimulatedQuiet>
}

type Outbox = ReturnType<typeof createSimulatedLog>

/** A Socket.IO server in memory: rooms by identity, heartbeats, and recovery of broken sessions. */
export function createSimulatedServer(machine: Machine, options: ServerOptions) {
  const state: SimulatedServerState = {
    sessions: new Set(),
    connections: new Set(),
    broken: new Map(),
    sent: [],
    offset: 0,
    pids: 0,
    refusing: false,
    denial: undefined,
    dropAfterMs: undefined,
    garble: undefined,
    handshakes: 0,
    quiet: createSimulatedQuiet(machine, options.quiet),
  }
  const { sessions } = state
  let isStopped = false
  const outbox = options.log
    ? createSimulatedLog(machine, ({ identity, path, name, metadata }) => emit({ identity, path }, name, metadata))
    : undefined

  function emit(to: Pick<SentEvent, 'identity' | 'topic' | 'path'>, name: string, metadata: unknown): void {
    // A real transport sends JSON, so that a date arrives as a text.
    const copy: unknown = metadata === undefined ? undefined : JSON.parse(JSON.stringify(metadata))
    const event = { ...to, name, metadata: copy, offset: ++state.offset }
    state.quiet.sent(event)
    if (options.recovery) state.sent.push(event)
    const data = state.garble?.(name)
    const packet =
      data === undefined ? { kind: 'event' as const, ...event } : { kind: 'garbled' as const, ...event, data }
    state.garble = undefined
    for (const session of sessions) if (isFor(event, session)) session.send(packet)
  }

  return {
    accept: (end: ServerEnd): ServerEndHandlers | undefined =>
      state.refusing ? undefined : acceptConnection(machine, options, state, outbox, end),
    emit(identity: string, name: string, metadata: unknown, path?: string): void {
      if (outbox) outbox.commit({ identity, path, name, metadata: metadata as object })
      else emit({ identity, path }, name, metadata)
    },
    /** To every socket that has joined the topic. */
    emitTo: (topic: string, name: string, metadata: unknown, path?: string) => emit({ topic, path }, name, metadata),
    /** To every hub itself: the server's own message. */
    announce(metadata: object): void {
      state.quiet.sent()
      for (const session of sessions) session.send({ kind: 'event', name: '_line', metadata, offset: state.offset })
    },
    /** How many clients asked to be let in so far. */
    handshakes: () => state.handshakes,
    /** From now on everybody is denied, as while the session store is down. Undefined: nobody is. */
    deny(denial: ServerDenial | undefined): void {
      state.denial = denial
    },
    /** The next event can't be read: in its place arrives what `garble` makes of its name. */
    garbleNext(garble: (name: string) => unknown): void {
      state.garble = garble
    },
    /** From now on every connection is dropped so long after it was let in. Undefined: none is. */
    dropAfter(ms: number | undefined): void {
      state.dropAfterMs = ms
    },
    sockets: (): ServerSocket[] =>
      [...sessions].map(({ identity, path, since, topics }) => ({ identity, path, since, topics: [...topics] })),
    /** Breaks every connection off, forgets every session, and refuses connections until `open`. */
    stop(): void {
      state.refusing = true
      for (const drop of [...state.connections]) drop()
      state.broken = new Map()
      state.sent = []
      isStopped = true
    },
    /** Refuses new connections, as a proxy does without a server behind it. */
    refuse(): void {
      state.refusing = true
    },
    open(): void {
      if (isStopped) state.quiet.restarted()
      isStopped = false
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
  state: SimulatedServerState,
  outbox: Outbox | undefined,
  end: ServerEnd,
): ServerEndHandlers {
  const { time } = machine
  let session: SocketSession | undefined
  let stopExpiry = (): void => undefined
  const send = (packet: ServerPacket) => end.send(packet)
  const sendControl = (metadata: object) => send({ kind: 'event', name: '_line', metadata, offset: state.offset })

  function finish(recoverable: boolean): void {
    heartbeat.stop()
    stopExpiry()
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
  const heartbeat = createHeartbeat(time, () => send({ kind: 'ping' }), drop)

  /** As createSessions does: the log's position is read before the client is told that it is connected. */
  function connect(packet: ConnectPacket): void {
    const { admissionMs = 0 } = options
    if (!outbox) {
      if (admissionMs === 0) openSession(packet)
      else
        time.after(admissionMs, () => {
          if (state.connections.has(drop)) openSession(packet)
        })
      return
    }
    const start = outbox.newest()
    outbox.query(() => {
      if (!state.connections.has(drop)) return
      const opened = openSession(packet)
      if (!opened || opened.recovered) return
      const { cursor } = packet.auth as { cursor?: unknown }
      sendControl({ cursor: start })
      if (typeof cursor === 'number')
        outbox.query(() => {
          if (opened === session) replay(outbox, opened, cursor, state.offset)
        })
    })
  }

  function watchExpiry(auth: unknown, kick: () => void): void {
    stopExpiry()
    const ends = options.expiryOf?.(auth)
    if (ends !== undefined) stopExpiry = time.after(ends - time.now(), kick)
  }

  function openSession({ auth, mountedFor, path = '', pid, offset }: ConnectPacket): SocketSession | undefined {
    const admitted = admit(options, state, auth, mountedFor)
    if (typeof admitted !== 'string') {
      send({ kind: 'refused', ...admitted })
      return undefined
    }
    const identity = admitted
    const former = pid === undefined ? undefined : state.broken.get(pid)
    const recovered =
      former !== undefined &&
      former.session.identity === identity &&
      former.session.path === path &&
      former.until >= time.now() &&
      offset !== undefined
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
    session = { identity, path, since: time.now(), topics, pid: name, recovered, send, kick }
    state.sessions.add(session)
    send({ kind: 'connected', recovered, ...(options.recovery && { pid: name }) })
    // As createSessions does: whom it let in, before anything else.
    sendControl({ identity })
    const word = state.quiet.word((event) => isFor(event, { identity, path, topics: [] }), recovered)
    if (word) sendControl(word)
    watchExpiry(auth, kick)
    if (state.dropAfterMs !== undefined) time.after(state.dropAfterMs, drop)
    return session
  }

  state.connections.add(drop)
  heartbeat.start()
  return {
    onClose: () => finish(true),
    onPacket(data) {
      const packet = data as ClientPacket
      if (packet.kind === 'connect' && !session) {
        state.handshakes++
        connect(packet)
      }
      if (packet.kind === 'disconnect') finish(false)
      if (packet.kind === 'probe') send({ kind: 'probed' })
      if (packet.kind === 'renew' && options.renewal && session) {
        const isRenewed = renew(options, state, session, packet.auth)
        if (isRenewed) watchExpiry(packet.auth, session.kick)
      }
      if (packet.kind === 'say' && session) changeTopics(session, packet, options.authorize, state.quiet, sendControl)
      if (packet.kind === 'ask' && session) takeSent(options, session, packet)
      if (packet.kind === 'pong') heartbeat.start()
    },
  }
}

function takeSent(
  { onSend }: ServerOptions,
  from: SocketSession,
  packet: ClientPacket & { readonly kind: 'ask' },
): void {
  const { event, data, request } = packet
  const answer = onSend?.(from.identity, event, data)
  if (request !== undefined && answer !== undefined) from.send({ kind: 'answer', request, data: answer })
}

/** Sends the events that came after the client's last one. */
function replay({ after, reportsMissing }: Outbox, to: SocketSession, cursor: number, offset: number): void {
  const missed = after(to.identity, to.path, cursor)
  for (const { name, metadata } of missed ?? []) to.send({ kind: 'event', name, metadata, offset })
  if (missed || reportsMissing())
    to.send({ kind: 'event', name: '_line', metadata: { replayed: missed !== undefined }, offset })
}

/** Answers fresh credentials. Gives whether they are the same user's. Those of another one end the session. */
function renew(options: ServerOptions, state: SimulatedServerState, session: SocketSession, auth: unknown): boolean {
  const renewed = admit(options, state, auth, session.identity)
  const isSame = renewed === session.identity
  const code = typeof renewed === 'string' ? 'wrong-identity' : renewed.code
  session.send({ kind: 'renewed', ok: isSame, ...(!isSame && code && { code }) })
  if (!isSame && code === 'wrong-identity') session.kick()
  return isSame
}

/** Whom these credentials let in, or why nobody. The identity for which the client is mounted is compared, if it says so. */
function admit(
  options: ServerOptions,
  state: SimulatedServerState,
  auth: unknown,
  mountedFor: string,
): string | ServerDenial {
  if (state.denial) return state.denial
  const identity = options.identify(auth, mountedFor)
  if (identity === undefined) return { reason: 'bad token' }
  const { _line: ours } = (auth ?? {}) as { readonly _line?: { readonly identity?: unknown } }
  if (typeof ours?.identity === 'string' && ours.identity !== identity)
    return { reason: 'these credentials are another user’s', code: 'wrong-identity' }
  return identity
}

/** Joins or leaves topics, and answers each join. */
function changeTopics(
  { identity, path, topics: joined }: SocketSession,
  { event, metadata: { topics, request } }: ClientPacket & { readonly kind: 'say' },
  authorize: ServerOptions['authorize'],
  quiet: SimulatedServerState['quiet'],
  sendControl: (metadata: object) => void,
): void {
  for (const topic of topics as readonly string[]) {
    const index = joined.indexOf(topic)
    if (index >= 0) joined.splice(index, 1)
    if (event !== '_line:join') continue
    const answer = authorize?.(identity, topic) ?? true
    if (answer === true) joined.push(topic)
    const word = answer === true && quiet.word((event) => isFor(event, { identity: '', path, topics: [topic] }), false)
    sendControl({
      topic,
      ok: answer === true,
      request,
      ...(typeof answer === 'string' && { message: answer }),
      ...word,
    })
  }
}

export type SimulatedServer = ReturnType<typeof createSimulatedServer>
