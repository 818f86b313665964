import type { OpenSharedWorker } from '../platform/page.js'
import { NotSupportedError, type Rung } from './rung.js'

/** The hub in a SharedWorker, named by the key. */
export function sharedWorkerRung(open: OpenSharedWorker | undefined, key: string): Rung {
  return {
    host: 'shared-worker',
    // WebKit runs the worker in the process of some page, and starts it anew when that is closed. A port on its way to the former
    // one may then lead nowhere for good (seen in WebKitGTK 2.50); the next port leads to the new one.
    tries: 2,
    async open({ fail, signal }) {
      if (!open) throw new NotSupportedError('this browser has no SharedWorker')
      const worker = open(key)
      // A 404, a CSP refusal and a script that throws look alike here: an error event without a message.
      worker.addEventListener('error', (event) => {
        const { message } = event as Partial<ErrorEvent>
        fail(message || 'the worker script could not be loaded or started')
      })
      // Held for as long as the visit: from a SharedWorker that was garbage-collected no error would be heard.
      signal.addEventListener('abort', () => void worker)
      return worker.port
    },
  }
}
