import { createElector } from '../election/create-elector.js'
import type { OpenSharedWorker } from '../environment.js'
import { serveHub } from '../hub/serve.js'
import type { OpenTransport } from '../transport/transport.js'
import { createPipe, type PipeEnd } from './fake-pipe.js'
import { createPowers, type Shared } from './powers.js'
import { createRealm, inOrder, type Realm } from './realm.js'

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

/** SharedWorkers, one for each script and name; each dies with its last page, or soon after. */
export function createSimulatedWorkers(
  shared: Shared,
  has: { readonly webLocks: boolean; readonly channel: boolean; readonly extendedLifetime: boolean },
  openTransport: (realm: Realm) => OpenTransport,
) {
  const { machine } = shared
  const chance = machine.chance()
  const workers = new Map<string, SimulatedWorker & { readonly pages: Set<Realm>; connect(end: PipeEnd): void }>()
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
    const worker = {
      name,
      realm,
      heldLocks,
      pages: new Set<Realm>(),
      connect: (end: PipeEnd) => realm.task(0, () => served?.connect(end)),
    }
    const id = `${script} ${name}`
    workers.set(id, worker)
    realm.onDeath(() => workers.delete(id))
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
    all: () => [...workers.values()],
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
        worker.pages.add(page)
        const { port1, port2 } = createPipe(
          (run) => page.message(toPage(), run),
          (run) => worker.realm.task(toWorker(), run),
        )
        worker.connect(port2)
        return { port: port1 as unknown as MessagePort, addEventListener: (_type, run) => void listeners.push(run) }
      }
    },
  }
}

export type SimulatedWorkers = ReturnType<typeof createSimulatedWorkers>
