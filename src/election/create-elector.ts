import type { HubEnvironment } from '../platform/environment.js'
import type { HeartbeatPowers } from './candidacy.js'
import type { Elector } from './elector.js'
import { createLockElector } from './lock-elector.js'

/** Where no other hub can be seen, none can campaign. */
export const unopposed: Elector = {
  campaign: async () => ({ lost: new AbortController().signal }),
  steal: async () => ({ lost: new AbortController().signal }),
}

/** By Web Locks; where there are none, by heartbeats; where there is no channel either, unopposed. */
export function createElector(environment: HubEnvironment, key: string): Elector {
  const name = `${key}/owner`
  const { locks, openChannel } = environment
  if (locks) return createLockElector(locks, name)
  return openChannel ? createLazyElector({ ...environment, openChannel }, name) : unopposed
}

/** Few browsers need heartbeats, so they are a chunk of their own. */
function createLazyElector(powers: HeartbeatPowers, name: string): Elector {
  let loading: Promise<Elector> | undefined
  const load = () => {
    loading ??= import('./heartbeat-elector.js').then(
      ({ createHeartbeatElector }) => createHeartbeatElector(powers, name),
      (thrown: unknown) => {
        // The chunk may be there the next time.
        loading = undefined
        throw thrown
      },
    )
    return loading
  }
  return {
    campaign: async (signal) => (await load()).campaign(signal),
    steal: async (signal) => (await load()).steal(signal),
  }
}
