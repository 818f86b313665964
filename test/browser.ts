import debounce from 'lodash-es/debounce.js'
import { createElector } from '../src/election/create-elector.js'
import { serveHub } from '../src/hub/serve.js'
import type { TabEnvironment } from '../src/platform/page.js'
import type { OpenSharedWorker, SharedWorkerSlice } from '../src/platform/shared-worker.js'
import type { SignOutWatch } from '../src/platform/sign-out-marks.js'
import { createPageEvents, type PageEvents } from '../src/testing/page-environment.js'
import { simulatedSha256 } from '../src/testing/sha256.js'
import { createSimulatedChannels, type Route } from '../src/testing/simulated-channels.js'
import { createSimulatedLocks } from '../src/testing/simulated-locks.js'
import { createPipe } from '../src/testing/simulated-pipe.js'
import { createSimulatedStorage } from '../src/testing/simulated-storage.js'
import type { Endpoint } from '../src/wire/endpoint.js'
import { createFakeTransport } from './fake-transport.js'

export { createPipe }

/** For a link whose identity never signs out in another tab. */
export const NO_SIGN_OUTS: SignOutWatch = {
  last: () => 'unknown',
  mark: () => undefined,
  onMark: () => undefined,
  close: () => undefined,
}

export interface MemoryBrowserOptions {
  /** @default true */
  readonly webLocks?: boolean
  /**
   * Whether tabs have BroadcastChannels; SharedWorkers always have.
   * @default true
   */
  readonly channels?: boolean
  /**
   * Whether tabs have SharedWorkers, each of which runs the real hub over `transport`.
   * @default false
   */
  readonly sharedWorkers?: boolean
  /**
   * What the channels do with a message.
   * @default each is delivered in a microtask
   */
  readonly route?: Route
}

export interface MemoryTab {
  readonly environment: TabEnvironment
  readonly page: PageEvents
  /** Releases every lock, channel and timer of this tab, as a browser does for a page that is gone. */
  crash(): void
}

/**
 * A browser in memory for unit tests, over the simulated parts that ship as `partyline/testing`. Its timers are the global
 * ones, so that the fake clock of the test runner rules them. Messages and locks take no time; the server is `transport`.
 */
export function createMemoryBrowser({
  webLocks = true,
  channels: hasChannels = true,
  sharedWorkers = false,
  route,
}: MemoryBrowserOptions = {}) {
  const locks = createSimulatedLocks()
  const channels = createSimulatedChannels(route)
  const storage = createSimulatedStorage()
  const transport = createFakeTransport()
  const workers = new Map<string, MemoryWorker>()
  let pages = 0

  /** A page, or a worker's scope. */
  function createPage(): MemoryTab {
    const name = `tab-${++pages}`
    const page = createPageEvents()
    const held = locks.client()
    const channel = channels.client(name)
    const timers = createGlobalTimers()
    const beganAt = performance.now()
    let ids = 0
    let crashed = false
    const stored = storage.client(name, (run) => {
      if (!crashed) queueMicrotask(run)
    })
    const environment: TabEnvironment = {
      clock: { now: () => Date.now(), monotonic: () => performance.now() - beganAt, origin: Date.now() },
      // The real one, as it ships; over the global timers.
      timers: { after: timers.after, debounce: (run, wait, maxWait) => debounce(run, wait, { maxWait }) },
      locks: webLocks ? held.locks : undefined,
      openChannel: channel.openChannel,
      fetch: () => Promise.reject(new Error('no network')),
      openWebSocket: () => {
        throw new Error('no network in memory')
      },
      page: page.slice,
      openSharedWorker: undefined,
      resolveUrl: (url) => new URL(url, 'https://app.example').href,
      signOutMarks: {
        ...stored,
        write: (key) => stored.write(key, environment.id()),
      },
      openPipe: () => createPipe() as unknown as { port1: MessagePort; port2: MessagePort },
      random: () => 0.5,
      id: () => `${name}-id-${++ids}`,
      warn: () => undefined,
      sha256: async (text) => simulatedSha256(text),
    }
    const crash = () => {
      crashed = true
      timers.clear()
      channel.crash()
      held.crash()
    }
    return { environment, page, crash }
  }

  function startWorker(name: string): MemoryWorker {
    const scope = createPage()
    const { environment } = scope
    const elector = createElector(environment, name)
    // As the worker that is ready-made.
    const knows = (transport: string) => ['socket.io', 'websocket', 'sse'].includes(transport)
    const served = serveHub({ environment, key: name, host: 'shared-worker', open: transport.open, knows, elector })
    const worker: MemoryWorker = { scope, served, ports: [] }
    workers.set(name, worker)
    return worker
  }

  const openSharedWorker: OpenSharedWorker = (name): SharedWorkerSlice => {
    const worker = workers.get(name) ?? startWorker(name)
    const { port1, port2 } = createPipe()
    worker.ports.push(port2)
    worker.served.connect(port2)
    return { port: port1 as unknown as MessagePort, addEventListener: () => undefined }
  }

  return {
    locks,
    channels,
    /** The server's end of what the hubs in SharedWorkers connect to. */
    transport,
    /** A new tab, with the browser's SharedWorkers or the one that `worker` says. */
    tab(
      worker: { readonly open: OpenSharedWorker | undefined } = { open: sharedWorkers ? openSharedWorker : undefined },
    ): MemoryTab {
      const tab = createPage()
      const openChannel = hasChannels ? tab.environment.openChannel : undefined
      return { ...tab, environment: { ...tab.environment, openChannel, openSharedWorker: worker.open } }
    },
    workerNames: () => [...workers.keys()],
    /** The browser ends every worker: its locks are released, its tabs' ports and its socket go dead. */
    killWorkers(): void {
      for (const { scope, ports } of workers.values()) {
        scope.crash()
        for (const port of ports) port.close()
      }
      for (const connection of transport.opened) connection.closed = true
      workers.clear()
    },
  }
}

interface MemoryWorker {
  readonly scope: MemoryTab
  readonly served: ReturnType<typeof serveHub>
  readonly ports: Endpoint[]
}

/** The global `setTimeout` of each call, since tests replace it; `clear` cancels every timer that is left. */
function createGlobalTimers() {
  const running = new Set<ReturnType<typeof setTimeout>>()
  return {
    after(ms: number, run: () => void): () => void {
      const timer = setTimeout(() => {
        running.delete(timer)
        run()
      }, ms)
      running.add(timer)
      return () => {
        running.delete(timer)
        clearTimeout(timer)
      }
    },
    clear(): void {
      for (const timer of running) clearTimeout(timer)
      running.clear()
    },
  }
}
