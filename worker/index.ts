/** The SharedWorker's ready-made entry, with the transports of this package. */
import { serveWorker } from '../src/worker/serve-worker.js'

serveWorker()
