import { RESERVED } from '../wire/protocol.js'
import type { SocketSlice } from './sessions.js'

/** Where a stream's text goes. */
export interface StreamSink {
  /** Characters that the client has not taken yet. The sink ends the stream of one that is too slow. */
  write(text: string): void
  /** Ends the stream. */
  end(): void
}

/** A browser that has a stream, or is about to: what `authenticate`, `authorize` and the listeners of 'connection' get. */
export interface EventStreamSocket extends SocketSlice {
  readonly handshake: {
    readonly auth: { readonly [name: string]: unknown }
    /** Of the request, in lower case: `cookie`, `origin`, … */
    readonly headers: { readonly [name: string]: string | undefined }
  }
  /** What your app keeps with it. */
  readonly data: Record<string, unknown>
  readonly conn: SocketSlice['conn'] & { close(): unknown }
  emit(event: string, metadata?: object): unknown
}

type Listener = (...args: unknown[]) => void
type Middleware = Parameters<EventStreamSocket['use']>[0]

/** A socket, and what only the stream that it belongs to may do with it. */
export interface OpenSocket {
  readonly socket: EventStreamSocket
  /** From here on it is sent what it joined for. */
  open(sink: StreamSink): void
  /** The request has ended, by either side. */
  closed(): void
  /** A question that the client has posted. False: a middleware has stopped it. */
  receive(event: string, metadata: unknown, answer: (answer: object) => void): boolean
  /** What a tab has sent. `request`: the number by which it asks for an acknowledgement. False: as above. */
  take(event: string, data: unknown, request: unknown): boolean
}

export interface OpenSocketOptions {
  readonly id: string
  readonly handshake: EventStreamSocket['handshake']
  /** Who is in which room. */
  readonly members: Map<string, Set<EventStreamSocket>>
  /** Ends the client's session: it does not come back before it has other credentials, or waits longer and longer. */
  readonly onDisconnect: (socket: OpenSocket) => void
}

/** An event as a client reads it. Its number in a log is the stream's own `id` as well. */
export function streamTextOf(event: string, metadata: object = {}): string {
  // Untyped code may send null.
  const { _line: envelope } = Object(metadata) as { readonly _line?: { readonly id?: unknown } }
  const id = envelope?.id
  // A number or a text without a line break, as `notify` checks it; a NUL would void it.
  const line = (typeof id === 'string' && !/[\r\n\0]/.test(id)) || typeof id === 'number' ? `id: ${id}\n` : ''
  return `${line}event: ${event.replace(/[\r\n]/g, ' ')}\ndata: ${JSON.stringify(metadata)}\n\n`
}

/** One stream in the form of a socket: it is let in, joins rooms, receives its client's messages, and gets the events of its rooms. */
export function createOpenSocket({ id, handshake, members, onDisconnect }: OpenSocketOptions): OpenSocket {
  const listeners = new Map<string, Set<Listener>>()
  const outgoing = new Set<Listener>()
  const middlewares: Middleware[] = []
  const closing = new Set<() => void>()
  const rooms = new Set<string>()
  /** Undefined before the stream is open, and after its end. */
  let sink: StreamSink | undefined
  let isOver = false

  const call = (event: string, args: readonly unknown[]) => {
    for (const listener of [...(listeners.get(event) ?? [])]) listener(...args)
  }

  /** Lets one middleware after the other look at it, before the listeners. False if one of them says so. */
  function receive(packet: readonly [event: string, ...args: unknown[]], nth = 0): boolean {
    const middleware = middlewares[nth]
    if (!middleware) {
      const [event, ...args] = packet
      call(event, args)
      return true
    }
    let isTaken = true
    const verdict = middleware(packet, (error) => {
      if (!error) isTaken = receive(packet, nth + 1)
    })
    return verdict !== false && isTaken
  }

  function join(room: string): void {
    if (isOver) return
    rooms.add(room)
    members.set(room, (members.get(room) ?? new Set()).add(socket))
  }

  function leave(room: string): void {
    rooms.delete(room)
    const others = members.get(room)
    others?.delete(socket)
    if (others?.size === 0) members.delete(room)
  }

  function closed(): void {
    if (isOver) return
    isOver = true
    sink = undefined
    for (const run of closing) run()
    call('disconnect', ['stream closed'])
    for (const room of rooms) leave(room)
  }

  function close(): void {
    const ending = sink
    closed()
    ending?.end()
  }

  const socket: EventStreamSocket = {
    id,
    handshake,
    data: {},
    rooms,
    recovered: false,
    get connected() {
      return !isOver
    },
    join,
    leave,
    on(event, listener) {
      listeners.set(event, (listeners.get(event) ?? new Set()).add(listener))
    },
    use: (middleware) => void middlewares.push(middleware),
    onAnyOutgoing: (listener) => void outgoing.add(listener),
    offAnyOutgoing: (listener) => void outgoing.delete(listener),
    emit(event, metadata) {
      if (!sink) return
      for (const listener of outgoing) listener(event, metadata)
      sink.write(streamTextOf(event, metadata))
    },
    disconnect() {
      onDisconnect(opened)
      close()
    },
    conn: {
      once: (_, listener) => void closing.add(listener),
      off: (_, listener) => void closing.delete(listener),
      close,
    },
  }
  join(id)
  socket.on(`${RESERVED}:ping`, () => void socket.emit(`${RESERVED}:pong`))
  let lastRequest = 0
  const opened: OpenSocket = {
    socket,
    take(event, data, request) {
      if (typeof request !== 'number') return receive([event, data])
      // A browser may repeat a request whose answer it lost. Requests come one after the other.
      if (request <= lastRequest) return true
      lastRequest = request
      let isAnswered = false
      return receive([
        event,
        data,
        (answer?: unknown) => {
          if (!isAnswered) socket.emit(`${RESERVED}:answer`, { request, data: answer })
          isAnswered = true
        },
      ])
    },
    open(to) {
      if (isOver) to.end()
      else sink = to
    },
    closed,
    receive: (event, metadata, answer) => receive([event, metadata, answer]),
  }
  return opened
}
