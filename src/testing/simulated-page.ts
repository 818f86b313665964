import type { OpenTransport } from '../transport/transport.js'
import type { Network } from './network.js'
import { createPageEnvironment, type PageOptions } from './page-environment.js'
import { createRealm, type Realm } from './realm.js'
import type { SharedParts } from './realm-environment.js'
import type { SimulatedWorkers } from './simulated-workers.js'

/** After so long in a hidden page, chains of timers run once a minute. */
const LONG_HIDDEN_MS = 300_000
/** How long the back/forward cache keeps a page. */
const MAX_CACHED_MS = 600_000

/** One document, from its load to its end. A tab shows it until it is reloaded or closed. */
export function createSimulatedPage(
  shared: SharedParts,
  network: Network,
  workers: SimulatedWorkers,
  openTransport: (realm: Realm) => OpenTransport,
  name: string,
  options: PageOptions,
) {
  const { machine } = shared
  const realm = createRealm(machine, name)
  const { environment, events, held } = createPageEnvironment(shared, realm, workers, openTransport, options)
  let state: 'active' | 'frozen' | 'cached' | 'gone' = 'active'
  let stopThrottling = (): void => undefined
  let stopCache = (): void => undefined

  realm.onDeath(() => {
    state = 'gone'
    stopThrottling()
    stopCache()
    network.closeAll(realm)
    workers.leave(realm)
  })
  realm.onDisturbed = () => {
    if (state === 'cached') realm.die()
  }

  function throttle(): void {
    stopThrottling()
    realm.throttle('second')
    stopThrottling = machine.time.after(LONG_HIDDEN_MS, () => realm.throttle('minute'))
  }
  function unthrottle(): void {
    stopThrottling()
    realm.throttle('none')
  }
  /** The task of the page's event ends before the page stops. */
  function stop(to: 'frozen' | 'cached'): void {
    if (state !== 'active') return
    state = to
    realm.task(0, () => {
      events.fire('away')
      machine.time.after(0, () => {
        if (state === to) realm.suspend(to)
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
    isVisible: () => state === 'active' && events.slice.isVisible(),
    hide(): void {
      if (state !== 'active' || !events.slice.isVisible()) return
      events.hide()
      realm.task(0, () => events.fire('hidden'))
      throttle()
    },
    /** Makes it visible; a frozen page is resumed first. */
    show(): void {
      if (start('frozen')) realm.task(0, () => events.fire('back'))
      if (state !== 'active' || events.slice.isVisible()) return
      unthrottle()
      realm.task(0, events.show)
    },
    /** Only a hidden page is frozen. */
    freeze(): void {
      if (!events.slice.isVisible()) stop('frozen')
    },
    resume(): void {
      if (start('frozen')) realm.task(0, () => events.fire('back'))
    },
    /** Puts it into the back/forward cache. From now on a message to the page evicts it. */
    park(): void {
      if (state !== 'active') return
      stop('cached')
      machine.time.after(0, () => network.suspendAll(realm))
      stopCache = machine.time.after(MAX_CACHED_MS, () => realm.die())
    },
    /** Takes it out of the back/forward cache; false when it was evicted meanwhile and has to be loaded again. */
    back(): boolean {
      if (!start('cached')) return false
      unthrottle()
      realm.task(0, () => events.fire('back'))
      realm.task(0, events.show)
      return true
    },
    online: () => realm.task(0, () => events.fire('online')),
    /** Its main thread is busy. */
    hang(): void {
      realm.suspend('hung')
    },
    wake(): void {
      realm.resume('hung')
    },
    /** A clean end: the page gets its last event. */
    close(): void {
      if (state === 'active') realm.task(0, () => events.fire('away', false))
      machine.time.after(1, () => realm.die())
    },
    /** An end without any event. */
    crash: () => realm.die(),
    holds: held,
  }
}

export type SimulatedPage = ReturnType<typeof createSimulatedPage>
