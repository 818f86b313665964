import { io } from 'socket.io-client'
import { messageOf } from '../util/errors.js'
import { RESERVED } from '../wire/protocol.js'
import type { OpenTransport } from './transport.js'

/**
 * WebSocket only, so that no sticky sessions are needed; endless reconnection with full jitter (from nothing to twice the
 * delay), so that a restarted server is not met by everyone at once.
 */
const DEFAULTS = {
  transports: ['websocket'],
  reconnectionAttempts: Number.POSITIVE_INFINITY,
  reconnectionDelay: 1_000,
  reconnectionDelayMax: 10_000,
  randomizationFactor: 1,
}

/** No server has it, and so the server answers that it does not: a round trip that needs nothing of the server. */
const NOWHERE = `/${RESERVED}`

/** Socket.IO as a transport. The only importer of socket.io-client, and only hubs import this. */
export const openSocketIo: OpenTransport = (settings, handlers) => {
  let attempt = 0
  const socket = io(settings.url, {
    ...DEFAULTS,
    ...settings.socket,
    autoConnect: false,
    forceNew: true,
    auth: (send) => {
      // Socket.IO waits for the answer without limit, and would send a late one on a newer connection.
      const asked = ++attempt
      handlers.auth().then(
        (credentials) => {
          if (asked === attempt) send(credentials ?? {})
        },
        (thrown: unknown) => {
          if (asked !== attempt) return
          socket.disconnect()
          handlers.onNoCredentials(messageOf(thrown))
        },
      )
    },
  })

  const manager = socket.io
  const most = manager.reconnectionDelayMax()
  // Socket.IO draws before it caps: in a long outage everyone would wait just as long. So the cap is drawn as well.
  manager.on('reconnect_attempt', () => {
    manager.reconnectionDelayMax(most * (1 + manager.randomizationFactor() * (2 * Math.random() - 1)))
  })
  let endProbe = (): void => undefined
  let closed = false
  /** The connection is on its way out because `reconnect` was asked for. */
  let dropping = false

  socket.on('connect', () => handlers.onUp(socket.recovered))
  socket.on('disconnect', (reason) => {
    attempt++
    endProbe()
    if (dropping) dropping = false
    else if (reason === 'io server disconnect') handlers.onRefused('the server closed the connection')
    else if (reason !== 'io client disconnect') handlers.onDown(reason)
  })
  socket.on('connect_error', (error) => {
    attempt++
    // Socket.IO does not come back by itself after a middleware's refusal.
    if (socket.active) handlers.onTrouble(error.message)
    else handlers.onRefused(error.message)
  })
  socket.onAny((name: string, ...args: unknown[]) => handlers.onEvent(name, metadataOf(args, socket)))

  return {
    connect: () => void socket.connect(),
    reconnect: () => {
      attempt++
      endProbe()
      if (!socket.connected) {
        socket.disconnect().connect()
        return
      }
      // A goodbye would end the session at the server, which may otherwise recover it. So the connection is dropped beneath
      // the socket; and Socket.IO, which would wait before it comes back, is kept from doing so by itself.
      // It is on its way out already, and comes back by itself.
      if (dropping) return
      dropping = true
      const byItself = manager.reconnection()
      manager.once('close', () => {
        void Promise.resolve().then(() => {
          manager.reconnection(byItself)
          if (!closed) socket.connect()
        })
      })
      manager.reconnection(false)
      manager.engine.close()
    },
    probe: () =>
      new Promise((resolve) => {
        endProbe()
        const probe = manager.socket(NOWHERE, { auth: {} })
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
      // Socket.IO would keep it, and say it on the next connection.
      if (socket.connected) socket.emit(event, metadata)
    },
    close: () => {
      closed = true
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
