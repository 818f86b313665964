import { unopposed } from '../election/create-elector.js'
import type { Elector } from '../election/elector.js'
import type { Served } from '../hub/serve.js'
import type { OpenSharedWorker, TabEnvironment } from '../platform/page.js'
import { withTimeout } from '../platform/timeouts.js'
import type { Endpoint } from '../wire/endpoint.js'
import type { Host } from '../wire/status.js'
import { findOwner } from './find-owner.js'

/** How long a tab whose own hub stands by searches for the owner of the socket. */
const FOLLOW_TIMEOUT_MS = 3_000

/** One step of the ladder: a way to reach a hub. */
export interface Rung {
  readonly host: Host
  /** How many endpoints are tried, one after the other, while no welcome comes. Default: 1. */
  readonly tries?: number
  /** An endpoint at a hub. Rejects with the reason when there is none. */
  open(attempt: Attempt): Promise<Endpoint>
  /** Ends what the rung keeps from one attempt to the next: its part in an election, its hub. */
  release?(): void
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

/** Loads the hub's code. It is a chunk of its own, which a tab that never leads does not fetch. */
export type LoadHub = (elector: Elector) => Promise<Served>

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
      // A 404, a CSP refusal and a script that throws look alike here: an error event without a message.
      worker.addEventListener('error', (event) => {
        const { message } = event as Partial<ErrorEvent>
        fail(message || 'the worker script could not be loaded or started')
      })
      // Referenced as long as the attempt lasts: a SharedWorker that was garbage-collected fires no error event.
      signal.addEventListener('abort', () => void worker)
      return worker.port
    },
  }
}

/** The owner of the socket, over a channel: for a tab whose own hub stands by. */
export function followRung(environment: TabEnvironment, key: string): Rung {
  return {
    host: 'leader-tab',
    open({ signal }) {
      const owner = new Promise<Endpoint>((resolve) => findOwner({ environment, key }, signal, resolve))
      return withTimeout(environment.timers.after, FOLLOW_TIMEOUT_MS, owner, 'the owner of the socket does not answer')
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
        hub = load(unopposed)
        hubs.set(key, hub)
        // A chunk that could not be loaded may be there the next time.
        hub.catch(() => hubs.delete(key))
      }
      const { port1, port2 } = environment.openPipe()
      ;(await hub).connect(port2)
      return port1
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
