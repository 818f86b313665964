import debounce from 'lodash-es/debounce.js'
import { commonEnvironment } from './environment.js'
import type { LinePowers } from './line-powers.js'

/**
 * The browser's powers that a tab needs beyond those of a hub, each as a narrow slice. Only this file and
 * environment.ts touch browser globals, so that a simulated browser can run all of Partyline.
 */
export interface TabEnvironment extends LinePowers {
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
  /** The wall clock: milliseconds since the Unix epoch. It may be set back and forth, so no duration is measured by it. */
  now(): number
  /** Milliseconds since this page began to load. It is never set back: every duration is measured by it. */
  monotonic(): number
  /** When this page began to load. It fetched no data before. Milliseconds since the Unix epoch. */
  readonly origin: number
}

export interface Timers {
  /** Runs once after `ms` milliseconds. Returns the way to cancel it. */
  after(ms: number, run: () => void): () => void
  /** lodash's `debounce`: trailing edge, at most `maxWait` milliseconds after the first call. */
  debounce(run: () => void, wait: number, maxWait: number): Debounced
}

export interface Debounced {
  (): void
  cancel(): void
}

/** `online`: also on another network. `away`: into the back/forward cache, frozen, or closed. `back`: returned from there. */
export type PageMoment = 'visible' | 'hidden' | 'online' | 'away' | 'back'

export interface Page {
  isVisible(): boolean
  title(): string
  /** `mayReturn`: the page may be back, after `away`. False when it is being closed. */
  on(moment: PageMoment, run: (mayReturn: boolean) => void): () => void
  /** Makes a URL absolute: a worker would resolve it against its own script. */
  resolveUrl(url: string): string
}

/** The parts of a SharedWorker that are used: its port, and the event of its failure to start. */
export interface SharedWorkerSlice {
  readonly port: MessagePort
  addEventListener(type: 'error', listener: (event: Event) => void, options: { readonly signal: AbortSignal }): void
}

export interface OpenSharedWorker {
  (name: string): SharedWorkerSlice
  /** The address of its script as it stands in the code, if it does. */
  readonly script?: string | undefined
}

/** The options with which a SharedWorker is opened. */
export interface SharedWorkerOptions extends WorkerOptions {
  readonly type: 'module'
  readonly name: string
  /** Keeps the hub and its socket over a reload of the only tab in Chromium. Other engines ignore it. */
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

/**
 * No event tells the address of a script that can't be loaded, and only the bundler knows it: it writes the address into the
 * function that starts the worker.
 */
const scriptOf = (open: WorkerFactory): string | undefined => /["'`]([^"'`]+\.[cm]?[jt]s\b[^"'`]*)/.exec(`${open}`)?.[1]

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
        : Object.assign((name: string) => openWorker({ type: 'module', name, extendedLifetime: true }), {
            script: scriptOf(openWorker),
          }),
    openPipe: () => new MessageChannel(),
    warn: (message) => console.warn(message),
  }
}

/** Each moment, and its events. Never `beforeunload`: it can be cancelled. */
const MOMENTS: Record<PageMoment, readonly (readonly [target: 'window' | 'document' | 'connection', event: string])[]> =
  {
    visible: [['document', 'visibilitychange']],
    hidden: [['document', 'visibilitychange']],
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
    title: () => document.title,
    on(moment, run) {
      const listener = (event: Event) => {
        if ((moment === 'visible' || moment === 'hidden') && isVisible() !== (moment === 'visible')) return
        // The first `pageshow` of a page is its load.
        const mayReturn = (event as PageTransitionEvent).persisted !== false
        if (event.type === 'pageshow' && !mayReturn) return
        run(mayReturn)
      }
      const ended = new AbortController()
      for (const [target, event] of MOMENTS[moment])
        targets[target]?.addEventListener(event, listener, { signal: ended.signal })
      return () => ended.abort()
    },
    // Not `location.href`: in `<iframe srcdoc>` that is no base.
    resolveUrl: (url) => new URL(url, document.baseURI).href,
  }
}
