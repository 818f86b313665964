import type { HubEnvironment } from '../platform/environment.js'
import { messageOf } from '../util/errors.js'
import type { OpenTransport } from './transport.js'
import { createWebSocketConnection, type WebSocketConnection } from './websocket-connection.js'

/** The longest frame that is read, in characters, and the silence after which the server is pinged. */
const WEBSOCKET_DEFAULTS = { limit: 65_536, pingAfterMs: 25_000 }

export type WebSocketPowers = Pick<HubEnvironment, 'timers' | 'openWebSocket'>

type WebSocketState =
  | { readonly name: 'idle' | 'closed' }
  /** An attempt or a connection. */
  | { readonly name: 'open'; readonly connection: WebSocketConnection }

/**
 * Plain WebSocket with JSON frames as a transport, for servers without Socket.IO: the wire is in docs/protocol.md. `socket`
 * of the settings may hold `limit` (characters of a frame) and `pingAfterMs`, for proxies that cut silent connections.
 */
export function webSocketTransport({ openWebSocket, timers }: WebSocketPowers): OpenTransport {
  return (settings, handlers) => {
    const url = settings.url.replace(/^http/, 'ws')
    let state: WebSocketState = { name: 'idle' }

    function end(): void {
      if (state.name === 'open') state.connection.close()
      state = { name: 'idle' }
    }

    function connect(): void {
      end()
      try {
        state = { name: 'open', connection: open() }
      } catch (thrown) {
        // The URL is invalid, or the page's policy forbids it.
        handlers.onAttemptFailed(messageOf(thrown))
      }
    }

    const open = () =>
      createWebSocketConnection({
        socket: openWebSocket(url),
        timers,
        maxCharacters: positiveOr(WEBSOCKET_DEFAULTS.limit, settings.socket['limit']),
        pingAfterMs: positiveOr(WEBSOCKET_DEFAULTS.pingAfterMs, settings.socket['pingAfterMs']),
        handlers: {
          ...handlers,
          onUp: () => handlers.onUp(false),
          onLost(reason, wasUp) {
            state = { name: 'idle' }
            if (wasUp) handlers.onDown(reason)
            else handlers.onAttemptFailed(reason)
          },
          onRefused(refusal) {
            state = { name: 'idle' }
            handlers.onRefused(refusal)
          },
          onNoCredentials(reason) {
            state = { name: 'idle' }
            handlers.onNoCredentials(reason)
          },
        },
      })

    const current = () => (state.name === 'open' ? state.connection : undefined)
    const never = <T>() => new Promise<T>(() => undefined)
    return {
      connect() {
        if (state.name === 'idle') connect()
      },
      reconnect() {
        if (state.name !== 'closed') connect()
      },
      disconnect() {
        if (state.name !== 'closed') end()
      },
      probe: () => current()?.probe() ?? never(),
      renew: (credentials) => current()?.renew(credentials) ?? never(),
      send: (event, metadata) => current()?.send(event, metadata),
      close() {
        end()
        state = { name: 'closed' }
      },
    }
  }
}

/** An option of the app, unless it is nonsense. */
const positiveOr = (fallback: number, option: unknown): number =>
  typeof option === 'number' && option > 0 ? option : fallback
