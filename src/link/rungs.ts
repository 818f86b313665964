import type { TabEnvironment } from '../platform/page.js'
import type { OpenSharedWorker, SharedWorkerSlice } from '../platform/shared-worker.js'
import { afterSilence, TimeoutError } from '../platform/timeouts.js'
import type { Endpoint } from '../wire/endpoint.js'
import type { Host } from '../wire/status.js'
import { findOwner } from './find-owner.js'

/** How long a tab whose own hub stands by searches for the owner of the socket. */
const FOLLOW_TIMEOUT_MS = 3_000

/** How long code that a rung needs may take to load. A download that stalls has no end of its own. */
export const LOAD_TIMEOUT_MS = 60_000

/** One step of the ladder: a way to reach a hub. */
export interface Rung {
  readonly host: Host
  /** How many endpoints are tried, one after the other, while no welcome comes. Default: 1. */
  readonly tries?: number
  /** An endpoint at a hub. Rejects with the reason when there is none. */
  open(attempt: Attempt): Promise<Endpoint>
  /** Ends what the rung keeps from one attempt to the next: its part in an election, its hub. */
  release?(): void
  /** Loads ahead of need what the rung would have to load in a takeover. */
  preload?(): Promise<unknown>
}

/** One try to attach by a rung, and the attachment that comes of it. */
export interface Attempt {
  /** Reports a failure that shows only later, also one that ends an attachment. */
  readonly fail: (reason: string) => void
  /** Aborts when the attempt, or its attachment, is over. */
  readonly signal: AbortSignal
  /** A hub did not answer this tab: the owner of the socket may hang. */
  readonly hubTimedOut: boolean
}

/** This browser lacks what the rung needs. That is no error: the next rung exists for it. */
export class NotSupportedError extends Error {}

/**
 * The workers of the attachments that are alive. A SharedWorker that was garbage-collected fires no error event, and a
 * bundler drops a reference that nothing reads (rolldown makes `() => void worker` to `() => void 0`).
 */
const openWorkers = new Set<SharedWorkerSlice>()

/** The hub in a SharedWorker, named by the key. */
export function sharedWorkerRung(open: OpenSharedWorker | undefined, key: string): Rung {
  return {
    host: 'shared-worker',
    // WebKit runs the worker in the process of some page, and restarts it when that page is closed. A port on its way to the
    // former worker may then lead nowhere for good (seen in WebKitGTK 2.50); the next port leads to the new one.
    tries: 2,
    async open({ fail, signal }) {
      if (!open) throw new NotSupportedError('this browser has no SharedWorker')
      const worker = open(key)
      const script = open.script ? ` ${open.script}` : ''
      // A 404, a CSP refusal and a script that throws look alike here: an error event without a message.
      const onError = (event: Event) => {
        const { message } = event as Partial<ErrorEvent>
        fail(message || `the worker's script${script} could not be loaded or started`)
      }
      // By signal: a page keeps every SharedWorker that it opened, and so every listener on it, until the page ends.
      worker.addEventListener('error', onError, { signal })
      openWorkers.add(worker)
      signal.addEventListener('abort', () => openWorkers.delete(worker), { once: true })
      return worker.port
    },
  }
}

/** The owner of the socket, over a channel: for a tab whose own hub stands by. */
export function followRung(environment: TabEnvironment, key: string): Rung {
  return {
    host: 'leader-tab',
    open({ signal }) {
      return new Promise<Endpoint>((resolve, reject) => {
        const search = new AbortController()
        const finish = () => {
          search.abort()
          cancel()
          signal.removeEventListener('abort', finish)
        }
        const cancel = afterSilence(
          environment,
          () => 0,
          FOLLOW_TIMEOUT_MS,
          () => {
            finish()
            reject(new TimeoutError('the owner of the socket does not answer'))
          },
        )
        signal.addEventListener('abort', finish)
        findOwner({ environment, key }, search.signal, (endpoint) => {
          finish()
          resolve(endpoint)
        })
      })
    },
  }
}
