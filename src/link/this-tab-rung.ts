import { unopposed } from '../election/create-elector.js'
import type { Served } from '../hub/serve.js'
import type { TabEnvironment } from '../platform/page.js'
import type { LoadHub } from './leader-tab-rung.js'
import type { Rung } from './rung.js'

export type TabHubs = Map<string, Promise<Served>>

/** The hub in this tab, for this tab alone: a socket of its own, the last resort. */
export function thisTabRung(environment: TabEnvironment, key: string, hubs: TabHubs, load: LoadHub): Rung {
  return {
    host: 'this-tab',
    async open() {
      let hub = hubs.get(key)
      if (!hub) {
        hub = load(unopposed)
        hubs.set(key, hub)
        // A chunk that could not be loaded may be there the next time.
        hub.catch(() => hubs.delete(key))
      }
      const { port1, port2 } = environment.openPipe()
      ;(await hub).connect(port2)
      return port1
    },
    release() {
      void hubs.get(key)?.then(
        (hub) => hub.close(),
        () => undefined,
      )
      hubs.delete(key)
    },
  }
}
