import { unopposed } from '../election/create-elector.js'
import type { Elector } from '../election/elector.js'
import type { Served } from '../hub/serve.js'
import type { TabEnvironment } from '../platform/page.js'
import { withTimeout } from '../platform/timeouts.js'
import type { Endpoint } from '../wire/endpoint.js'
import { LOAD_TIMEOUT_MS, type Rung } from './rungs.js'

/** Loads the hub's code, which is a chunk of its own, and runs the hub. */
export interface LoadHub {
  (elector: Elector): Promise<Served>
  /** Loads the code only. */
  readonly preload?: () => Promise<unknown>
}

/** A pipe to a hub in this thread. Only now that the hub is there: nobody closes a pipe to one that never came. */
export function openPipeTo(environment: TabEnvironment, hub: Served): Endpoint {
  const { port1, port2 } = environment.openPipe()
  hub.connect(port2)
  return port1
}

/** Runs the hub, or fails when its code does not come. */
export const loadInTime = (environment: TabEnvironment, load: LoadHub, elector: Elector): Promise<Served> =>
  withTimeout(environment.timers.after, LOAD_TIMEOUT_MS, load(elector), "the hub's code did not load in time")

/** The hubs of this tab alone, by key. A line's sessions share them. */
export type TabHubs = Map<string, Promise<Served>>

interface ThisTabOptions {
  readonly environment: TabEnvironment
  readonly key: string
  readonly hubs: TabHubs
  readonly load: LoadHub
}

/** The hub in this tab, for this tab alone: a socket of its own, the last resort. */
export function thisTabRung({ environment, key, hubs, load }: ThisTabOptions): Rung {
  return {
    host: 'this-tab',
    async open() {
      let hub = hubs.get(key)
      if (!hub) {
        hub = loadInTime(environment, load, unopposed)
        hubs.set(key, hub)
        // A chunk that could not be loaded may be there the next time.
        hub.catch(() => hubs.delete(key))
      }
      return openPipeTo(environment, await hub)
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
