import { createElector } from '../election/create-elector.js'
import type { Elector } from '../election/elector.js'
import { loadTransport } from '../hub/load-transport.js'
import { leaderTabRung } from '../link/leader-tab-rung.js'
import type { Rung } from '../link/rungs.js'
import { type LoadHub, type TabHubs, thisTabRung } from '../link/this-tab-rung.js'
import type { LoadChunk } from '../platform/line-powers.js'
import type { TabEnvironment } from '../platform/page.js'
import type { TransportChoice } from '../transport/transport.js'

export interface TabHostsOptions {
  readonly environment: TabEnvironment
  readonly hubs: TabHubs
  readonly transport: TransportChoice
  readonly loadChunk: LoadChunk
}

/** A host in a tab. This file is a chunk of its own: where SharedWorkers work, a tab has no use for it. */
export function createTabHost(host: 'leader-tab' | 'this-tab', key: string, options: TabHostsOptions): Rung {
  const { environment, hubs, transport, loadChunk } = options
  const loadCode = async () => {
    const [{ serveTabHub }, open] = await Promise.all([
      loadChunk(() => import('../hub/tab-hub.js'), 'serveTabHub'),
      loadTransport(transport, environment, loadChunk),
    ])
    return { serveTabHub, open }
  }
  const loadHub = async (elector: Elector) => {
    const { serveTabHub, open } = await loadCode()
    return serveTabHub({ environment, key, host, elector, open })
  }
  const load: LoadHub = Object.assign(loadHub, { preload: loadCode })
  if (host === 'this-tab') return thisTabRung({ environment, key, hubs, load })
  return leaderTabRung({ environment, key, elector: createElector(environment, key, loadChunk), load })
}
