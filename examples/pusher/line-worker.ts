import { serveWorker } from 'partyline/serve-worker'
import { openPusher } from './pusher-transport.js'

serveWorker({ transports: { pusher: openPusher } })
