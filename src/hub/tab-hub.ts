import type { Elector } from '../election/elector.js'
import type { HubEnvironment } from '../platform/environment.js'
import { createOpenTransport } from '../transport/open-transport.js'
import type { OpenTransport } from '../transport/transport.js'
import { createBatchTimer, type PagePowers } from './batch-timer.js'
import { type Served, serveHub } from './serve.js'

/** A simulated browser (testing/) has a transport of its own, to its simulated server. */
interface TabHubEnvironment extends HubEnvironment, Pick<PagePowers, 'page' | 'openPipe'> {
  readonly openTransport?: OpenTransport
}

export interface TabHubOptions {
  readonly environment: TabHubEnvironment
  readonly key: string
  readonly host: 'leader-tab' | 'this-tab'
  readonly elector: Elector
}

/** The hub that a tab runs itself. Imported lazily, because it imports socket.io-client. */
export function serveTabHub({ environment, key, host, elector }: TabHubOptions): Served {
  return serveHub({
    // A hub for this tab alone has no followers.
    environment: host === 'this-tab' ? { ...environment, openChannel: undefined } : environment,
    batchTimer: createBatchTimer(environment),
    key,
    host,
    open: environment.openTransport ?? createOpenTransport(environment),
    elector,
  })
}
