import type { Machine } from './machine.js'
import type { ServerWire, ServerWireHandlers } from './network.js'
import type { ClientPacket, ServerPacket } from './server-packets.js'
import { createSimulatedLog } from './simulated-log.js'

/** The server's heartbeat, as Socket.IO has it by default. Milliseconds. */
export const PING = { interval: 25_000, timeout: 20_000 }
/** How long (ms) a session can be recovered. */
const RECOVERABLE = 120_000

/** A socket as the server sees it. */
export interface ServerSocket {
  /** Whose events it gets. */
  readonly identity: string
  /** When it was connected. Milliseconds since the Unix epoch. */
  readonly since: number
  /** The topics that it has joined. */
  readonly topics: readonly string[]
}

interface Session extends ServerSocket {
  readonly topics: string[]
  readonly pid: string
  readonly recovered: boolean
  readonly send: (packet: ServerPacket) => void
  readonly kick: () => void
}

export interface ServerOptions {
  /** Whose a connection is; undefined refuses it. */
  readonly identify: (auth: unknown, mountedFor: string) => string | undefined
  /** Whether Socket.IO's connection state recovery is on. */
  readonly recovery: boolean
  /** Whether fresh credentials over a standing connection are understood. */
  readonly renewal: boolean
  /** Whether events are numbered and kept, and replayed to who was away. Default: false. */
  readonly log?: boolean | undefined
  /** Who may join which topic; a string is the reason of a refusal. Default: everybody. */
  readonly authorize?: ((identity: string, topic: string) => boolean | string) | undefined
}

/** The emitting side: rooms by identity, heartbeats, and recovery of sessions that broke off. */
export function createSimulatedServer(machine: Machine, options: ServerOptions) {
  const { time } = machine
  const sessions = new Set<Session>()
  const connections = new Set<() => void>()
  /** Sessions that broke off, by their pid: until when they can be recovered. */
  let broken = new Map<string, { readonly session: Session; readonly until: number }>()
  let log: Entry[] = []
  let offset = 0
  let pids = 0
  let refusing = false
  const outbox = options.log
    ? createSimulatedLog(machine, ({ identity, name, metadata }) => emit({ identity }, name, metadata))
    : undefined

  function accept(wire: ServerWire): ServerWireHandlers | undefined {
    if (refusing) return undefined
    let session: Session | undefined
    let stop = (): void => undefined
    const send = (packet: ServerPacket) => wire.send(packet)

    function finish(recoverable: boolean): void {
      stop()
      connections.delete(drop)
      if (!session) return
      sessions.delete(session)
      if (recoverable && options.recovery) broken.set(session.pid, { session, until: time.now() + RECOVERABLE })
      session = undefined
    }
    function drop(recoverable = true): void {
      finish(recoverable)
      wire.close()
    }
    function beat(): void {
      stop = time.after(PING.interval, () => {
        send({ kind: 'ping' })
        stop = time.after(PING.timeout, () => drop())
      })
    }

    /** As createSessions does: where the log is, is read before the client hears that it is connected. */
    function letIn(packet: ClientPacket & { kind: 'connect' }): void {
      if (!outbox) return void welcome(packet)
      const start = outbox.newest()
      outbox.ask(() => {
        if (!connections.has(drop)) return
        const admitted = welcome(packet)
        if (!admitted || admitted.recovered) return
        const { cursor } = packet.auth as { cursor?: unknown }
        say(admitted, { cursor: start })
        if (typeof cursor === 'number') outbox.ask(() => catchUp(admitted, cursor))
      })
    }

    function catchUp(to: Session, cursor: number): void {
      if (to !== session) return
      const missed = outbox?.after(to.identity, cursor)
      for (const { name, metadata } of missed ?? []) to.send({ kind: 'event', name, metadata, offset })
      if (missed || outbox?.isFrank()) say(to, { replayed: missed !== undefined })
    }

    function say(to: Session, metadata: object): void {
      to.send({ kind: 'event', name: '_line', metadata, offset })
    }

    function welcome({ auth, mountedFor, pid, offset: last }: ClientPacket & { kind: 'connect' }): Session | undefined {
      const identity = options.identify(auth, mountedFor)
      if (identity === undefined) {
        send({ kind: 'refused', reason: 'bad token' })
        return undefined
      }
      const former = pid === undefined ? undefined : broken.get(pid)
      const recovered =
        former !== undefined && former.session.identity === identity && former.until >= time.now() && last !== undefined
      if (pid !== undefined) broken.delete(pid)
      const name = recovered && pid !== undefined ? pid : `p${++pids}`
      if (recovered) {
        for (const entry of log)
          if (entry.offset > last && isFor(entry, former.session)) send({ kind: 'event', ...entry })
      }
      session = {
        identity,
        since: time.now(),
        topics: recovered ? former.session.topics : [],
        pid: name,
        recovered,
        send,
        kick() {
          send({ kind: 'kicked' })
          finish(false)
        },
      }
      sessions.add(session)
      send({ kind: 'connected', recovered, ...(options.recovery && { pid: name }) })
      return session
    }

    function obey({ event, metadata: { topics, request } }: ClientPacket & { kind: 'say' }): void {
      if (!session) return
      for (const topic of topics as readonly string[]) {
        const place = session.topics.indexOf(topic)
        if (place >= 0) session.topics.splice(place, 1)
        if (event !== '_line:join') continue
        const verdict = options.authorize?.(session.identity, topic) ?? true
        if (verdict === true) session.topics.push(topic)
        const answer = {
          topic,
          ok: verdict === true,
          request,
          ...(typeof verdict === 'string' && { message: verdict }),
        }
        send({ kind: 'event', name: '_line', metadata: answer, offset })
      }
    }

    connections.add(drop)
    beat()
    return {
      onClose: () => finish(true),
      onPacket(data) {
        const packet = data as ClientPacket
        if (packet.kind === 'connect' && !session) letIn(packet)
        if (packet.kind === 'disconnect') finish(false)
        if (packet.kind === 'probe') send({ kind: 'probed' })
        if (packet.kind === 'renew' && options.renewal)
          send({
            kind: 'renewed',
            ok: session !== undefined && options.identify(packet.auth, session.identity) === session.identity,
          })
        if (packet.kind === 'say') obey(packet)
        if (packet.kind === 'pong') {
          stop()
          beat()
        }
      },
    }
  }

  function emit(to: Pick<Entry, 'identity' | 'topic'>, name: string, metadata: unknown): void {
    // On its way over a real wire it becomes JSON: a date arrives as a text.
    const sent: unknown = metadata === undefined ? undefined : JSON.parse(JSON.stringify(metadata))
    const entry = { ...to, name, metadata: sent, offset: ++offset }
    if (options.recovery) log.push(entry)
    for (const session of sessions) if (isFor(entry, session)) session.send({ kind: 'event', ...entry })
  }

  return {
    accept,
    emit(identity: string, name: string, metadata: unknown): void {
      if (outbox) outbox.commit({ identity, name, metadata: metadata as object })
      else emit({ identity }, name, metadata)
    },
    /** To every socket that has joined it. */
    emitTo: (topic: string, name: string, metadata: unknown) => emit({ topic }, name, metadata),
    sockets: (): ServerSocket[] =>
      [...sessions].map(({ identity, since, topics }) => ({ identity, since, topics: [...topics] })),
    /** Every connection breaks off and every session is forgotten; new ones are refused until `open`. */
    stop(): void {
      refusing = true
      for (const drop of [...connections]) drop()
      broken = new Map()
      log = []
    },
    /** New connections are refused, as by a proxy without a server behind it. */
    refuse(): void {
      refusing = true
    },
    open(): void {
      refusing = false
    },
    /** Hangs up on everybody of an identity, on purpose. */
    kick(identity: string): void {
      for (const session of [...sessions]) if (session.identity === identity) session.kick()
    },
  }
}

/** An event, and whose it is: an identity's, or that of all who have joined a topic. */
interface Entry {
  readonly identity?: string
  readonly topic?: string
  readonly name: string
  readonly metadata: unknown
  readonly offset: number
}

const isFor = ({ identity, topic }: Entry, session: Session): boolean =>
  topic === undefined ? session.identity === identity : session.topics.includes(topic)

export type SimulatedServer = ReturnType<typeof createSimulatedServer>
