import type { HubEnvironment } from '../platform/environment.js'
import { positiveOr } from './deadline.js'
import { createEnvelopeReader } from './envelope.js'
import { oneConnection } from './one-connection.js'
import type { OpenTransport } from './transport.js'
import { createWebSocketConnection } from './websocket-connection.js'

/** The longest frame that is read, in characters, and the silence after which the server is pinged. */
const WEBSOCKET_DEFAULTS = { limit: 65_536, pingAfterMs: 25_000 }

export type WebSocketPowers = Pick<HubEnvironment, 'timers' | 'openWebSocket'>

/**
 * Plain WebSocket with JSON frames as a transport, for servers without Socket.IO: the wire is in docs/protocol.md. `socket`
 * of the settings may hold `limit` (characters of a frame) and `pingAfterMs`, for proxies that cut silent connections. With
 * `handshake: 'none'`, for a server that knows nothing of Partyline, it may hold `maxSilenceMs`.
 */
export function webSocketTransport({ openWebSocket, timers }: WebSocketPowers): OpenTransport {
  return ({ url, socket, envelope }, handlers) => {
    const hasHandshake = socket['handshake'] !== 'none'
    return oneConnection(handlers, { hasHandshake, hears: true }, (reports) =>
      createWebSocketConnection({
        socket: openWebSocket(url.replace(/^http/, 'ws')),
        timers,
        maxCharacters: positiveOr(WEBSOCKET_DEFAULTS.limit, socket['limit']),
        pingAfterMs: positiveOr(WEBSOCKET_DEFAULTS.pingAfterMs, socket['pingAfterMs']),
        hasHandshake,
        envelope: envelope && createEnvelopeReader(envelope),
        maxSilenceMs: positiveOr(Number.POSITIVE_INFINITY, socket['maxSilenceMs']),
        handlers: reports,
      }),
    )
  }
}
