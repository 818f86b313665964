/**
 * `partyline/testing`: a browser in memory for an app's own tests. It has tabs, a SharedWorker, locks, a network and a server, all
 * on a clock that the test advances. The library that runs in it is the real one.
 */

// Loaded with this file, so that the library's own lazy imports take no real time.
import '../tab/session.js'
import '../hub/tab-hub.js'
import '../tab/tab-hosts.js'
import '../election/heartbeat-elector.js'
import type { CheckedRules } from '../invalidation/checked-rules.js'
import { createPartyline as createLine } from '../tab/create-partyline.js'
import type { Line } from '../tab/line.js'
import type { Messages } from '../tab/message.js'
import type { CheckedOptions } from '../tab/options.js'
import type { SimulatedPage } from './simulated-page.js'
import type { ServerSocket } from './simulated-server.js'
import { createWorld } from './world.js'

export interface TestBrowserOptions {
  /**
   * All randomness comes from it: the same seed gives the same run.
   * @default 1
   */
  readonly seed?: number
  /**
   * Whether the browser has SharedWorkers. Without them one of the tabs owns the socket.
   * @default true
   */
  readonly sharedWorker?: boolean
  /**
   * Whether the browser has Web Locks. Insecure origins have none.
   * @default true
   */
  readonly webLocks?: boolean
  /**
   * Whether the browser has BroadcastChannels.
   * @default true
   */
  readonly broadcastChannel?: boolean
  /**
   * Whether the server sends the events again that a broken connection missed (Socket.IO's connection state recovery).
   * @default false
   */
  readonly recovery?: boolean
  /**
   * Whether the server says for how long it has sent nothing, so that a browser need not refetch when it connects.
   * @default false
   */
  readonly quiet?: boolean
  /**
   * How long a packet takes one way at most, in milliseconds.
   * @default 20
   */
  readonly latency?: number
  /**
   * Returns the identity of a connection from its credentials. Undefined refuses it.
   * @default the identity that the line was mounted for
   */
  readonly identify?: (auth: Readonly<Record<string, unknown>>) => string | undefined
  /**
   * Says whether an identity may join a topic. False or a reason refuses it.
   * @default everybody may join everything
   */
  readonly authorize?: (identity: string, topic: string) => boolean | string
  /**
   * Takes an event of `line.send`, and gives the server's acknowledgement. Undefined: there is none.
   * @default nothing is acknowledged
   */
  readonly onSend?: (identity: string, event: string, data: unknown) => unknown
}

/** One tab, from its opening to its end. */
export interface TestTab {
  /** Makes a line in this tab: the real library over the tab's own environment. */
  createPartyline<Events, const Given extends CheckedRules<Given> = object, Sends extends Messages = Messages>(
    options: CheckedOptions<Events, Given, Sends>,
  ): Line<Events, Sends>
  /** `active`, `frozen`, `cached` (in the back/forward cache) or `gone`. */
  readonly state: 'active' | 'frozen' | 'cached' | 'gone'
  /** Makes the tab hidden. */
  hide(): void
  /** Makes the tab visible. A frozen tab is resumed first. */
  show(): void
  /** Hides the tab and stops its timers and tasks, as the browser does with a tab that was hidden for long. */
  freeze(): void
  resume(): void
  /** The user goes to another page: this one enters the back/forward cache. */
  leave(): void
  /** The user comes back. False when the browser has evicted the page meanwhile, so that it has to be opened again. */
  return(): boolean
  /** The user closes the tab. */
  close(): void
  /** The tab ends without any event. */
  crash(): void
  /** Its main thread is busy, and does nothing until `wake`. */
  hang(): void
  wake(): void
}

export interface TestServer {
  /** Sends an event to every socket of an identity. */
  emit(identity: string, event: string, metadata?: unknown): void
  /** Sends an event to every socket that has joined a topic. */
  topic(topic: string, event: string, metadata?: unknown): void
  /** The sockets that are connected. */
  sockets(): readonly ServerSocket[]
  /** Breaks every connection off, forgets every session, and refuses connections until `start`. */
  stop(): void
  start(): void
  /** Closes every connection of an identity on purpose: the library reconnects with fresh credentials. */
  disconnect(identity: string): void
}

export interface TestNetwork {
  /** The machine goes offline: connections end at once, new ones fail. */
  cut(): void
  /** Everything is lost without an error. */
  lose(): void
  /** Open connections go dead without an error. New ones work. */
  halfOpen(): void
  /** Everything works again, and tabs get `online`. */
  restore(): void
}

export interface TestBrowser {
  openTab(): TestTab
  /** Lets this many milliseconds pass. */
  pass(ms: number): Promise<void>
  /** Lets three seconds pass, in which all that is under way ends: a resync's jitter is shorter. */
  settle(): Promise<void>
  /** The simulated time. Milliseconds since the Unix epoch. */
  now(): number
  /** The browser ends every SharedWorker. */
  killWorkers(): void
  /** Closes the lid for this many milliseconds. */
  sleep(ms: number): Promise<void>
  readonly server: TestServer
  readonly network: TestNetwork
}

const SETTLE_MS = 3_000

/** Opens a browser in memory with nothing in it yet. */
export function createTestBrowser(options: TestBrowserOptions = {}): TestBrowser {
  const { sharedWorker = true, webLocks = true, broadcastChannel = true, recovery = false, latency = 20 } = options
  const world = createWorld({
    seed: options.seed ?? 1,
    // An app may have stored times of the real clock, which must not be in the future here.
    startMs: Date.now(),
    webLocks,
    channel: broadcastChannel,
    extendedLifetime: false,
    restarts: false,
    delay: latency,
    recovery,
    renewal: false,
    authorize: options.authorize,
    onSend: options.onSend,
    quiet: options.quiet ? 'known' : 'unknown',
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
      hang: page.hang,
      wake: page.wake,
    }
  }

  return {
    openTab,
    pass: (ms) => world.pass(ms),
    settle: () => world.pass(SETTLE_MS),
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
