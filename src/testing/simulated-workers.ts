import { createElector } from '../election/create-elector.js'
import { serveHub } from '../hub/serve.js'
import { checkPowers } from '../platform/check-powers.js'
import type { OpenSharedWorker, SharedWorkerSlice } from '../platform/shared-worker.js'
import type { OpenTransport } from '../transport/transport.js'
import { createRealm, orderedDelays, type Realm } from './realm.js'
import { createRealmEnvironment, type SharedParts } from './realm-environment.js'
import type { BrowserPowers } from './refusing-powers.js'
import { createPipe, type PipeEnd } from './simulated-pipe.js'

/** How long a worker's script may take to load and start. */
const MAX_START_MS = 80
/** How long a message over a port may take. */
const MAX_PORT_DELAY_MS = 2
/** How long a worker outlives its last page; `extended`: with `extendedLifetime`, as long as Chromium keeps it. */
const OUTLIVES_MS = { normal: 20, extended: 30_000 }

/** Why a page gets no worker: the script is missing (`error`), nothing answers (`silence`), or the constructor throws. */
export type WorkerTrouble = 'error' | 'silence' | 'throws'

export interface SimulatedWorker {
  readonly name: string
  readonly realm: Realm
  heldLocks(): readonly string[]
}

/** A page's port at a worker. */
interface Port {
  readonly page: Realm
  /** Where the page's messages go. */
  worker: Realm
  /** The worker's end. */
  open(): PipeEnd
}

export interface WorkerTraits extends BrowserPowers {
  /** Whether workers outlive their last page for a while. */
  readonly extendedLifetime: boolean
  /**
   * Whether a worker that ends is started again on some ports of its pages. WebKit does so when the page is closed in whose
   * process the worker ran. Messages on their way are lost; the other ports are dead.
   */
  readonly restarts: boolean
}

/** SharedWorkers, one for each script and name. Each dies with its last page, or soon after. */
export function createSimulatedWorkers(
  shared: SharedParts,
  has: WorkerTraits,
  openTransport: (realm: Realm) => OpenTransport,
) {
  const { machine } = shared
  const random = machine.createRandom()
  const workers = new Map<string, SimulatedWorker & { readonly pages: Set<Realm>; connect(port: Port): void }>()
  let born = 0

  function start(script: string, name: string) {
    const realm = createRealm(machine, `worker-${++born}`)
    const { environment, heldLocks } = createRealmEnvironment(shared, realm, has)
    let served: Promise<ReturnType<typeof serveHub>> | undefined
    realm.suspend('starting')
    machine.time.after(random() * MAX_START_MS, () => realm.resume('starting'))
    realm.task(0, () => {
      served = checkPowers(environment).then((powers) => {
        const elector = createElector(powers, name)
        return serveHub({ environment: powers, key: name, host: 'shared-worker', open: openTransport(realm), elector })
      })
    })
    const ports: Port[] = []
    const worker = {
      name,
      realm,
      heldLocks,
      pages: new Set<Realm>(),
      connect(port: Port) {
        worker.pages.add(port.page)
        ports.push(port)
        port.worker = realm
        const end = port.open()
        realm.task(0, () => void served?.then((hub) => hub.connect(end)))
      },
    }
    const id = `${script} ${name}`
    workers.set(id, worker)
    realm.onDeath(() => {
      workers.delete(id)
      if (!has.restarts) return
      const kept = ports.filter(({ page }) => !page.isDead && worker.pages.has(page) && random() < 0.5)
      if (kept.length === 0) return
      const next = start(script, name)
      for (const port of kept) next.connect(port)
    })
    return worker
  }

  function leave(page: Realm): void {
    for (const worker of workers.values()) {
      if (!worker.pages.delete(page) || worker.pages.size > 0) continue
      machine.time.after(has.extendedLifetime ? OUTLIVES_MS.extended : OUTLIVES_MS.normal, () => {
        if (worker.pages.size === 0) worker.realm.die()
      })
    }
  }

  return {
    all: (): readonly SimulatedWorker[] => [...workers.values()],
    leave,
    /** Opens a page's worker. */
    opener(page: Realm, script: string, trouble: WorkerTrouble | undefined): OpenSharedWorker {
      return (name) => {
        if (trouble === 'throws') throw new DOMException('refused', 'SecurityError')
        const listeners = new Set<(event: Event) => void>()
        const addEventListener: SharedWorkerSlice['addEventListener'] = (_type, listener, { signal }) => {
          listeners.add(listener)
          signal.addEventListener('abort', () => listeners.delete(listener))
        }
        const toPage = orderedDelays(machine, random, MAX_PORT_DELAY_MS)
        const toWorker = orderedDelays(machine, random, MAX_PORT_DELAY_MS)
        if (trouble) {
          if (trouble === 'error')
            page.task(random() * MAX_START_MS, () => {
              for (const listener of listeners) listener({ type: 'error' } as Event)
            })
          const { port1 } = createPipe(undefined, () => undefined)
          return { port: port1 as unknown as MessagePort, addEventListener }
        }
        const worker = workers.get(`${script} ${name}`) ?? start(script, name)
        const { port1, reopen } = createPipe(
          (run) => page.message(toPage(), run),
          (run) => port.worker.task(toWorker(), run),
        )
        const port: Port = { page, worker: worker.realm, open: reopen }
        worker.connect(port)
        return { port: port1 as unknown as MessagePort, addEventListener }
      }
    },
  }
}

export type SimulatedWorkers = ReturnType<typeof createSimulatedWorkers>
