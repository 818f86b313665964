import { openSocketIo } from './socket-io.js'
import type { OpenTransport } from './transport.js'
import { type WebSocketPowers, webSocketTransport } from './websocket.js'

/** The transport that the settings ask for. */
export function createOpenTransport(powers: WebSocketPowers): OpenTransport {
  const openWebSocket = webSocketTransport(powers)
  return (settings, handlers) => (settings.transport === 'websocket' ? openWebSocket : openSocketIo)(settings, handlers)
}
