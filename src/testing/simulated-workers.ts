import { createElector } from '../election/create-elector.js'
import { serveHub } from '../hub/serve.js'
import type { OpenSharedWorker } from '../platform/page.js'
import type { OpenTransport } from '../transport/transport.js'
import { createPowers, type Shared } from './powers.js'
import { createRealm, inOrder, type Realm } from './realm.js'
import { createPipe, type PipeEnd } from './simulated-pipe.js'

/** How long (ms) a worker's script takes to load and start. */
const START = 80
/** How long (ms) a port's message may take. */
const POST = 2
/** How long (ms) a worker stays after its last page: hardly, or with `extendedLifetime` as long as Chromium keeps it. */
const STAY = { short: 20, extended: 30_000 }

/** Why a page gets no worker: the script is missing, nothing ever answers, or the constructor throws. */
export type WorkerTrouble = 'error' | 'silence' | 'throws'

export interface SimulatedWorker {
  readonly name: string
  readonly realm: Realm
  heldLocks(): readonly string[]
}

/** A page's port at a worker. */
interface Port {
  readonly page: Realm
  /** Where its messages go. */
  worker: Realm
  /** The worker's end. */
  open(): PipeEnd
}

export interface WorkerTraits {
  readonly webLocks: boolean
  readonly channel: boolean
  /** Whether workers outlive their last page for a while. */
  readonly extendedLifetime: boolean
  /**
   * Whether a worker that ends is started anew on the ports of its pages, or some of them: WebKit, when the page is closed in whose
   * process it ran. What was on its way to it is lost; the other ports lead nowhere any more.
   */
  readonly restarts: boolean
}

/** SharedWorkers, one for each script and name; each dies with its last page, or soon after. */
export function createSimulatedWorkers(
  shared: Shared,
  has: WorkerTraits,
  openTransport: (realm: Realm) => OpenTransport,
) {
  const { machine } = shared
  const chance = machine.chance()
  const workers = new Map<string, SimulatedWorker & { readonly pages: Set<Realm>; connect(port: Port): void }>()
  let born = 0

  function start(script: string, name: string) {
    const realm = createRealm(machine, `worker-${++born}`)
    const { environment, heldLocks } = createPowers(shared, realm, has)
    let served: ReturnType<typeof serveHub> | undefined
    realm.suspend('starting')
    machine.time.after(chance() * START, () => realm.resume('starting'))
    realm.task(0, () => {
      const elector = createElector(environment, name)
      served = serveHub({ environment, key: name, host: 'shared-worker', open: openTransport(realm), elector })
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
        realm.task(0, () => served?.connect(end))
      },
    }
    const id = `${script} ${name}`
    workers.set(id, worker)
    realm.onDeath(() => {
      workers.delete(id)
      if (!has.restarts) return
      const kept = ports.filter(({ page }) => !page.isDead && worker.pages.has(page) && chance() < 0.5)
      if (kept.length === 0) return
      const next = start(script, name)
      for (const port of kept) next.connect(port)
    })
    return worker
  }

  function leave(page: Realm): void {
    for (const worker of workers.values()) {
      if (!worker.pages.delete(page) || worker.pages.size > 0) continue
      machine.time.after(has.extendedLifetime ? STAY.extended : STAY.short, () => {
        if (worker.pages.size === 0) worker.realm.die()
      })
    }
  }

  return {
    all: (): readonly SimulatedWorker[] => [...workers.values()],
    leave,
    /** A page's way to its worker. */
    opener(page: Realm, script: string, trouble: WorkerTrouble | undefined): OpenSharedWorker {
      return (name) => {
        if (trouble === 'throws') throw new DOMException('refused', 'SecurityError')
        const listeners: ((event: Event) => void)[] = []
        const toPage = inOrder(machine, chance, POST)
        const toWorker = inOrder(machine, chance, POST)
        if (trouble) {
          if (trouble === 'error')
            page.task(chance() * START, () => {
              for (const listener of listeners) listener({ type: 'error' } as Event)
            })
          const { port1 } = createPipe(undefined, () => undefined)
          return { port: port1 as unknown as MessagePort, addEventListener: (_type, run) => void listeners.push(run) }
        }
        const worker = workers.get(`${script} ${name}`) ?? start(script, name)
        const { port1, reopen } = createPipe(
          (run) => page.message(toPage(), run),
          (run) => port.worker.task(toWorker(), run),
        )
        const port: Port = { page, worker: worker.realm, open: reopen }
        worker.connect(port)
        return { port: port1 as unknown as MessagePort, addEventListener: (_type, run) => void listeners.push(run) }
      }
    },
  }
}

export type SimulatedWorkers = ReturnType<typeof createSimulatedWorkers>
