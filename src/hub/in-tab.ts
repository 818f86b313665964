import type { HubEnvironment } from '../environment-common.js'
import { openSocketIo } from '../transport/socket-io.js'
import { serveHub } from './serve.js'

/** The hub for a tab to run itself. Imported lazily: it brings socket.io-client along. */
export const serveInTab = (environment: HubEnvironment, key: string) => serveHub(environment, key, openSocketIo)
