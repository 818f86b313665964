/** The browser's powers that a hub needs; the same in a worker and in a tab. */
export interface HubEnvironment {
  readonly clock: {
    /** The wall clock: milliseconds since the Unix epoch. It may be set back and forth, so no duration is measured by it. */
    now(): number
    /** Milliseconds since this page or worker began. It is never set back: every duration is measured by it. */
    monotonic(): number
  }
  readonly timers: {
    /** Runs once after `ms` milliseconds; returns the way to cancel it. */
    after(ms: number, run: () => void): () => void
  }
  /** Undefined where there are no Web Locks (insecure origins). */
  readonly locks: Locks | undefined
  /** A `BroadcastChannel`; undefined where there is none. */
  readonly openChannel: ((name: string) => Channel) | undefined
  /** A `WebSocket`. Throws for an invalid address, or one that the page's policy forbids. */
  readonly openWebSocket: (url: string) => WebSocketSlice
  /** The browser's `fetch`. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>
  /** Between 0 and 1. */
  readonly random: () => number
  /** A new identifier, different in every tab and every call. */
  readonly id: () => string
}

export type WebSocketSlice = Pick<
  WebSocket,
  'binaryType' | 'bufferedAmount' | 'onopen' | 'onmessage' | 'onclose' | 'onerror' | 'send' | 'close'
>

export interface Locks {
  request(name: string, options: LockRequest, held: () => Promise<void>): Promise<void>
}

/** Either waits in the queue until the signal aborts, or steals, which never waits. The Web Locks API forbids both together. */
export type LockRequest =
  | { readonly signal: AbortSignal; readonly steal?: false }
  | { readonly steal: true; readonly signal?: never }

/** Reaches every other channel of that name in this browser; a `BroadcastChannel` is one. */
export interface Channel {
  postMessage(message: unknown): void
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void
  removeEventListener(type: 'message', listener: (event: MessageEvent) => void): void
  close(): void
}

/**
 * The real browser's powers, for a hub. Apart from page.ts, because a worker that imported that file would carry the
 * code that starts workers, and bundlers would build the worker into itself.
 */
export function commonEnvironment(): HubEnvironment {
  return {
    clock: { now: () => Date.now(), monotonic: () => performance.now() },
    timers: {
      after(ms, run) {
        const timer = setTimeout(run, ms)
        return () => clearTimeout(timer)
      },
    },
    // Missing in Node, where a line may be created but is never mounted.
    locks: globalThis.navigator?.locks,
    openChannel: hasChannels() ? (name) => new BroadcastChannel(name) : undefined,
    openWebSocket: (url) => new WebSocket(url),
    fetch: (url, init) => fetch(url, init),
    random: Math.random,
    // Not randomUUID: it is missing on insecure origins.
    id: () => Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join(''),
  }
}

/**
 * False also where the constructor exists but throws, as it does in a sandboxed frame in some browsers. An opaque origin (such
 * a frame, a `data:` page) has none either: its channels reach no other page, so this tab is alone.
 */
function hasChannels(): boolean {
  if (globalThis.origin === 'null') return false
  try {
    new BroadcastChannel('partyline').close()
    return true
  } catch {
    return false
  }
}

/** False where pages are rendered on a server. */
export const isPage = (): boolean => typeof document !== 'undefined'
