import { serveWorker } from 'partyline/serve-worker'
import { openEventSource } from './event-source'

serveWorker({ transports: { 'event-source': openEventSource } })
