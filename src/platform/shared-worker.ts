/** The browser's SharedWorkers, for a tab. A module of its own: a line starts the worker before it has the code of a session. */

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

/** Undefined where there is no SharedWorker (Chrome on Android before 148, many web views). */
export const browserWorkers = (open: WorkerFactory = openOwnWorker): OpenSharedWorker | undefined =>
  typeof SharedWorker === 'undefined'
    ? undefined
    : Object.assign((name: string) => open({ type: 'module', name, extendedLifetime: true }), {
        script: scriptOf(open),
      })
