import debounce from 'lodash-es/debounce.js'
import type { LinePowers } from './line-powers.js'

/**
 * The browser's powers that a tab needs beyond those of a hub, each as a narrow slice. Only this file and
 * environment.ts touch browser globals, so that a simulated browser can run all of Partyline.
 */
export interface TabEnvironment extends LinePowers {
  readonly clock: Clock
  readonly timers: Timers
  readonly page: Page
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
}

/** The real browser's powers, for a tab. */
export const browserEnvironment = (powers: LinePowers): TabEnvironment => ({
  ...powers,
  clock: { ...powers.clock, origin: Date.now() - performance.now() },
  timers: { ...powers.timers, debounce: (run, wait, maxWait) => debounce(run, wait, { maxWait }) },
  page: browserPage(),
  openPipe: () => new MessageChannel(),
  warn: (message) => console.warn(message),
})

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
  }
}
