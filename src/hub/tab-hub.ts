import type { Elector } from '../election/elector.js'
import type { HubEnvironment } from '../platform/environment.js'
import { createOpenTransport } from '../transport/open-transport.js'
import type { OpenTransport } from '../transport/transport.js'
import { createBatchTimer, type PagePowers } from './batch-timer.js'
import { type Served, serveHub } from './serve.js'

/** A simulated browser (testing/) brings the transport to its simulated server along. */
interface TabHubEnvironment extends HubEnvironment, Pick<PagePowers, 'page' | 'openPipe'> {
  readonly openTransport?: OpenTransport
}

/** The hub for a tab to run itself. Imported lazily: it brings socket.io-client along. */
export function serveTabHub(
  environment: TabHubEnvironment,
  key: string,
  host: 'leader-tab' | 'this-tab',
  elector: Elector,
): Served {
  // Alone in its tab, a hub receives nobody.
  const powers = host === 'this-tab' ? { ...environment, openChannel: undefined } : environment
  return serveHub({
    environment: powers,
    batchTimer: createBatchTimer(environment),
    key,
    host,
    open: environment.openTransport ?? createOpenTransport(environment),
    elector,
  })
}
