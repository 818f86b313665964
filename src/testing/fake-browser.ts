import debounce from 'lodash-es/debounce.js'
import type { Endpoint } from '../endpoint.js'
import type { Environment, PageMoment } from '../environment.js'
import type { Locks } from '../environment-common.js'
import { createFakeChannels, type Route } from './fake-channel.js'

/**
 * The powers of a browser in memory, for tests below the browser. Timers are the global ones, so that a test runner's
 * fake clock rules them; locks, channels, pages and pipes are fakes of the narrow slices in environment.ts.
 */
export function createFakeBrowser({ webLocks = true, route }: { webLocks?: boolean; route?: Route } = {}) {
  const locks = createFakeLocks()
  const channels = createFakeChannels(route)
  let tabs = 0

  return {
    locks,
    channels,
    tab(): FakeTab {
      const name = `tab-${++tabs}`
      const page = createFakePage()
      const held = locks.client()
      const channel = channels.client(name)
      const running = new Set<ReturnType<typeof setTimeout>>()
      let ids = 0
      const environment: Environment = {
        clock: { now: () => Date.now(), origin: Date.now() },
        timers: {
          after(ms, run) {
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
          debounce: (run, wait, maxWait) => debounce(run, wait, { maxWait }),
        },
        locks: webLocks ? held.locks : undefined,
        openChannel: channel.openChannel,
        page: page.slice,
        openSharedWorker: undefined,
        openPipe: () => createPipe() as unknown as { port1: MessagePort; port2: MessagePort },
        random: () => 0.5,
        id: () => `${name}-id-${++ids}`,
        warn: () => undefined,
      }
      const crash = () => {
        for (const timer of running) clearTimeout(timer)
        running.clear()
        channel.crash()
        held.crash()
      }
      return { environment, page, crash }
    },
  }
}

export interface FakeTab {
  readonly environment: Environment
  readonly page: ReturnType<typeof createFakePage>
  /** Lets go of every lock, channel and timer of this tab, as the browser does for a page that is gone. */
  crash(): void
}

function createFakePage() {
  const listeners = new Map<PageMoment, Set<() => void>>()
  let visible = true
  const fire = (moment: PageMoment) => {
    for (const run of [...(listeners.get(moment) ?? [])]) run()
  }
  return {
    slice: {
      isVisible: () => visible,
      on(moment: PageMoment, run: () => void) {
        const set = listeners.get(moment) ?? new Set()
        listeners.set(moment, set.add(run))
        return () => void set.delete(run)
      },
      resolveUrl: (url: string) => new URL(url, 'https://app.example').href,
    },
    fire,
    hide(): void {
      visible = false
    },
    show(): void {
      visible = true
      fire('visible')
    },
    /** How many listeners are left: what is closed must leave none. */
    listenerCount: () => [...listeners.values()].reduce((sum, set) => sum + set.size, 0),
  }
}

interface Request {
  /** Grants the lock. */
  run(): Promise<void>
  /** Takes the granted lock away. */
  steal(): void
}

/** Web Locks, exclusive mode only: one holder a name, the others in line; who steals goes before all of them. */
function createFakeLocks() {
  const lines = new Map<string, Request[]>()

  function release(name: string, request: Request): void {
    const line = lines.get(name) ?? []
    const wasFirst = line[0] === request
    const rest = line.filter((other) => other !== request)
    lines.set(name, rest)
    if (wasFirst) void rest[0]?.run()
  }

  return {
    /** Who holds or waits for a lock of that name. */
    count: (name: string) => lines.get(name)?.length ?? 0,
    names: () => [...lines].filter(([, line]) => line.length > 0).map(([name]) => name),
    client() {
      const mine = new Map<Request, string>()
      let crashed = false
      const locks: Locks = {
        request(name, { signal, steal }, held) {
          return new Promise((resolve, reject) => {
            // What is left of a crashed tab's code must not go on: no answer ever comes.
            if (crashed) return
            if (signal && steal) throw new DOMException('signal and steal together', 'NotSupportedError')
            if (signal?.aborted) return reject(signal.reason)
            const leave = () => {
              mine.delete(request)
              release(name, request)
              reject(signal?.reason)
            }
            const request: Request = {
              async run() {
                signal?.removeEventListener('abort', leave)
                await Promise.resolve()
                await held()
                mine.delete(request)
                release(name, request)
                resolve()
              },
              steal() {
                // What its callback does from here on is of no consequence, as in a browser.
                mine.delete(request)
                reject(new DOMException("Lock broken by another request with the 'steal' option.", 'AbortError'))
              },
            }
            mine.set(request, name)
            signal?.addEventListener('abort', leave, { once: true })
            const line = lines.get(name) ?? []
            const [holder, ...queue] = line
            if (steal) holder?.steal()
            lines.set(name, steal ? [request, ...queue] : [...line, request])
            if (steal || !holder) void request.run()
          })
        },
      }
      const crash = () => {
        crashed = true
        for (const [request, name] of mine) release(name, request)
        mine.clear()
      }
      return { locks, crash }
    },
  }
}

/** Two ends of a pipe that clone what passes, and deliver it in order, a microtask later. */
export function createPipe(): { readonly port1: Endpoint; readonly port2: Endpoint } {
  const port1 = createEnd(() => port2)
  const port2: FakeEnd = createEnd(() => port1)
  return { port1, port2 }
}

interface FakeEnd extends Endpoint {
  receive(data: unknown): void
}

function createEnd(other: () => FakeEnd): FakeEnd {
  const listeners = new Set<(event: MessageEvent) => void>()
  let open = true
  return {
    postMessage(message) {
      if (!open) return
      const data: unknown = structuredClone(message)
      void Promise.resolve().then(() => other().receive(data))
    },
    receive(data) {
      if (!open) return
      for (const listener of [...listeners]) listener({ data } as MessageEvent)
    },
    addEventListener: (_type, listener) => void listeners.add(listener),
    removeEventListener: (_type, listener) => void listeners.delete(listener),
    close() {
      open = false
    },
  }
}
