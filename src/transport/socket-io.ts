import { io, type Manager, type Socket } from 'socket.io-client'
import { messageOf } from '../util/errors.js'
import { RESERVED, type Settings } from '../wire/protocol.js'
import { deliverEvent } from './metadata.js'
import {
  type OpenTransport,
  type RenewalOutcome,
  readRefusal,
  readRenewalAnswer,
  type Transport,
  type TransportHandlers,
} from './transport.js'

/** WebSocket only, so that no sticky sessions are needed. */
const SOCKET_IO_DEFAULTS = { transports: ['websocket'] }

/** No server has this namespace, and so each answers that it does not: a round trip that needs nothing of the server. */
const PROBE_NAMESPACE = `/${RESERVED}`

/** Socket.IO's types of the packets by which a server sends an event, and refuses. */
const [EVENT_PACKET, REFUSAL_PACKET] = [2, 4]

/** Engine.IO's time limit is extended once in so many ms at most: each time takes a timer. */
const MIN_EXTEND_INTERVAL_MS = 1_000

type SocketIoPhase =
  | { readonly name: 'idle' | 'attempting' | 'up' | 'closed' }
  /** The connection is being closed beneath the socket; an attempt follows, or not. */
  | { readonly name: 'dropping'; connectsAgain: boolean }

interface SocketIoEnd {
  readonly isRefusal?: boolean
  readonly data?: unknown
  readonly isOpen?: boolean
}

/** Socket.IO as a transport. The only importer of socket.io-client, and only hubs import this. */
export const openSocketIo: OpenTransport = (settings, handlers) => {
  let attempt = 0
  let state: SocketIoPhase = { name: 'idle' }
  const socket = createSocket(settings, (send) => {
    // Socket.IO waits for the answer without limit, and would send a late one on a newer connection.
    const own = ++attempt
    handlers.auth().then(
      (credentials) => {
        if (own === attempt) send(credentials ?? {})
      },
      (thrown: unknown) => {
        if (own !== attempt) return
        enter({ name: 'idle' })
        socket.disconnect()
        handlers.onNoCredentials(messageOf(thrown))
      },
    )
  })

  const manager = socket.io
  manager.on('open', () => watchPackets(manager.engine, handlers))
  dropEmptyPackets(manager, handlers)
  const prober = createProber(manager)

  function enter(next: SocketIoPhase): void {
    attempt++
    prober.end()
    state = next
  }

  /** An attempt or a connection has ended. `isOpen`: nothing else would close what is beneath it. */
  function end(reason: string, { isRefusal = false, data, isOpen = false }: SocketIoEnd = {}): void {
    if (state.name !== 'up' && state.name !== 'attempting') return
    const wasUp = state.name === 'up'
    enter({ name: 'idle' })
    if (isOpen) socket.disconnect()
    const refusal = isRefusal ? readRefusal(reason, data) : undefined
    if (refusal) handlers.onRefused(refusal)
    else if (wasUp) handlers.onDown(reason)
    else handlers.onAttemptFailed(reason)
  }

  function connect(): void {
    state = { name: 'attempting' }
    // Socket.IO keeps what it was given while it took the connection for dead. It was sent for the former one alone.
    socket.sendBuffer = []
    socket.connect()
  }

  /** So that the server may recover the session. */
  function drop(connectsAgain: boolean): void {
    const dropping: SocketIoPhase = { name: 'dropping', connectsAgain }
    enter(dropping)
    closeBeneath(manager, () => {
      if (state !== dropping) return
      if (dropping.connectsAgain) connect()
      else state = { name: 'idle' }
    })
  }

  // Its parser takes a number for a name.
  socket.onAny((name: unknown, ...args: unknown[]) => {
    if (typeof name === 'string' && name !== '') deliverEvent(handlers, name, payloadOf(args, socket))
    else handlers.onBadFrame('has no event')
  })
  // A server's own event of one of these names can't come here: the parser takes it for an error, and the connection is lost.
  socket.on('connect', () => {
    if (state.name === 'attempting') {
      state = { name: 'up' }
      handlers.onUp(socket.recovered)
    }
    // Several packets may come at once, and one after it has ended the connection: Socket.IO would take it for open.
    else if (state.name !== 'up') socket.disconnect()
  })
  socket.on('disconnect', (reason) => {
    if (reason === 'io server disconnect') end('the server closed the connection', { isRefusal: true })
    else end(reason)
  })
  // A strange server may send one to a socket that is up. Inactive: a middleware of the server has refused. Else the connection
  // could not be opened.
  socket.on('connect_error', ({ message, data }: Error & { data?: unknown }) =>
    end(message, { isRefusal: !socket.active, data, isOpen: true }),
  )

  return {
    connect() {
      if (state.name === 'idle') connect()
      else if (state.name === 'dropping') state.connectsAgain = true
    },
    reconnect() {
      if (state.name === 'dropping') state.connectsAgain = true
      else if (socket.connected) drop(true)
      else if (state.name !== 'closed') {
        enter({ name: 'idle' })
        socket.disconnect()
        connect()
      }
    },
    disconnect(session) {
      if (state.name === 'closed') return
      if (session === 'keep' && socket.connected && state.name !== 'dropping') return drop(false)
      enter({ name: 'idle' })
      socket.disconnect()
      // Private in its types. The next handshake would ask the server to recover the session, should it not know of its end.
      if (session === 'end') (socket as unknown as { _pid?: string | undefined })._pid = undefined
    },
    probe: prober.probe,
    ...createSenders(socket),
    close: () => {
      enter({ name: 'closed' })
      socket.offAny()
      socket.off()
      socket.disconnect()
    },
  }
}

/** A socket that connects only when it is told to. */
function createSocket({ url, socket }: Settings, auth: (send: (credentials: object) => void) => void): Socket {
  // The hub decides when to try again. What was sent once is never sent twice.
  const ours = { reconnection: false, autoConnect: false, forceNew: true, retries: 0, auth }
  return io(url, { ...SOCKET_IO_DEFAULTS, ...socket, ...ours })
}

/** Socket.IO throws at an event or a refusal without data. Call it before a socket listens to the manager. */
function dropEmptyPackets(manager: Manager, { onBadFrame }: TransportHandlers): void {
  manager.on('packet', (packet) => {
    if (packet.data !== undefined) return
    if (packet.type === REFUSAL_PACKET) packet.data = {}
    else if (packet.type === EVENT_PACKET) {
      // Nobody's.
      packet.nsp = ''
      onBadFrame('has no event')
    }
  })
}

/**
 * A disconnect packet would end the session at the server, which may otherwise recover it. So the connection is closed beneath
 * the socket.
 */
function closeBeneath(manager: Manager, onClosed: () => void): void {
  manager.once('close', () => void Promise.resolve().then(onClosed))
  manager.engine.close()
}

/** What is said over the present connection. Without one, Socket.IO would keep it, and send it over the next. */
const createSenders = (socket: Socket): Pick<Transport, 'renew' | 'send' | 'ask' | 'tell'> => ({
  renew: (credentials) =>
    new Promise<RenewalOutcome>((resolve) => {
      socket.emit(`${RESERVED}:auth`, credentials, (answer: unknown) => resolve(readRenewalAnswer(answer)))
    }),
  send(event, metadata) {
    if (socket.connected) socket.emit(event, metadata)
  },
  async ask(event, data, timeoutMs) {
    if (!socket.connected) throw new Error('not connected')
    return socket.timeout(timeoutMs).emitWithAck(event, data)
  },
  tell(event, data) {
    if (socket.connected) socket.volatile.emit(event, data)
  },
})

/** Asks the server for a sign of life, by a namespace that it does not have. */
function createProber(manager: Manager) {
  let end = (): void => undefined
  return {
    end: () => end(),
    probe: () =>
      new Promise<void>((resolve) => {
        end()
        const probe = manager.socket(PROBE_NAMESPACE, { auth: {} })
        end = () => {
          end = () => undefined
          probe.off()
          probe.disconnect()
        }
        const answered = () => {
          end()
          resolve()
        }
        // `connect`: the server takes every namespace.
        probe.once('connect', answered).once('connect_error', answered)
        probe.connect()
      }),
  }
}

/**
 * What the server has sent with an event: several arguments are `{ args }`. Socket.IO appends a function where the server wants an
 * answer, and else, with connection state recovery, a text: the event's offset. It does not say whether a text is one, and a
 * volatile event has none.
 */
function payloadOf(args: readonly unknown[], socket: object): unknown {
  const last = typeof args[args.length - 1]
  const isRecoverable = (socket as { readonly _pid?: string })._pid !== undefined
  const count = args.length - (last === 'function' || (isRecoverable && last === 'string') ? 1 : 0)
  return count > 1 ? { args: args.slice(0, count) } : count === 1 ? args[0] : undefined
}

/**
 * Reports every packet, and lets any packet extend Engine.IO's own time limit as a ping does. Engine.IO gives up when it reads no
 * ping for 45 s, but a ping waits behind a burst, and all that was sent before it would be lost unread.
 */
function watchPackets(engine: Manager['engine'], { onAlive, onPing }: TransportHandlers): void {
  let extendedAt = Date.now()
  engine.on('packet', ({ type }) => {
    onAlive()
    // Engine.IO answers it by itself, right after this.
    if (type === 'ping') onPing()
    // The clock may have been set back.
    if (Math.abs(Date.now() - extendedAt) < MIN_EXTEND_INTERVAL_MS) return
    extendedAt = Date.now()
    // Private in its types; a release without it would only not be helped.
    ;(engine as unknown as { _resetPingTimeout?(): void })._resetPingTimeout?.()
  })
}
