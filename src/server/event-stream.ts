import { RESERVED } from '../wire/protocol.js'
import { PartylineServerError } from './errors.js'
import { SOCKET_IO_EVENTS } from './metadata.js'
import { TOO_MANY_SENDS } from './send-limit.js'
import type { NodeRequest, NodeResponse } from './stream-http.js'
import { answerNode, answerWeb, reportThrownInStream, type StreamAnswer, type StreamRequest } from './stream-http.js'
import {
  createOpenSocket,
  type EventStreamSocket,
  type OpenSocket,
  type StreamSink,
  streamTextOf,
} from './stream-socket.js'

export interface EventStreamOptions {
  /**
   * The silence after which a comment is sent, in milliseconds. It has to be shorter than the idle limit of every proxy
   * on the way, and than the client's `maxSilenceMs` (60,000).
   * @default 25000
   */
  readonly heartbeatMs?: number
  /**
   * How many bytes may wait for a client that reads too slowly. With more, its stream ends. It reconnects and
   * refetches.
   * @default 1000000
   */
  readonly maxBufferedBytes?: number
}

/**
 * Server-Sent Events for the browsers of one process. It takes the place of Socket.IO's `Server` in `createSessions`,
 * `createNotifier`, `endUser` and `drain`.
 */
export interface EventStream {
  /**
   * Answers a GET (the stream) and a POST (what belongs to one) of Node's http, Express or Fastify. `body` is the
   * request's body, if a framework has read it already. With Express you need not give it.
   */
  handle(request: NodeRequest, response: NodeResponse, body?: unknown): void
  /** The same for web-standard servers: Next.js route handlers, Hono, Deno, Bun. */
  fetch(request: Request): Promise<Response>
  use(middleware: (socket: EventStreamSocket, next: (error?: Error) => void) => void): unknown
  on(event: 'connection', listener: (socket: EventStreamSocket) => void): unknown
  /** To every browser. */
  emit(event: string, metadata?: object): unknown
  to(rooms: string | string[]): EventStreamRooms
  in(rooms: string | string[]): EventStreamRooms
  readonly local: Pick<EventStream, 'to'>
  /** The open streams, by their ids. */
  readonly sockets: ReadonlyMap<string, EventStreamSocket>
}

/** The browsers in some rooms, each once. */
export interface EventStreamRooms {
  emit(event: string, metadata?: object): unknown
  socketsLeave(rooms: string | string[]): unknown
  disconnectSockets(close?: boolean): unknown
}

const HEARTBEAT = ':\n\n'
const JSON_TYPE = { 'content-type': 'application/json' }
const NO_SUCH_STREAM: StreamAnswer = { status: 404, body: '{"message":"no such stream in this process"}' }
/** Nothing of the request was taken. Where only some frames were not, their own acknowledgements say so. */
const NOTHING_TAKEN: StreamAnswer = {
  status: 429,
  headers: { ...JSON_TYPE, 'retry-after': '1' },
  body: JSON.stringify(TOO_MANY_SENDS),
}
/** More than a client sends in one request. */
const MAX_POSTED = 200

/** What a proxy must not do: keep it, change it, wait for more of it (nginx). */
const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
}

interface BroadcastTo {
  readonly rooms: Iterable<string>
}

/** Creates the streams of one process. Throws `bad-option`. */
export function createEventStream(options: EventStreamOptions = {}): EventStream {
  const { heartbeatMs = 25_000, maxBufferedBytes = 1_000_000 } = options
  for (const [name, value] of Object.entries({ heartbeatMs, maxBufferedBytes }))
    if (!(typeof value === 'number' && value > 0 && value < 2 ** 31))
      throw new PartylineServerError('bad-option', `${name} has to be a number over 0`)
  const middlewares: Parameters<EventStream['use']>[0][] = []
  const listeners: ((socket: EventStreamSocket) => void)[] = []
  const open = new Map<string, OpenSocket>()
  const sockets = new Map<string, EventStreamSocket>()
  const members = new Map<string, Set<EventStreamSocket>>()

  const { adapter, roomsOf } = createStreamRooms(sockets, members)

  /** Asks one middleware after the other. Resolves with the error of the first that refuses. */
  async function refusalOf(socket: EventStreamSocket): Promise<Error | undefined> {
    for (const middleware of middlewares) {
      // The client has left: what is kept from here on would never hear of it.
      if (!socket.connected) return undefined
      const error = await new Promise<Error | undefined>((resolve) => middleware(socket, resolve))
      if (error) return error
    }
    return undefined
  }

  async function begin(request: StreamRequest): Promise<StreamAnswer> {
    const opened = createOpenSocket({
      id: crypto.randomUUID(),
      handshake: { auth: request.auth, headers: request.headers },
      members,
      onDisconnect: ({ socket }) => socket.emit(RESERVED, { ok: false, message: 'the server ended the session' }),
    })
    const { socket, closed } = opened
    request.onClose(closed)
    const refusal = await refusalOf(socket)
    if (refusal) {
      closed()
      return refusedWith(refusal)
    }
    return {
      status: 200,
      headers: STREAM_HEADERS,
      maxBufferedBytes,
      stream(sink) {
        if (!socket.connected) return sink.end()
        const beating = withHeartbeat(sink, heartbeatMs)
        open.set(socket.id, opened)
        sockets.set(socket.id, socket)
        socket.conn.once('close', () => {
          beating.stop()
          open.delete(socket.id)
          sockets.delete(socket.id)
        })
        opened.open(beating)
        // Before anything else: from here on the client counts as connected, and can say what belongs to this stream.
        beating.write(streamTextOf(RESERVED, { stream: socket.id }))
        for (const listener of listeners) listener(socket)
      },
    }
  }

  async function take(request: StreamRequest): Promise<StreamAnswer> {
    const opened = open.get(request.headers['x-partyline-stream'] ?? '')
    if (!opened) return NO_SUCH_STREAM
    const frames = await request.frames()
    if (!frames || frames.length > MAX_POSTED) return { status: 400 }
    let stopped = 0
    for (const frame of frames) {
      try {
        if (!takePosted(opened, frame, request.auth)) stopped++
      } catch (thrown) {
        // A listener's fault is not that of the frames behind it.
        reportThrownInStream(thrown)
      }
    }
    return stopped > 0 && stopped === frames.length ? NOTHING_TAKEN : { status: 204 }
  }

  const answer = (request: StreamRequest): Promise<StreamAnswer> =>
    request.method === 'GET'
      ? begin(request)
      : request.method === 'POST'
        ? take(request)
        : Promise.resolve({ status: 405, headers: { allow: 'GET, POST' } })

  const stream = {
    adapter,
    handle: (request: NodeRequest, response: NodeResponse, body?: unknown) =>
      answerNode(request, response, body, answer),
    fetch: (request: Request) => answerWeb(request, answer),
    use: (middleware: (typeof middlewares)[number]) => void middlewares.push(middleware),
    on(event: string, listener: (socket: EventStreamSocket) => void) {
      if (event === 'connection') listeners.push(listener)
    },
    emit: (event: string, metadata?: object) => adapter.broadcast([event, metadata], { rooms: [] }),
    to: roomsOf,
    in: roomsOf,
    local: { to: roomsOf },
    sockets,
  }
  return stream
}

/** False: a middleware has stopped it. */
function takePosted({ socket, receive, take }: OpenSocket, frame: unknown, auth: StreamRequest['auth']): boolean {
  const { event, metadata, request } = (frame ?? {}) as { event?: unknown; metadata?: unknown; request?: unknown }
  // What the server says of a socket's life is not the client's to say.
  if (typeof event !== 'string' || SOCKET_IO_EVENTS.includes(event)) return true
  if (event === `${RESERVED}:auth`) return receive(event, auth, (said) => void socket.emit(RESERVED, said))
  return take(event, metadata, request)
}

/** Sends to rooms, in the form of an adapter of Socket.IO: code that watches an adapter's sends works with it as well. */
function createStreamRooms(
  sockets: ReadonlyMap<string, EventStreamSocket>,
  members: ReadonlyMap<string, ReadonlySet<EventStreamSocket>>,
) {
  /** No rooms: everybody. A copy, since those who are told may leave. */
  function socketsIn(rooms: Iterable<string>): Iterable<EventStreamSocket> {
    const wanted = [...rooms]
    return wanted.length === 0
      ? [...sockets.values()]
      : new Set(wanted.flatMap((room) => [...(members.get(room) ?? [])]))
  }

  const adapter = {
    brings: 'alone',
    sids: sockets,
    broadcast([event, metadata]: readonly [string, object | undefined], { rooms }: BroadcastTo) {
      for (const socket of socketsIn(rooms)) socket.emit(event, metadata)
    },
    broadcastWithAck: () => undefined,
    disconnectSockets({ rooms }: BroadcastTo) {
      for (const socket of socketsIn(rooms)) socket.disconnect(true)
    },
  }

  function roomsOf(given: string | string[]): EventStreamRooms {
    const rooms = [given].flat()
    return {
      emit: (event, metadata) => adapter.broadcast([event, metadata], { rooms }),
      socketsLeave(left) {
        for (const socket of socketsIn(rooms)) for (const room of [left].flat()) void socket.leave(room)
      },
      disconnectSockets: () => adapter.disconnectSockets({ rooms }),
    }
  }
  return { adapter, roomsOf }
}

/** Writes a comment whenever nothing else was written for so long. */
function withHeartbeat({ write, end }: StreamSink, ms: number) {
  let beat: ReturnType<typeof setTimeout> | undefined
  const writeOn = (text: string) => {
    clearTimeout(beat)
    beat = setTimeout(() => writeOn(HEARTBEAT), ms)
    write(text)
  }
  return { write: writeOn, end, stop: () => clearTimeout(beat) }
}

/** 403: final. 503: not known now, come again. 401: any other. */
function refusedWith({ message, ...error }: Error & { data?: { code?: string; final?: boolean } }): StreamAnswer {
  const data = error.data ?? {}
  const status = data.code === 'unavailable' ? 503 : data.final ? 403 : 401
  return { status, headers: JSON_TYPE, body: JSON.stringify({ message, ...data }) }
}
