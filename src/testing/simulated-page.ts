import type { TabEnvironment } from '../platform/page.js'
import type { OpenTransport } from '../transport/transport.js'
import { createDebounce } from './debounce.js'
import type { Network } from './network.js'
import { createPageEvents } from './page-events.js'
import { createPowers, type Shared } from './powers.js'
import { createRealm, inOrder } from './realm.js'
import { createPipe } from './simulated-pipe.js'
import type { SimulatedWorkers, WorkerTrouble } from './simulated-workers.js'

/** A hidden page's chained timers run once a minute when it has been hidden for this long (ms). */
const LONG_HIDDEN = 300_000
/** How long (ms) the back/forward cache keeps a page. */
const CACHE = 600_000

export interface PageOptions {
  readonly webLocks: boolean
  readonly channel: boolean
  /** Whether there is such a thing as a SharedWorker. */
  readonly sharedWorker: boolean
  readonly workerTrouble: WorkerTrouble | undefined
  /** The worker's script: another one after a deploy. */
  readonly script: string
}

/** A page's environment, and a transport for the hub that may run in it (hub/tab-hub.ts looks for it). */
export type SimulatedEnvironment = TabEnvironment & { readonly openTransport: OpenTransport }

/** One document, from its load to its end: what a tab shows until it is reloaded or closed. */
export function createSimulatedPage(
  shared: Shared,
  network: Network,
  workers: SimulatedWorkers,
  openTransport: (realm: ReturnType<typeof createRealm>) => OpenTransport,
  name: string,
  options: PageOptions,
) {
  const { machine } = shared
  const realm = createRealm(machine, name)
  const page = createPageEvents()
  const { environment: common, heldLocks } = createPowers(shared, realm, options)
  const chance = machine.chance()
  const ends: { isOpen(): boolean }[] = []
  let state: 'active' | 'frozen' | 'cached' | 'gone' = 'active'
  let stopSlowing = (): void => undefined
  let stopCache = (): void => undefined

  const environment: SimulatedEnvironment = {
    ...common,
    clock: { ...common.clock, origin: machine.now() },
    timers: { after: realm.after, debounce: createDebounce(machine.now, realm.after) },
    page: page.slice,
    openSharedWorker: options.sharedWorker ? workers.opener(realm, options.script, options.workerTrouble) : undefined,
    openPipe() {
      const there = inOrder(machine, chance, 1)
      const here = inOrder(machine, chance, 1)
      const pipe = createPipe(
        (run) => realm.task(there(), run),
        (run) => realm.task(here(), run),
      )
      ends.push(pipe.port1, pipe.port2)
      return pipe as unknown as { port1: MessagePort; port2: MessagePort }
    },
    warn: () => undefined,
    openTransport: openTransport(realm),
  }

  realm.onDeath(() => {
    state = 'gone'
    stopSlowing()
    stopCache()
    network.disown(realm)
    workers.leave(realm)
  })
  realm.onDisturbed = () => {
    if (state === 'cached') realm.die()
  }

  function slow(): void {
    stopSlowing()
    realm.throttle('second')
    stopSlowing = machine.time.after(LONG_HIDDEN, () => realm.throttle('minute'))
  }
  function hurry(): void {
    stopSlowing()
    realm.throttle('none')
  }
  /** The event's own task ends before the page stops. */
  function stop(to: 'frozen' | 'cached', reason: string): void {
    if (state !== 'active') return
    state = to
    realm.task(0, () => {
      page.fire('away')
      machine.time.after(0, () => {
        if (state === to) realm.suspend(reason)
      })
    })
  }
  function start(from: 'frozen' | 'cached'): boolean {
    if (state !== from) return false
    state = 'active'
    stopCache()
    realm.resume(from)
    return true
  }

  return {
    environment,
    realm,
    /** Runs the app's own code in the page. */
    run: (code: () => void) => realm.task(0, code),
    get state() {
      return state
    },
    isVisible: () => state === 'active' && page.slice.isVisible(),
    hide(): void {
      if (state !== 'active' || !page.slice.isVisible()) return
      page.hide()
      slow()
    },
    /** Looked at again; a frozen page is resumed first. */
    show(): void {
      if (start('frozen')) realm.task(0, () => page.fire('back'))
      if (state !== 'active' || page.slice.isVisible()) return
      hurry()
      realm.task(0, page.show)
    },
    /** Only a hidden page is frozen. */
    freeze(): void {
      if (!page.slice.isVisible()) stop('frozen', 'frozen')
    },
    resume(): void {
      if (start('frozen')) realm.task(0, () => page.fire('back'))
    },
    /** Into the back/forward cache; anything that is posted to the page from now on evicts it. */
    park(): void {
      if (state !== 'active') return
      stop('cached', 'cached')
      machine.time.after(0, () => network.hangUp(realm))
      stopCache = machine.time.after(CACHE, () => realm.die())
    },
    /** Out of it; false when the page was evicted meanwhile, and has to be loaded anew. */
    back(): boolean {
      if (!start('cached')) return false
      hurry()
      realm.task(0, () => page.fire('back'))
      realm.task(0, page.show)
      return true
    },
    online: () => realm.task(0, () => page.fire('online')),
    /** Its main thread is busy. */
    hang(): void {
      realm.suspend('hung')
    },
    wake(): void {
      realm.resume('hung')
    },
    /** A clean end: the page hears of it. */
    close(): void {
      if (state === 'active') realm.task(0, () => page.fire('away'))
      machine.time.after(1, () => realm.die())
    },
    /** Gone without a word. */
    crash: () => realm.die(),
    /** What the page holds, to be counted. */
    holds: () => ({
      listeners: page.listenerCount(),
      timers: realm.timers(),
      locks: heldLocks(),
      pipes: ends.filter((end) => end.isOpen()).length,
    }),
  }
}

export type SimulatedPage = ReturnType<typeof createSimulatedPage>
