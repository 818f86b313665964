/**
 * Starts the hub in a worker of your own, with transports of your own.
 * @module partyline/serve-worker
 */

import { createElector } from '../election/create-elector.js'
import { serveHub } from '../hub/serve.js'
import { checkPowers } from '../platform/check-powers.js'
import { commonEnvironment, type HubEnvironment } from '../platform/environment.js'
import { adaptTransport } from '../transport/own-transport.js'
import { openSocketIo } from '../transport/socket-io.js'
import { sseTransport } from '../transport/sse.js'
import type { OpenOwnTransport, OpenTransport } from '../transport/transport.js'
import { webSocketTransport } from '../transport/websocket.js'

export type {
  OpenOwnTransport as OpenTransport,
  OwnTransportHandlers as TransportHandlers,
  OwnTransportMethods as TransportMethods,
  RenewalOutcome,
  ServerRefusal,
  Transport,
  TransportSettings,
} from '../transport/transport.js'

export interface ServeWorkerOptions {
  /**
   * The app's own transports, by the names that the option `transport` of `createPartyline` gives them. Those of this package
   * are there as well.
   * @default none
   */
  readonly transports?: Readonly<Record<string, OpenOwnTransport>>
}

interface SharedWorkerScope {
  readonly name: string
  addEventListener(type: 'connect', listener: (event: MessageEvent) => void): void
}

/**
 * Makes this SharedWorker the hub. Call it once, in the first task of the worker's script: a tab that connects before gets no
 * answer.
 */
export function serveWorker({ transports }: ServeWorkerOptions = {}): void {
  const scope = globalThis as unknown as SharedWorkerScope
  // The key is the worker's name, so every key has a worker of its own.
  const hub = checkPowers(commonEnvironment()).then((environment) =>
    serveHub({
      environment,
      key: scope.name,
      host: 'shared-worker',
      ...allTransports(environment, transports),
      elector: createElector(environment, scope.name),
    }),
  )
  // What the tabs send meanwhile waits at their ports.
  scope.addEventListener('connect', (event) => {
    for (const port of event.ports) void hub.then((served) => served.connect(port))
  })
}

/** The transports of this package, and the app's own by their names. */
function allTransports(powers: HubEnvironment, own: Readonly<Record<string, OpenOwnTransport>> = {}) {
  const known = new Map<string, OpenTransport>([
    ...Object.entries(own).map(([name, open]) => [name, adaptTransport(open)] as const),
    ['socket.io', openSocketIo],
    ['websocket', webSocketTransport(powers)],
    ['sse', sseTransport(powers)],
  ])
  return {
    knows: (name: string) => known.has(name),
    // The hub has asked for it by `knows`.
    open: ((settings, handlers) =>
      (known.get(settings.transport ?? 'socket.io') ?? openSocketIo)(settings, handlers)) as OpenTransport,
  }
}
