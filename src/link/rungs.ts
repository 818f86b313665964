import { unopposed } from '../election/create-elector.js'
import type { Elector } from '../election/elector.js'
import type { Served } from '../hub/serve.js'
import type { TabEnvironment } from '../platform/page.js'
import type { OpenSharedWorker, SharedWorkerSlice } from '../platform/shared-worker.js'
import { afterSilence, TimeoutError, withTimeout } from '../platform/timeouts.js'
import type { Endpoint } from '../wire/endpoint.js'
import type { Host } from '../wire/status.js'
import { findOwner } from './find-owner.js'

/** How long a tab whose own hub stands by searches for the owner of the socket. */
const FOLLOW_TIMEOUT_MS = 3_000
/** How long the hub's code may take to load. A download that stalls has no end of its own. */
const LOAD_TIMEOUT_MS = 60_000

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

/** Loads the hub's code, which is a chunk of its own, and runs the hub. */
export interface LoadHub {
  (elector: Elector): Promise<Served>
  /** Loads the code only. */
  readonly preload?: () => Promise<unknown>
}

/** A pipe to a hub in this thread. Only now that the hub is there: nobody closes a pipe to one that never came. */
export function openPipeTo(environment: TabEnvironment, hub: Served): Endpoint {
  const { port1, port2 } = environment.openPipe()
  hub.connect(port2)
  return port1
}

/** Runs the hub, or fails when its code does not come. */
export const loadInTime = (environment: TabEnvironment, load: LoadHub, elector: Elector): Promise<Served> =>
  withTimeout(environment.timers.after, LOAD_TIMEOUT_MS, load(elector), "the hub's code did not load in time")

/**
 * The workers of the attachments that are alive. A SharedWorker that was garbage-collected fires no error event, and a
 * bundler drops a reference that nothing reads (rolldown makes `() => void worker` to `() => void 0`).
 */
const openWorkers = new Set<SharedWorkerSlice>()

/** The hubs of this tab alone, by key. A line's sessions share them. */
export type TabHubs = Map<string, Promise<Served>>

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

interface ThisTabOptions {
  readonly environment: TabEnvironment
  readonly key: string
  readonly hubs: TabHubs
  readonly load: LoadHub
}

/** The hub in this tab, for this tab alone: a socket of its own, the last resort. */
export function thisTabRung({ environment, key, hubs, load }: ThisTabOptions): Rung {
  return {
    host: 'this-tab',
    async open() {
      let hub = hubs.get(key)
      if (!hub) {
        hub = loadInTime(environment, load, unopposed)
        hubs.set(key, hub)
        // A chunk that could not be loaded may be there the next time.
        hub.catch(() => hubs.delete(key))
      }
      return openPipeTo(environment, await hub)
    },
    release() {
      void hubs.get(key)?.then(
        (hub) => hub.close(),
        () => undefined,
      )
      hubs.delete(key)
    },
  }
}
