import { serveWorker } from 'partyline/serve-worker'
import { openOwn } from './own-transport.js'

serveWorker({ transports: { own: openOwn } })
