import type { HubEnvironment } from '../platform/environment.js'
import { messageOf } from '../util/errors.js'
import type { OpenTransport } from './transport.js'
import { type BadFrame, createWebSocketConnection, type WebSocketConnection } from './websocket-connection.js'

/** Milliseconds between attempts: full jitter, from 0 to twice as long. The names are those of Socket.IO's options. */
const WEBSOCKET_DEFAULTS = { reconnectionDelay: 1_000, reconnectionDelayMax: 10_000, limit: 65_536 }

export type WebSocketPowers = Pick<HubEnvironment, 'timers' | 'random' | 'openWebSocket'>

type LoopState =
  /** Not started, refused or closed: only `connect` or `reconnect` goes on from here. */
  | { readonly name: 'idle' }
  /** An attempt or a connection. */
  | { readonly name: 'open'; readonly connection: WebSocketConnection }
  /** The next attempt is due later. */
  | { readonly name: 'waiting'; cancel(): void }

/**
 * Plain WebSocket with JSON frames as a transport, for servers without Socket.IO: the wire is in docs/websocket.md. `socket`
 * of the settings may hold `reconnectionDelay`, `reconnectionDelayMax` (ms) and `limit` (characters of a frame).
 */
export function webSocketTransport(powers: WebSocketPowers): OpenTransport {
  const { openWebSocket, timers, random } = powers
  return (settings, handlers) => {
    const options = { ...WEBSOCKET_DEFAULTS, ...(settings.socket as Partial<typeof WEBSOCKET_DEFAULTS>) }
    const url = settings.url.replace(/^http/, 'ws')
    const badFrames = new Map<BadFrame, number>()
    let failures = 0
    let state: LoopState = { name: 'idle' }

    function end(): void {
      if (state.name === 'waiting') state.cancel()
      if (state.name === 'open') state.connection.close()
      state = { name: 'idle' }
    }

    function connect(): void {
      end()
      try {
        state = { name: 'open', connection: open() }
      } catch (thrown) {
        // The URL is invalid, or the page's policy forbids it.
        tryLater()
        handlers.onTrouble(messageOf(thrown))
      }
    }

    function tryLater(): void {
      const delay = Math.min(options.reconnectionDelayMax, options.reconnectionDelay * 2 ** failures++)
      state = { name: 'waiting', cancel: timers.after(delay * 2 * random(), connect) }
    }

    const open = () =>
      createWebSocketConnection({
        socket: openWebSocket(url),
        timers,
        maxCharacters: options.limit,
        handlers: {
          ...handlers,
          onUp() {
            failures = 0
            handlers.onUp(false)
          },
          onLost(reason, wasUp) {
            // Before the report: its receiver may want to reconnect at once.
            tryLater()
            if (wasUp) handlers.onDown(reason)
            else handlers.onTrouble(reason)
          },
          onRefused(reason) {
            state = { name: 'idle' }
            handlers.onRefused(reason)
          },
          onNoCredentials(reason) {
            state = { name: 'idle' }
            handlers.onNoCredentials(reason)
          },
          onBadFrame(kind) {
            const count = (badFrames.get(kind) ?? 0) + 1
            badFrames.set(kind, count)
            if (/^10*$/.test(String(count))) handlers.onBadFrame(kind, count)
          },
        },
      })

    const current = () => (state.name === 'open' ? state.connection : undefined)
    const never = <T>() => new Promise<T>(() => undefined)
    return {
      connect() {
        if (state.name === 'idle') connect()
      },
      reconnect: connect,
      probe: () => current()?.probe() ?? never(),
      renew: (credentials) => current()?.renew(credentials) ?? never(),
      send: (event, metadata) => current()?.send(event, metadata),
      close: end,
    }
  }
}
