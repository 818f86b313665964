import { createMachine } from './machine.js'
import { createNetwork } from './network.js'
import type { Shared } from './powers.js'
import type { Realm } from './realm.js'
import { createSimulatedChannels } from './simulated-channels.js'
import { createSimulatedLocks } from './simulated-locks.js'
import { createSimulatedPage, type PageOptions } from './simulated-page.js'
import { createSimulatedServer, type ServerOptions } from './simulated-server.js'
import { createSimulatedTransport, type OpenedTransport } from './simulated-transport.js'
import { createSimulatedWorkers, type WorkerTraits } from './simulated-workers.js'

export interface WorldOptions extends ServerOptions, WorkerTraits {
  /** All chance comes from it. */
  readonly seed: number
  /** When the world begins. Milliseconds since the Unix epoch. */
  readonly begin?: number
  /** How long a packet takes one way at most, in milliseconds. */
  readonly delay: number
}

/** One machine with one browser, a network and a server. */
export function createWorld(options: WorldOptions) {
  const machine = createMachine(options.seed, options.begin)
  const chance = machine.chance()
  const posts: Shared['posts'] = new Map()
  const shared: Shared = {
    machine,
    posts,
    locks: createSimulatedLocks(),
    channels: createSimulatedChannels((deliver, { to }) => posts.get(to)?.(deliver)),
  }
  const server = createSimulatedServer(machine, options)
  const network = createNetwork(machine, server.accept, () => 1 + chance() * options.delay)
  const transports: OpenedTransport[] = []
  const openTransport = (realm: Realm) =>
    createSimulatedTransport(realm, network, machine.chance(), (opened) => transports.push(opened))
  const workers = createSimulatedWorkers(shared, options, (realm) => {
    realm.onDeath(() => network.disown(realm))
    return openTransport(realm)
  })
  let pages = 0

  return {
    machine,
    server,
    network,
    workers,
    locks: shared.locks,
    channels: shared.channels,
    openPage: (page: Omit<PageOptions, 'webLocks' | 'channel'>) =>
      createSimulatedPage(shared, network, workers, openTransport, `page-${++pages}`, { ...options, ...page }),
    /** Transports that nobody closed, in realms that live. */
    transports: () => transports.filter(({ closed, realm }) => !closed && !realm.isDead),
    /** Whatever runs meanwhile runs in this world, and is told its time: TanStack Query asks the machine's own clock. */
    async pass(ms: number, look?: () => void): Promise<void> {
      const { now } = Date
      Date.now = machine.now
      try {
        // What was begun before may wait for a module, with no timer to show for it.
        await machine.settle()
        await machine.time.pass(ms, look)
      } finally {
        Date.now = now
      }
    },
    /** Lid closed: no timer runs, the clock goes on, and what was connected is dead when it is opened. */
    sleep(ms: number): void {
      machine.sleep(ms)
      if (ms > 30_000) network.halfOpen()
    },
  }
}

export type World = ReturnType<typeof createWorld>
