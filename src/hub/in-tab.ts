import type { Elector } from '../election/elector.js'
import type { HubEnvironment } from '../environment-common.js'
import { openSocketIo } from '../transport/socket-io.js'
import { type Served, serveHub } from './serve.js'

/** The hub for a tab to run itself. Imported lazily: it brings socket.io-client along. */
export function serveInTab(
  environment: HubEnvironment,
  key: string,
  host: 'leader-tab' | 'this-tab',
  elector: Elector,
): Served {
  // Alone in its tab, a hub receives nobody.
  const powers = host === 'this-tab' ? { ...environment, openChannel: undefined } : environment
  return serveHub({ environment: powers, key, host, open: openSocketIo, elector })
}
