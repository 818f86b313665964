/**
 * `partyline/testing`: a browser in memory, for an app's own tests. Tabs, a SharedWorker, locks, a network and a server, all on a
 * clock that the test turns by hand; the library that runs in it is the real one.
 */

// Loaded with this file, so that the library's own imports of them take no real time.
import '../tab/session.js'
import '../hub/tab-hub.js'
import '../election/heartbeat-elector.js'
import { createPartyline as createLine, type Line } from '../tab/create-partyline.js'
import type { PartylineOptions } from '../tab/options.js'
import type { SimulatedPage } from './simulated-page.js'
import type { ServerSocket } from './simulated-server.js'
import { createWorld } from './world.js'

export interface TestBrowserOptions {
  /**
   * All chance comes from it: the same seed gives the same run.
   * @default 1
   */
  readonly seed?: number
  /**
   * Whether there are SharedWorkers; without them one of the tabs owns the socket.
   * @default true
   */
  readonly sharedWorker?: boolean
  /**
   * Whether there are Web Locks; insecure origins have none.
   * @default true
   */
  readonly webLocks?: boolean
  /**
   * Whether there are BroadcastChannels.
   * @default true
   */
  readonly broadcastChannel?: boolean
  /**
   * Whether the server sends on what a broken connection missed (Socket.IO's connection state recovery).
   * @default false
   */
  readonly recovery?: boolean
  /**
   * How many milliseconds a packet takes one way at most.
   * @default 20
   */
  readonly latency?: number
  /**
   * Whose a connection is, by what `auth` gave; undefined refuses it.
   * @default whoever the line was mounted for
   */
  readonly identify?: (auth: Readonly<Record<string, unknown>>) => string | undefined
  /**
   * Who may join which topic; false or a reason refuses it.
   * @default everybody
   */
  readonly authorize?: (identity: string, topic: string) => boolean | string
}

/** One tab, from its opening to its end. */
export interface TestTab {
  /** Makes a line in this tab: the real library over the tab's own powers. */
  createPartyline<Events>(options: PartylineOptions<Events>): Line<Events>
  /** `active`, `frozen`, `cached` (in the back/forward cache) or `gone`. */
  readonly state: 'active' | 'frozen' | 'cached' | 'gone'
  /** Another tab is looked at instead. */
  hide(): void
  /** Looked at again; a frozen tab is resumed first. */
  show(): void
  /** Stops a tab's timers and tasks, as the browser does with one that was hidden for long. Hides it first. */
  freeze(): void
  resume(): void
  /** The user goes to another page: this one is put into the back/forward cache. */
  leave(): void
  /** The user comes back; false when the browser had dropped the page meanwhile, and it has to be opened anew. */
  return(): boolean
  /** Closed by the user. */
  close(): void
  /** Gone without a word. */
  crash(): void
}

export interface TestServer {
  /** Sends an event to every socket of an identity. */
  emit(identity: string, event: string, metadata?: object): void
  /** Sends an event to every socket that has joined a topic. */
  topic(topic: string, event: string, metadata?: object): void
  /** The sockets that are connected. */
  sockets(): readonly ServerSocket[]
  /** Breaks every connection off, forgets every session, and refuses new ones until `start`. */
  stop(): void
  start(): void
  /** Hangs up on everybody of an identity, on purpose: the library comes back with fresh credentials. */
  disconnect(identity: string): void
}

export interface TestNetwork {
  /** The machine goes offline: connections end at once, new ones fail. */
  cut(): void
  /** Everything is lost without a word; nobody is told. */
  lose(): void
  /** The connections that there are go dead without a word; new ones work. */
  halfOpen(): void
  /** All is well again, and tabs hear `online`. */
  restore(): void
}

export interface TestBrowser {
  openTab(): TestTab
  /** Lets this many milliseconds go by. */
  pass(ms: number): Promise<void>
  /** Lets time go by until whatever is under way has come to rest: three seconds, which is longer than a resync's jitter. */
  settle(): Promise<void>
  /** The simulated time. Milliseconds since the Unix epoch. */
  now(): number
  /** The browser ends every SharedWorker. */
  killWorkers(): void
  /** The lid is closed for this many milliseconds. */
  sleep(ms: number): Promise<void>
  readonly server: TestServer
  readonly network: TestNetwork
}

/** How long (ms) `settle` lets go by. */
const SETTLE = 3_000

/** Opens a browser in memory with nothing in it yet. */
export function createTestBrowser(options: TestBrowserOptions = {}): TestBrowser {
  const { sharedWorker = true, webLocks = true, broadcastChannel = true, recovery = false, latency = 20 } = options
  const world = createWorld({
    seed: options.seed ?? 1,
    // What an app's own code keeps of the real clock before time passes here must not be of the future.
    begin: Date.now(),
    webLocks,
    channel: broadcastChannel,
    extendedLifetime: false,
    restarts: false,
    delay: latency,
    recovery,
    renewal: false,
    authorize: options.authorize,
    identify: (auth, mountedFor) =>
      options.identify ? options.identify((auth ?? {}) as Record<string, unknown>) : mountedFor,
  })
  const pages: SimulatedPage[] = []

  function openTab(): TestTab {
    const page = world.openPage({ sharedWorker, workerTrouble: undefined, script: 'worker.js' })
    pages.push(page)
    return {
      createPartyline: (lineOptions) => createLine(lineOptions, page.environment),
      get state() {
        return page.state
      },
      hide: page.hide,
      show: page.show,
      freeze() {
        page.hide()
        page.freeze()
      },
      resume: page.resume,
      leave: page.park,
      return: page.back,
      close: page.close,
      crash: page.crash,
    }
  }

  return {
    openTab,
    pass: (ms) => world.pass(ms),
    settle: () => world.pass(SETTLE),
    now: world.machine.now,
    killWorkers() {
      for (const worker of world.workers.all()) worker.realm.die()
    },
    sleep(ms) {
      world.sleep(ms)
      return world.pass(ms)
    },
    server: {
      emit: (identity, event, metadata = {}) => world.server.emit(identity, event, metadata),
      topic: (topic, event, metadata = {}) => world.server.emitTo(topic, event, metadata),
      sockets: world.server.sockets,
      stop: world.server.stop,
      start: world.server.open,
      disconnect: world.server.kick,
    },
    network: {
      cut: () => world.network.change('cut'),
      lose: () => world.network.change('hole'),
      halfOpen: world.network.halfOpen,
      restore() {
        world.network.change('up')
        for (const page of pages) page.online()
      },
    },
  }
}
