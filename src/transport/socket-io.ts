import { io } from 'socket.io-client'
import { messageOf } from '../errors.js'
import type { OpenTransport } from './transport.js'

/**
 * WebSocket only, so that no sticky sessions are needed; endless reconnection with jitter, so that a restarted server
 * is not met by everyone at once.
 */
const DEFAULTS = {
  transports: ['websocket'],
  reconnectionAttempts: Number.POSITIVE_INFINITY,
  reconnectionDelay: 1_000,
  reconnectionDelayMax: 10_000,
  randomizationFactor: 0.5,
}

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

  socket.on('connect', () => handlers.onUp(socket.recovered))
  socket.on('disconnect', (reason) => {
    attempt++
    if (reason === 'io server disconnect') handlers.onRefused('the server closed the connection')
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
      socket.disconnect().connect()
    },
    close: () => {
      attempt++
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
