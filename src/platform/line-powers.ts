import { commonEnvironment, type HubEnvironment, isPage } from './environment.js'
import { browserWorkers, type OpenSharedWorker, type WorkerFactory } from './shared-worker.js'
import type { SignOutMarks } from './sign-out-marks.js'

/** The browser's powers that a line needs before it has the code of a session. */
export interface LinePowers extends HubEnvironment {
  /** Undefined where there is no SharedWorker. */
  readonly openSharedWorker: OpenSharedWorker | undefined
  /** Makes a URL absolute: a worker would resolve it against its own script. Throws for what is no address. */
  readonly resolveUrl: (url: string) => string
  /** SHA-256 of a text, in base64url. Missing on insecure origins. */
  readonly sha256?: ((text: string) => Promise<string>) | undefined
  /** @default they are there as soon as they are imported, and are never gone */
  readonly chunks?: ChunkPowers | undefined
  /** Runs once the page has nothing else to do; returns the way to cancel it. Default: after two seconds. */
  readonly whenIdle?: ((run: () => void) => () => void) | undefined
  /** @default in localStorage */
  readonly signOutMarks?: SignOutMarks | undefined
}

/** Fetches code that is a chunk of its own. */
export interface ChunkPowers {
  /** Runs the `import()` of a chunk. */
  load<Module>(load: () => Promise<Module>): Promise<Module>
  /** The module at an address. */
  loadFrom(url: string): Promise<object>
  /** What the server says of the file at an address; without one, whether it answers at all. */
  look(url: string | undefined): Promise<FileState>
}

/** `gone`: the server has no such file. `unreachable`: nobody can tell, without a network or while the server is in trouble. */
export type FileState = 'there' | 'gone' | 'unreachable'

/** Loads a module that is a chunk of its own. `name`: one of its exports. Rejects when some attempts have failed. */
export type LoadChunk = <Module extends object>(
  load: () => Promise<Module>,
  name: keyof Module & string,
) => Promise<Module>

/** How long a page that never is idle may delay what waits for that. */
const MAX_IDLE_WAIT_MS = 5_000
const IDLE_WAIT_MS = 2_000
/** How long a server may take to say whether it has a file. */
const MAX_LOOK_MS = 10_000

/** The real browser's powers, for a line. */
export function linePowers(worker?: WorkerFactory): LinePowers {
  const common = commonEnvironment()
  return {
    ...common,
    openSharedWorker: browserWorkers(worker),
    // Not `location.href`: in `<iframe srcdoc>` that is no base.
    resolveUrl: (url) => new URL(url, document.baseURI).href,
    // Missing on insecure origins, whatever TypeScript says.
    sha256: (globalThis.crypto?.subtle as SubtleCrypto | undefined) && sha256,
    chunks: {
      load: (load) => load(),
      loadFrom: (url) => import(/* @vite-ignore */ /* webpackIgnore: true */ /* turbopackIgnore: true */ url),
      look,
    },
    whenIdle(run) {
      // Missing in Safari.
      if (typeof requestIdleCallback === 'undefined') return common.timers.after(IDLE_WAIT_MS, run)
      const request = requestIdleCallback(run, { timeout: MAX_IDLE_WAIT_MS })
      return () => cancelIdleCallback(request)
    },
  }
}

/** Runs once the page has nothing else to do. */
export const whenIdle = ({ whenIdle, timers }: LinePowers, run: () => void): (() => void) =>
  whenIdle ? whenIdle(run) : timers.after(IDLE_WAIT_MS, run)

export async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  const base64 = btoa(String.fromCharCode(...new Uint8Array(digest)))
  return base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

async function look(url: string | undefined): Promise<FileState> {
  try {
    const { status, headers, body } = await fetch(url ?? location.href, {
      cache: 'no-store',
      signal: AbortSignal.timeout(MAX_LOOK_MS),
    })
    void body?.cancel()
    // Before its content: what a proxy says for a server that is down is a page too.
    if (status >= 500 || status === 408 || status === 425 || status === 429) return 'unreachable'
    if (url === undefined) return 'there'
    const isPage = (headers.get('content-type') ?? '').startsWith('text/html')
    // Some stores answer 403 for what they do not have.
    return status >= 400 || isPage ? 'gone' : 'there'
  } catch {
    // No network, or a policy that forbids to ask.
    return 'unreachable'
  }
}

/**
 * Whether this is a server that renders pages, where a line has nothing to do. React Native and a browser's workers have no
 * document either, but are no servers.
 */
export function isServer(): boolean {
  const { navigator, location, WorkerGlobalScope } = globalThis as {
    readonly navigator?: { readonly product?: string }
    readonly location?: unknown
    readonly WorkerGlobalScope?: unknown
  }
  if (isPage() || navigator?.product === 'ReactNative') return false
  // Servers with the API of workers (Cloudflare, Deno) have no location.
  return WorkerGlobalScope === undefined || location === undefined
}
