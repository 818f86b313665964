import type { HubEnvironment } from '../platform/environment.js'
import type { HeartbeatPowers } from './candidacy.js'
import type { Elector, Leadership } from './elector.js'
import { createLockElector } from './lock-elector.js'

/** Where no other hub can be seen, none can campaign. */
export const unopposed: Elector = {
  campaign: async () => ({ lost: new AbortController().signal }),
  steal: async () => ({ lost: new AbortController().signal }),
}

/** The pause after a campaign that failed. It doubles with each further one. */
const MIN_CAMPAIGN_PAUSE_MS = 1_000
const MAX_CAMPAIGN_PAUSE_MS = 30_000
/** Web Locks that refuse so many campaigns in a row are given up. */
const MAX_LOCK_FAILURES = 2

/** By Web Locks; where there are none, or they refuse, by heartbeats; where there is no channel either, unopposed. */
export function createElector(environment: HubEnvironment, key: string): Elector {
  const name = `${key}/owner`
  const { locks, openChannel } = environment
  if (!locks && !openChannel) return unopposed
  const byHeartbeats = openChannel ? createLazyElector({ ...environment, openChannel }, name) : unopposed
  return createPersistentElector(environment, locks && createLockElector(locks, name), byHeartbeats)
}

/**
 * A campaign that fails by anything but its own signal is tried again: the browser may refuse locks that it granted before
 * (the user blocks site data meanwhile), and a chunk may not load. A steal that fails goes on as a campaign.
 */
function createPersistentElector(
  { timers }: Pick<HubEnvironment, 'timers'>,
  byLocks: Elector | undefined,
  byHeartbeats: Elector,
): Elector {
  async function persist(signal: AbortSignal, first: keyof Elector): Promise<Leadership> {
    for (let failures = 0; ; failures++) {
      const elector = byLocks && failures < MAX_LOCK_FAILURES ? byLocks : byHeartbeats
      try {
        return await elector[failures === 0 ? first : 'campaign'](signal)
      } catch {
        signal.throwIfAborted()
        const ms = Math.min(MIN_CAMPAIGN_PAUSE_MS * 2 ** failures, MAX_CAMPAIGN_PAUSE_MS)
        await pause(timers.after, ms, signal)
        signal.throwIfAborted()
      }
    }
  }
  return {
    campaign: (signal) => persist(signal, 'campaign'),
    steal: (signal) => persist(signal, 'steal'),
  }
}

/** Resolves after `ms` milliseconds, or when the signal aborts. */
function pause(after: HubEnvironment['timers']['after'], ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      cancel()
      signal.removeEventListener('abort', finish)
      resolve()
    }
    const cancel = after(ms, finish)
    signal.addEventListener('abort', finish)
  })
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
