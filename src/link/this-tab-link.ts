import type { Environment } from '../environment.js'
import type { Rung } from './rung.js'

type Serve = { connect(endpoint: MessagePort): void }

/**
 * The hub in this tab, for this tab alone. Its code and socket.io-client are a chunk of their own that no tab loads
 * unless it comes to this.
 */
export function thisTabRung(environment: Environment, key: string, hubs: Map<string, Promise<Serve>>): Rung {
  return {
    host: 'this-tab',
    async open() {
      let hub = hubs.get(key)
      if (!hub) {
        hub = import('../hub/in-tab.js').then(({ serveInTab }) => serveInTab(environment, key))
        hubs.set(key, hub)
        // A chunk that could not be loaded may be there the next time.
        hub.catch(() => hubs.delete(key))
      }
      const { port1, port2 } = environment.openPipe()
      ;(await hub).connect(port2)
      return port1
    },
  }
}

export type TabHubs = Map<string, Promise<Serve>>
