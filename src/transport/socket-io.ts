import { io, type Manager } from 'socket.io-client'
import { messageOf } from '../util/errors.js'
import { RESERVED } from '../wire/protocol.js'
import { deliverEvent } from './metadata.js'
import type { OpenTransport } from './transport.js'

/**
 * WebSocket only, so that no sticky sessions are needed. Endless reconnection with full jitter (from 0 to twice the delay), so
 * that not all clients reach a restarted server at once.
 */
const SOCKET_IO_DEFAULTS = {
  transports: ['websocket'],
  reconnectionAttempts: Number.POSITIVE_INFINITY,
  reconnectionDelay: 1_000,
  reconnectionDelayMax: 10_000,
  randomizationFactor: 1,
}

/** No server has this namespace, and so each answers that it does not: a round trip that needs nothing of the server. */
const PROBE_NAMESPACE = `/${RESERVED}`

/** Engine.IO's time limit is extended once in so many ms at most: each time takes a timer. */
const MIN_EXTEND_INTERVAL_MS = 1_000

/** Socket.IO as a transport. The only importer of socket.io-client, and only hubs import this. */
export const openSocketIo: OpenTransport = (settings, handlers) => {
  let attempt = 0
  /** `dropping`: `reconnect` closes the connection, and connects again when it is closed. */
  let state: 'open' | 'dropping' | 'closed' = 'open'
  const socket = io(settings.url, {
    ...SOCKET_IO_DEFAULTS,
    ...settings.socket,
    autoConnect: false,
    forceNew: true,
    auth: (send) => {
      // Socket.IO waits for the answer without limit, and would send a late one on a newer connection.
      const own = ++attempt
      handlers.auth().then(
        (credentials) => {
          if (own === attempt) send(credentials ?? {})
        },
        (thrown: unknown) => {
          if (own !== attempt) return
          socket.disconnect()
          handlers.onNoCredentials(messageOf(thrown))
        },
      )
    },
  })

  const manager = socket.io
  const maxDelay = manager.reconnectionDelayMax()
  // Socket.IO draws the delay before it caps it: in a long outage all clients would wait equally long. So the cap is drawn as well.
  manager.on('reconnect_attempt', () => {
    manager.reconnectionDelayMax(maxDelay * (1 + manager.randomizationFactor() * (2 * Math.random() - 1)))
  })
  manager.on('open', () => watchPackets(manager.engine, handlers.onAlive))
  let endProbe = (): void => undefined

  socket.on('connect', () => handlers.onUp(socket.recovered))
  socket.on('disconnect', (reason) => {
    attempt++
    endProbe()
    if (state === 'dropping') state = 'open'
    else if (reason === 'io server disconnect') handlers.onRefused('the server closed the connection')
    else if (reason !== 'io client disconnect') handlers.onDown(reason)
  })
  socket.on('connect_error', (error) => {
    attempt++
    // Socket.IO does not reconnect by itself after a middleware's refusal.
    if (socket.active) handlers.onTrouble(error.message)
    else handlers.onRefused(error.message)
  })
  socket.onAny((name: string, ...args: unknown[]) => deliverEvent(handlers, name, metadataOf(args, socket)))

  return {
    connect: () => void socket.connect(),
    reconnect: () => {
      attempt++
      endProbe()
      if (!socket.connected) {
        socket.disconnect().connect()
        return
      }
      if (state === 'dropping') return
      // A disconnect packet would end the session at the server, which may otherwise recover it. So the connection is closed
      // beneath the socket. Socket.IO's own reconnection, which waits first, is off meanwhile.
      state = 'dropping'
      const isReconnecting = manager.reconnection()
      manager.once('close', () => {
        void Promise.resolve().then(() => {
          manager.reconnection(isReconnecting)
          if (state !== 'closed') socket.connect()
        })
      })
      manager.reconnection(false)
      manager.engine.close()
    },
    probe: () =>
      new Promise((resolve) => {
        endProbe()
        const probe = manager.socket(PROBE_NAMESPACE, { auth: {} })
        endProbe = () => {
          endProbe = () => undefined
          probe.off()
          probe.disconnect()
        }
        const answered = () => {
          endProbe()
          resolve()
        }
        // `connect`: the server takes every namespace.
        probe.once('connect', answered).once('connect_error', answered)
        probe.connect()
      }),
    renew: (credentials) =>
      new Promise((resolve) => {
        socket.emit(`${RESERVED}:auth`, credentials, (answer: unknown) =>
          resolve((answer as { ok?: unknown } | undefined)?.ok === true ? 'accepted' : 'refused'),
        )
      }),
    send: (event, metadata) => {
      // Socket.IO would keep it, and send it over the next connection.
      if (socket.connected) socket.emit(event, metadata)
    },
    close: () => {
      state = 'closed'
      attempt++
      endProbe()
      socket.offAny()
      socket.off()
      socket.disconnect()
    },
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
function watchPackets(engine: Manager['engine'], onAlive: () => void): void {
  let extendedAt = Date.now()
  engine.on('packet', () => {
    onAlive()
    if (Math.abs(Date.now() - extendedAt) < MIN_EXTEND_INTERVAL_MS) return
    extendedAt = Date.now()
    // Private in its types; a release without it would only not be helped.
    ;(engine as unknown as { _resetPingTimeout?(): void })._resetPingTimeout?.()
  })
}
