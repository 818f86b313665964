import debounce from 'lodash-es/debounce.js'
import { commonEnvironment, type HubEnvironment } from './environment.js'

/**
 * Every browser power that Partyline uses, each as the narrow slice it needs. Only this file and
 * environment.ts touch browser globals, so that a simulated browser can run the whole of it.
 */
export interface TabEnvironment extends HubEnvironment {
  readonly clock: Clock
  readonly timers: Timers
  readonly page: Page
  /** Undefined where there is no SharedWorker (Chrome on Android before 148, many web views). */
  readonly openSharedWorker: OpenSharedWorker | undefined
  /** A `MessageChannel`. */
  readonly openPipe: () => { readonly port1: MessagePort; readonly port2: MessagePort }
  readonly warn: (message: string) => void
}

export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number
  /** When this page began to load: it holds no data that it fetched before. Milliseconds since the Unix epoch. */
  readonly origin: number
}

export interface Timers {
  /** Runs once after `ms`; the answer cancels it. */
  after(ms: number, run: () => void): () => void
  /** lodash's `debounce`: trailing edge, at most `maxWait` after the first call. */
  debounce(run: () => void, wait: number, maxWait: number): Debounced
}

export interface Debounced {
  (): void
  cancel(): void
}

/** `online`: also another network. `away`: into the back/forward cache, frozen, or gone. `back`: returned from there. */
export type PageMoment = 'visible' | 'online' | 'away' | 'back'

export interface Page {
  isVisible(): boolean
  on(moment: PageMoment, run: () => void): () => void
  /** Makes a URL absolute: a worker would resolve it against its own script. */
  resolveUrl(url: string): string
}

/** What can be had from a SharedWorker: its port, and word of its failure to start. */
export interface SharedWorkerSlice {
  readonly port: MessagePort
  addEventListener(type: 'error', listener: (event: Event) => void): void
}

export type OpenSharedWorker = (name: string) => SharedWorkerSlice

/** What a SharedWorker is opened with. */
export interface SharedWorkerOptions extends WorkerOptions {
  readonly type: 'module'
  readonly name: string
  /** Keeps the hub and its socket over a reload of the only tab (Chromium; other engines ignore it). */
  readonly extendedLifetime: true
}

/** For `createPartyline({ worker })`: how to start the worker, for bundlers that do not see `new URL` in a package. */
export type WorkerFactory = (options: SharedWorkerOptions) => SharedWorkerSlice

// Bundlers look for exactly this: `new SharedWorker(new URL(…, import.meta.url), { type: 'module' … })`.
const openOwnWorker: WorkerFactory = ({ name }) =>
  new SharedWorker(new URL('../worker.js', import.meta.url), {
    type: 'module',
    name,
    extendedLifetime: true,
  } as WorkerOptions)

/** The real browser's powers, for a tab. */
export function browserEnvironment(openWorker: WorkerFactory = openOwnWorker): TabEnvironment {
  const common = commonEnvironment()
  return {
    ...common,
    clock: { ...common.clock, origin: Date.now() - performance.now() },
    timers: { ...common.timers, debounce: (run, wait, maxWait) => debounce(run, wait, { maxWait }) },
    page: browserPage(),
    openSharedWorker:
      typeof SharedWorker === 'undefined'
        ? undefined
        : (name) => openWorker({ type: 'module', name, extendedLifetime: true }),
    openPipe: () => new MessageChannel(),
    warn: (message) => console.warn(message),
  }
}

/** Each moment, and the events that tell of it. Never `beforeunload`: it can be cancelled. */
const MOMENTS: Record<PageMoment, readonly (readonly [target: 'window' | 'document' | 'connection', event: string])[]> =
  {
    visible: [['document', 'visibilitychange']],
    online: [
      ['window', 'online'],
      // Chromium only: from one network to another, without having been offline.
      ['connection', 'change'],
    ],
    away: [
      ['window', 'pagehide'],
      ['document', 'freeze'],
    ],
    back: [
      ['window', 'pageshow'],
      ['document', 'resume'],
    ],
  }

function browserPage(): Page {
  const { connection } = navigator as { readonly connection?: EventTarget }
  const targets = { window, document, connection }
  const isVisible = () => document.visibilityState !== 'hidden'
  return {
    isVisible,
    on(moment, run) {
      const listener = (event: Event) => {
        if (moment === 'visible' && !isVisible()) return
        // The first `pageshow` of a page is its load.
        if (event.type === 'pageshow' && !(event as PageTransitionEvent).persisted) return
        run()
      }
      const sources = MOMENTS[moment].map(([target, event]) => [targets[target], event] as const)
      for (const [source, event] of sources) source?.addEventListener(event, listener)
      return () => {
        for (const [source, event] of sources) source?.removeEventListener(event, listener)
      }
    },
    resolveUrl: (url) => new URL(url, location.href).href,
  }
}
