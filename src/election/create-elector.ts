import type { HubEnvironment } from '../platform/environment.js'
import type { LoadChunk } from '../platform/line-powers.js'
import { pause } from '../platform/timeouts.js'
import { growingPause } from '../util/growing-pause.js'
import type { HeartbeatPowers } from './candidacy.js'
import type { Elector, Leadership } from './elector.js'
import { createLockElector } from './lock-elector.js'

/** Where no other hub can be seen, none can campaign. */
export const unopposed: Elector = {
  campaign: async () => ({ lost: new AbortController().signal }),
  steal: async () => ({ lost: new AbortController().signal }),
}

/** The pause after a campaign that failed. */
const CAMPAIGN_PAUSE = { minMs: 1_000, maxMs: 30_000 }
/** Web Locks that refuse so many campaigns in a row are given up. */
const MAX_LOCK_FAILURES = 2

/**
 * By Web Locks. Where there are none, or they refuse, by heartbeats. Where there is no channel either, unopposed.
 * `loadChunk`: by default nothing can fail, as in the worker, which is one file.
 */
export function createElector(
  environment: HubEnvironment,
  key: string,
  loadChunk: LoadChunk = (load) => load(),
): Elector {
  const name = `${key}/owner`
  const { locks, openChannel } = environment
  if (!locks && !openChannel) return unopposed
  const byHeartbeats = openChannel ? createLazyElector({ ...environment, openChannel }, name, loadChunk) : unopposed
  return createPersistentElector(environment, locks && createLockElector(locks, name), byHeartbeats)
}

/**
 * A campaign that fails by anything but its own signal is tried again. The browser may refuse locks that it granted
 * before, because the user blocks site data meanwhile. Or a chunk does not load. A steal that fails goes on as a
 * campaign.
 */
function createPersistentElector(
  { timers, random }: Pick<HubEnvironment, 'timers' | 'random'>,
  byLocks: Elector | undefined,
  byHeartbeats: Elector,
): Elector {
  async function persist(signal: AbortSignal, first: keyof Elector): Promise<Leadership> {
    for (let failures = 0; ; failures++) {
      const elector = byLocks && failures < MAX_LOCK_FAILURES ? byLocks : byHeartbeats
      try {
        return await elector[failures === 0 ? first : 'campaign'](signal)
      } catch {
        if (signal.aborted) throw signal.reason
        await pause(timers.after, growingPause(failures, random, CAMPAIGN_PAUSE), signal)
        if (signal.aborted) throw signal.reason
      }
    }
  }
  return {
    campaign: (signal) => persist(signal, 'campaign'),
    steal: (signal) => persist(signal, 'steal'),
  }
}

/** Few browsers need heartbeats, so they are a chunk of their own. */
function createLazyElector(powers: HeartbeatPowers, name: string, loadChunk: LoadChunk): Elector {
  let elector: Elector | undefined
  async function load(): Promise<Elector> {
    const { createHeartbeatElector } = await loadChunk(() => import('./heartbeat-elector.js'), 'createHeartbeatElector')
    elector ??= createHeartbeatElector(powers, name)
    return elector
  }
  return {
    campaign: async (signal) => (await load()).campaign(signal),
    steal: async (signal) => (await load()).steal(signal),
  }
}
