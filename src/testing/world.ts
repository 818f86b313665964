import { createMachine } from './machine.js'
import { type AcceptConnection, createNetwork } from './network.js'
import type { PageOptions } from './page-environment.js'
import type { Realm } from './realm.js'
import type { SharedParts } from './realm-environment.js'
import type { BrowserPowers } from './refusing-powers.js'
import { createSimulatedChannels } from './simulated-channels.js'
import { createSimulatedChunks, type FailedImports } from './simulated-chunks.js'
import { createSimulatedLocks } from './simulated-locks.js'
import { createSimulatedPage } from './simulated-page.js'
import { createSimulatedServer, type ServerOptions } from './simulated-server.js'
import { createSimulatedStorage } from './simulated-storage.js'
import { createSimulatedTransport, type OpenedTransport, type PathOf } from './simulated-transport.js'
import { createFrameServer } from './simulated-websocket.js'
import { createSimulatedWorkers, type WorkerTraits } from './simulated-workers.js'

export interface WorldOptions extends ServerOptions, WorkerTraits {
  /** All randomness comes from it. */
  readonly seed: number
  /** When the world begins. Milliseconds since the Unix epoch. */
  readonly startMs?: number
  /** How long a packet takes one way at most, in milliseconds. */
  readonly delay: number
  /**
   * What the browser does with an import that fails.
   * @default 'named'
   */
  readonly failedImports?: FailedImports | undefined
  /**
   * Which of the server's endpoints a line asks for, by its settings.
   * @default the option `path` of Socket.IO
   */
  readonly pathOf?: PathOf | undefined
}

/** A world is one machine with one browser, a network and a server. */
export function createWorld(options: WorldOptions) {
  const machine = createMachine(options.seed, options.startMs)
  const random = machine.createRandom()
  const posts: SharedParts['posts'] = new Map()
  const server = createSimulatedServer(machine, options)
  const acceptFrames = createFrameServer(machine, random, server.accept)
  const accept: AcceptConnection = (end, webSocket) =>
    webSocket === undefined ? server.accept(end) : acceptFrames(end, webSocket)
  const network = createNetwork(machine, accept, () => 1 + random() * options.delay)
  const shared: SharedParts = {
    machine,
    posts,
    locks: createSimulatedLocks(),
    channels: createSimulatedChannels((deliver, { to }) => posts.get(to)?.(deliver)),
    storage: createSimulatedStorage(),
    chunks: createSimulatedChunks(machine, network, options.failedImports),
  }
  const transports: OpenedTransport[] = []
  const openTransport = (realm: Realm) =>
    createSimulatedTransport(realm, network, (opened) => transports.push(opened), options.pathOf)
  const workers = createSimulatedWorkers(shared, options, (realm) => {
    realm.onDeath(() => network.closeAll(realm))
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
    chunks: shared.chunks,
    openPage: (page: Omit<PageOptions, keyof BrowserPowers>) =>
      createSimulatedPage(shared, network, workers, openTransport, `page-${++pages}`, { ...options, ...page }),
    /** Transports that are not closed, in realms that are not dead. */
    transports: () => transports.filter(({ closed, realm }) => !closed && !realm.isDead),
    /** Lets this many milliseconds pass. Meanwhile `Date.now` tells the world's time: TanStack Query asks it. */
    async pass(ms: number, onStep?: () => void): Promise<void> {
      const { now } = Date
      Date.now = machine.now
      try {
        // Earlier code may wait for a module, which is no timer.
        await machine.settle()
        await machine.time.pass(ms, onStep)
      } finally {
        Date.now = now
      }
    },
    /** Closes the lid: no timer runs and the clock goes on. After half a minute open connections are dead. */
    sleep(ms: number): void {
      machine.sleep(ms)
      if (ms > 30_000) network.halfOpen()
    },
  }
}

export type World = ReturnType<typeof createWorld>
