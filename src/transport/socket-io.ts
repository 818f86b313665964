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

/** Engine.IO's time limit is extended once in so many ms at most: each time takes a timer. */
const MIN_EXTEND_INTERVAL_MS = 1_000

type SocketIoPhase =
  | { readonly name: 'idle' | 'attempting' | 'up' | 'closed' }
  /** The connection is being closed beneath the socket; an attempt follows, or not. */
  | { readonly name: 'dropping'; connectsAgain: boolean }

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
  const prober = createProber(manager)

  // A function: the compiler would take `state` for unchanged across calls.
  const isIn = (name: SocketIoPhase['name']) => state.name === name

  function enter(next: SocketIoPhase): void {
    attempt++
    prober.end()
    state = next
  }

  function refuse(reason: string, data?: unknown): void {
    enter({ name: 'idle' })
    const refusal = readRefusal(reason, data)
    if (refusal) handlers.onRefused(refusal)
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

  socket.onAny((name: string, ...args: unknown[]) => {
    deliverEvent(handlers, name, metadataOf(args, socket))
  })
  // A server's own event of one of these names can't come here: the parser takes it for an error, and the connection is lost.
  socket.on('connect', () => {
    state = { name: 'up' }
    handlers.onUp(socket.recovered)
  })
  socket.on('disconnect', (reason) => {
    if (state.name !== 'up' && state.name !== 'attempting') return
    const wasUp = isIn('up')
    if (reason === 'io server disconnect') refuse('the server closed the connection')
    else {
      enter({ name: 'idle' })
      if (wasUp) handlers.onDown(reason)
      else handlers.onAttemptFailed(reason)
    }
  })
  socket.on('connect_error', (error: Error & { data?: unknown }) => {
    if (state.name !== 'attempting') return
    // Inactive: a middleware of the server has refused. Else the connection could not be opened.
    if (!socket.active) return refuse(error.message, error.data)
    enter({ name: 'idle' })
    // Where it was open already, nothing else would close it.
    socket.disconnect()
    handlers.onAttemptFailed(error.message)
  })

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
 * With connection state recovery, Socket.IO appends an offset to the arguments: an event that was sent without
 * metadata arrives with that string alone.
 */
function metadataOf(args: readonly unknown[], socket: object): unknown {
  const recoverable = (socket as { readonly _pid?: string })._pid !== undefined
  return recoverable && args.length === 1 && typeof args[0] === 'string' ? undefined : args[0]
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
