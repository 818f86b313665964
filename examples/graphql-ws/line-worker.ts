import { serveWorker } from 'partyline/serve-worker'
import { openGraphQl } from './graphql-transport.js'

serveWorker({ transports: { 'graphql-ws': openGraphQl } })
