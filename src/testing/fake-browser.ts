import debounce from 'lodash-es/debounce.js'
import type { Endpoint } from '../endpoint.js'
import type { Environment, PageMoment } from '../environment.js'
import type { Locks } from '../environment-common.js'

/**
 * The powers of a browser in memory, for tests below the browser. Timers are the global ones, so that a test runner's
 * fake clock rules them; locks, pages and pipes are fakes of the narrow slices in environment.ts.
 */
export function createFakeBrowser({ webLocks = true } = {}) {
  const locks = createFakeLocks()
  let tabs = 0

  return {
    locks,
    tab(): FakeTab {
      const name = `tab-${++tabs}`
      const page = createFakePage()
      const held = locks.client()
      let ids = 0
      const environment: Environment = {
        clock: { now: () => Date.now(), origin: Date.now() },
        timers: {
          after(ms, run) {
            const timer = setTimeout(run, ms)
            return () => clearTimeout(timer)
          },
          debounce: (run, wait, maxWait) => debounce(run, wait, { maxWait }),
        },
        locks: webLocks ? held.locks : undefined,
        page: page.slice,
        openSharedWorker: undefined,
        openPipe: () => createPipe() as unknown as { port1: MessagePort; port2: MessagePort },
        random: () => 0.5,
        id: () => `${name}-id-${++ids}`,
        warn: () => undefined,
      }
      return { environment, page, crash: held.crash }
    },
  }
}

export interface FakeTab {
  readonly environment: Environment
  readonly page: ReturnType<typeof createFakePage>
  /** Lets go of every lock of this tab, as the browser does for a page that is gone. */
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
  readonly owner: object
  run(): Promise<void>
}

/** Web Locks, exclusive mode only: one holder a name, the others in line. */
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
      const owner = {}
      const mine = new Map<Request, string>()
      const locks: Locks = {
        request(name, { signal }, held) {
          return new Promise((resolve, reject) => {
            if (signal.aborted) return reject(signal.reason)
            let granted = false
            const request: Request = {
              owner,
              async run() {
                granted = true
                await Promise.resolve()
                await held()
                mine.delete(request)
                release(name, request)
                resolve()
              },
            }
            mine.set(request, name)
            signal.addEventListener('abort', () => {
              if (granted) return
              mine.delete(request)
              release(name, request)
              reject(signal.reason)
            })
            const line = lines.get(name) ?? []
            lines.set(name, [...line, request])
            if (line.length === 0) void request.run()
          })
        },
      }
      const crash = () => {
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
