import { LOAD_TIMEOUT_MS, type Rung, sharedWorkerRung } from '../link/rungs.js'
import type { TabHubs } from '../link/this-tab-rung.js'
import type { LoadChunk } from '../platform/line-powers.js'
import type { TabEnvironment } from '../platform/page.js'
import { withTimeout } from '../platform/timeouts.js'
import type { Configuration } from './options.js'

interface HostsOptions {
  readonly environment: TabEnvironment
  readonly hubs: TabHubs
  readonly configuration: Pick<Configuration, 'host' | 'transport'>
  readonly loadChunk: LoadChunk
}

/** The ladder's rungs, from the best one down. Only one if the app forces a host. */
export function createHosts(
  key: string,
  { environment, hubs, configuration, loadChunk }: HostsOptions,
): readonly Rung[] {
  const { host, transport } = configuration
  const inTab = (host: 'leader-tab' | 'this-tab'): Rung => {
    let rung: Rung | undefined
    const load = async () => {
      const loading = loadTabHosts(loadChunk)
      const { createTabHost } = await withTimeout(
        environment.timers.after,
        LOAD_TIMEOUT_MS,
        loading,
        'the code of a host in a tab did not load in time',
      )
      rung ??= createTabHost(host, key, { environment, hubs, transport, loadChunk })
      return rung
    }
    return {
      host,
      async open(attempt) {
        const { open } = await load()
        // Not `throwIfAborted`: Chrome has it since version 100.
        if (attempt.signal.aborted) throw attempt.signal.reason
        return open(attempt)
      },
      release: () => rung?.release?.(),
      preload: async () => (await load()).preload?.(),
    }
  }
  const rungs = [sharedWorkerRung(environment.openSharedWorker, key), inTab('leader-tab'), inTab('this-tab')]
  return host === 'auto' ? rungs : rungs.filter((rung) => rung.host === host)
}

const loadTabHosts = (loadChunk: LoadChunk) => loadChunk(() => import('./tab-hosts.js'), 'createTabHost')

/** Where the hub has to be in a tab: it should not wait for one file after the other. */
export const preloadTabHosts = (loadChunk: LoadChunk): void => void loadTabHosts(loadChunk).catch(() => undefined)
