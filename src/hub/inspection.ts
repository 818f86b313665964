import type { HubEnvironment } from '../platform/environment.js'
import type { HubInspection } from '../wire/hub-calls.js'
import { isMetadata, RESERVED } from '../wire/protocol.js'
import { SIMULATED } from './connection.js'
import type { Downstream } from './downstream.js'
import type { HubLog } from './log.js'
import type { Upstream } from './upstream.js'

/** One simulation is a burst of so many events at most. */
const MAX_SIMULATED_EVENTS = 5_000

export interface HubInspectionOptions extends Pick<HubInspection, 'epoch' | 'host'> {
  readonly environment: Pick<HubEnvironment, 'clock' | 'timers'>
  readonly log: HubLog
  readonly upstream: Upstream
  readonly downstream: Downstream
  /** Leaves the connection to another tab's hub. */
  readonly leave: (reason: string) => void
}

/** What a hub tells an inspector, and does for a test or a demonstration. */
export function createHubInspection({ environment, log, upstream, downstream, leave, ...hub }: HubInspectionOptions) {
  const { clock, timers } = environment
  const { connection } = upstream
  const bornAt = clock.monotonic()

  return {
    inspect: (after: number): HubInspection => ({
      ...hub,
      ageMs: clock.monotonic() - bornAt,
      ...upstream.inspect(),
      tabs: downstream.inspect(hub.host),
      counters: { ...log.counters },
      records: log.after(after),
    }),
    /** `given`: whatever a script has sent. Gives whether it was done. */
    simulate(given: unknown): boolean {
      const { name, event, metadata, count = 1 }: { readonly [field: string]: unknown } = isMetadata(given) ? given : {}
      if (name === 'drop' || name === 'reconnect' || name === 'refusal') return connection.simulate[name]()
      const isMovable = hub.host === 'leader-tab' && downstream.tabs.all().some((tab) => !tab.isTrusted)
      if (name === 'gap') upstream.missed(SIMULATED)
      // As when no tab here gives credentials: the others hear of their new hub before this tab looks for one. This call is
      // answered first.
      else if (name === 'move-leader' && isMovable) timers.after(0, () => leave(SIMULATED))
      // The reserved name is the server's, for the hub itself.
      else if (name === 'event' && typeof event === 'string' && event !== RESERVED)
        for (let sent = 0; sent < Math.min(Number(count), MAX_SIMULATED_EVENTS); sent++)
          connection.simulate.event(event, metadata)
      else return false
      return true
    },
  }
}
