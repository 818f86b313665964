import type { Rule } from '../invalidation/rule.js'
import type { WorkerFactory } from '../platform/page.js'
import type { PartylineError, Report } from '../util/errors.js'
import type { Host } from '../wire/status.js'
import type { PollingTimes } from './polling.js'

/** One rule for each event; the metadata types are inferred from the rules' own functions and schemas. */
export type Rules<Events> = { readonly [E in keyof Events]: Rule<Events[E]> }

export interface PartylineOptions<Events> {
  /** What each event makes stale: query keys, `{ queryKey, scope }`, or a function of the event's metadata. */
  readonly invalidates: Rules<Events>
  /**
   * The server's address; a function is asked at every mount. Its path is the Socket.IO namespace.
   * @default the page's own origin
   */
  readonly url?: string | (() => string | Promise<string>)
  /**
   * Tells apps on the same origin apart.
   * @default 'app'
   */
  readonly name?: string
  /**
   * A burst of events becomes one flush: `wait` milliseconds after the last event, `maxWait` after the first at the
   * latest. Longer costs freshness, shorter costs fetches. `maxWait` is also how long a running mutation holds a flush back.
   * @default { wait: 100, maxWait: 1000 }
   */
  readonly debounce?: { readonly wait?: number; readonly maxWait?: number }
  /**
   * A resync is put off by a random time up to this many milliseconds, so that a restarted server is not asked by every
   * tab at once.
   * @default 2000
   */
  readonly jitter?: number
  /**
   * One fetch for all windows of this browser that need the same query at once: one of them fetches, the others take its
   * data, which has to be plain (what `structuredClone` keeps). A window that has waited for `timeout` milliseconds fetches for
   * itself. Only windows of one `build` (a version of your app, if its data changes shape) share. Needs Web Locks and
   * BroadcastChannel; without them, and of an infinite query, every window fetches for itself. `true` takes 5 s.
   * @default false
   */
  readonly shareFetches?: boolean | { readonly timeout?: number; readonly build?: string }
  /**
   * While the line is down for longer than `downFor` milliseconds, queries that have a rule and are in use are fetched
   * every `interval` milliseconds, in a tab that is looked at. `true` takes 30 s and 15 s.
   * @default false
   */
  readonly polling?: boolean | { readonly downFor?: number; readonly interval?: number }
  /**
   * Empties the QueryClient when the identity changes or is signed out, so that nobody sees what was the former one's.
   * Queries on the screen start anew without data.
   * @default false
   */
  readonly clearOnSwitch?: boolean
  /**
   * How many milliseconds the hub keeps the socket after the last tab, so that a reload finds it.
   * @default 5000
   */
  readonly linger?: number
  /**
   * Where the hub runs. `auto` goes down the ladder until one works; a forced host is the only one tried.
   * @default 'auto'
   */
  readonly host?: 'auto' | Host
  /**
   * Starts the worker, for a bundler that does not see `new URL` in a package:
   * `worker: (options) => new SharedWorker(workerUrl, options)` with the file `partyline/worker`.
   * @default the worker file that ships with the package
   */
  readonly worker?: WorkerFactory
  /**
   * What the server speaks: Socket.IO, or plain WebSocket with JSON frames (docs/websocket.md).
   * @default 'socket.io'
   */
  readonly transport?: 'socket.io' | 'websocket'
  /**
   * Passed to socket.io-client as it is (`path`, `transports`, `reconnectionDelayMax`, …). Plain data, since it crosses to
   * the hub; credentials belong in `auth`. For plain WebSocket: `reconnectionDelay`, `reconnectionDelayMax` (ms), and `limit`,
   * the most characters of a frame (65,536).
   * @default WebSocket only, endless reconnection with full jitter, 0 to 2 s and later 0 to 20 s apart
   */
  readonly socket?: Readonly<Record<string, unknown>>
  /**
   * How many milliseconds `auth` may take before another tab is asked.
   * @default 10000
   */
  readonly authTimeout?: number
  /**
   * Hears of everything that went wrong; see `PartylineErrorCode`.
   * @default one console warning per subject, in development
   */
  readonly onError?: (error: PartylineError) => void
}

export interface Configuration {
  readonly url: string | (() => string | Promise<string>)
  readonly name: string
  readonly debounce: { readonly wait: number; readonly maxWait: number }
  readonly jitter: number
  readonly polling: PollingTimes | undefined
  readonly shareFetches: { readonly timeout: number; readonly build: string } | undefined
  readonly clearOnSwitch: boolean
  readonly linger: number
  readonly host: 'auto' | Host
  readonly transport: 'socket.io' | 'websocket'
  readonly socket: Readonly<Record<string, unknown>>
  readonly authTimeout: number
}

/** Fills in the defaults. An option that can't work is reported, and its default taken. */
export function configure(options: PartylineOptions<never>, report: Report): Configuration {
  const bad = (option: string, why: string) => report('bad-option', `${option} ${why}`, { detail: { option } })

  const milliseconds = (option: string, value: number | undefined, byDefault: number): number => {
    if (value === undefined) return byDefault
    if (typeof value === 'number' && value >= 0 && Number.isFinite(value)) return value
    bad(option, `has to be a number of milliseconds, not ${String(value)}`)
    return byDefault
  }

  const polling = (): PollingTimes | undefined => {
    if (!options.polling) return undefined
    const { downFor, interval } = options.polling === true ? {} : options.polling
    return {
      downFor: milliseconds('polling.downFor', downFor, 30_000),
      // Not in a tight loop, whatever was asked for.
      interval: Math.max(1_000, milliseconds('polling.interval', interval, 15_000)),
    }
  }

  const shareFetches = () => {
    if (!options.shareFetches) return undefined
    const { timeout, build = '' } = options.shareFetches === true ? {} : options.shareFetches
    return { timeout: milliseconds('shareFetches.timeout', timeout, 5_000), build: String(build) }
  }

  const transport = (): 'socket.io' | 'websocket' => {
    const { transport = 'socket.io' } = options
    if (transport === 'socket.io' || transport === 'websocket') return transport
    bad('transport', `has to be 'socket.io' or 'websocket', not '${String(transport)}'`)
    return 'socket.io'
  }

  const socket = (): Readonly<Record<string, unknown>> => {
    const { auth, ...rest } = options.socket ?? {}
    if (auth !== undefined)
      bad('socket.auth', 'is not used: give credentials through the auth of mount or the provider')
    try {
      return structuredClone(rest)
    } catch {
      bad('socket', 'has to be plain data, since it crosses to the hub')
      return {}
    }
  }

  const wait = milliseconds('debounce.wait', options.debounce?.wait, 100)
  const host = options.host ?? 'auto'
  const known = ['auto', 'shared-worker', 'leader-tab', 'this-tab'].includes(host)
  if (!known) bad('host', `has to be 'auto', 'shared-worker', 'leader-tab' or 'this-tab', not '${String(host)}'`)
  return {
    url: options.url ?? '/',
    name: options.name ?? 'app',
    debounce: { wait, maxWait: Math.max(wait, milliseconds('debounce.maxWait', options.debounce?.maxWait, 1_000)) },
    jitter: milliseconds('jitter', options.jitter, 2_000),
    polling: polling(),
    shareFetches: shareFetches(),
    clearOnSwitch: options.clearOnSwitch === true,
    linger: milliseconds('linger', options.linger, 5_000),
    host: known ? host : 'auto',
    transport: transport(),
    socket: socket(),
    authTimeout: milliseconds('authTimeout', options.authTimeout, 10_000),
  }
}
