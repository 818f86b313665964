import type { PageMoment, TabEnvironment } from '../platform/page.js'
import type { OpenTransport } from '../transport/transport.js'
import { createDebounce } from './debounce.js'
import { orderedDelays, type Realm } from './realm.js'
import { createRealmEnvironment, type SharedParts } from './realm-environment.js'
import type { BrowserPowers } from './refusing-powers.js'
import { simulatedSha256 } from './sha256.js'
import { createPipe } from './simulated-pipe.js'
import type { SimulatedWorkers, WorkerTrouble } from './simulated-workers.js'

/** How long a storage event takes to another page at most. */
const MAX_STORAGE_DELAY_MS = 5

export interface PageOptions extends BrowserPowers {
  /** Whether the browser has SharedWorkers. */
  readonly sharedWorker: boolean
  readonly workerTrouble: WorkerTrouble | undefined
  /** The worker's script; a deploy changes it. */
  readonly script: string
}

/** A page's environment, and a transport for the hub that may run in it (hub/tab-hub.ts looks for it). */
export type SimulatedEnvironment = TabEnvironment & { readonly openTransport: OpenTransport }

/** The environment of a page over its realm. `held` tells what the page holds, for tests that look for leaks. */
export function createPageEnvironment(
  shared: SharedParts,
  realm: Realm,
  workers: SimulatedWorkers,
  openTransport: (realm: Realm) => OpenTransport,
  options: PageOptions,
) {
  const { machine } = shared
  const events = createPageEvents()
  const { environment: common, heldLocks } = createRealmEnvironment(shared, realm, options)
  const random = machine.createRandom()
  const pipes: (() => boolean)[] = []
  // A page that is away gets no storage event.
  const storage = shared.storage.client(realm.name, (run) => {
    if (!realm.isSuspendedFor('cached') && !realm.isSuspendedFor('frozen'))
      realm.task(random() * MAX_STORAGE_DELAY_MS, run)
  })

  const environment: SimulatedEnvironment = {
    ...common,
    clock: { ...common.clock, origin: machine.now() },
    timers: { after: realm.after, debounce: createDebounce(machine.now, realm.after) },
    page: events.slice,
    openSharedWorker: options.sharedWorker ? workers.opener(realm, options.script, options.workerTrouble) : undefined,
    resolveUrl: (url) => new URL(url, 'https://app.example').href,
    openPipe() {
      const there = orderedDelays(machine, random, 1)
      const here = orderedDelays(machine, random, 1)
      const pipe = createPipe(
        (run) => realm.task(there(), run),
        (run) => realm.task(here(), run),
      )
      // A pipe that is closed at one end is garbage.
      pipes.push(() => pipe.port1.isOpen() && pipe.port2.isOpen())
      return pipe as unknown as { port1: MessagePort; port2: MessagePort }
    },
    warn: () => undefined,
    signOutMarks: {
      read: storage.read,
      write: (who) => storage.write(who, common.id()),
      on(who, run) {
        const stops = [storage.on(who, run), events.slice.on('back', run)]
        return () => {
          for (const stop of stops) stop()
        }
      },
    },
    sha256: async (text) => simulatedSha256(text),
    openTransport: openTransport(realm),
  }
  const held = () => ({
    listeners: events.listenerCount() + storage.listenerCount(),
    timers: realm.timers(),
    locks: heldLocks(),
    pipes: pipes.filter((isOpen) => isOpen()).length,
  })
  return { environment, events, held }
}

/** A page's visibility and the moments of its life, as the slice in platform/page.ts has them. */
export function createPageEvents(title = 'a page') {
  const listeners = new Map<PageMoment, Set<(mayReturn: boolean) => void>>()
  let visible = true
  const fire = (moment: PageMoment, mayReturn = true) => {
    for (const run of [...(listeners.get(moment) ?? [])]) run(mayReturn)
  }
  return {
    slice: {
      isVisible: () => visible,
      title: () => title,
      on(moment: PageMoment, run: (mayReturn: boolean) => void) {
        const set = listeners.get(moment) ?? new Set()
        listeners.set(moment, set.add(run))
        return () => void set.delete(run)
      },
    },
    fire,
    /** Its event is the caller's to fire. */
    hide(): void {
      visible = false
    },
    show(): void {
      visible = true
      fire('visible')
    },
    /** How many listeners are left. Closed objects must leave none. */
    listenerCount: () => [...listeners.values()].reduce((sum, set) => sum + set.size, 0),
  }
}

export type PageEvents = ReturnType<typeof createPageEvents>
