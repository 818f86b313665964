import type { CheckedRules } from '../invalidation/checked-rules.js'
import type { Rule } from '../invalidation/rule.js'
import type { AnyValue } from '../invalidation/scope.js'
import type { WorkerFactory } from '../platform/shared-worker.js'
import type { OwnTransport, TransportChoice, TransportName } from '../transport/transport.js'
import type { PartylineError, Report } from '../util/errors.js'
import type { EnvelopeOption } from '../wire/protocol.js'
import type { Host } from '../wire/status.js'
import type { Messages } from './message.js'
import type { PollingTimes } from './polling.js'

declare const process: { env: { NODE_ENV?: string } }

/** One rule for each event. The metadata types are inferred from the rules' own functions and schemas. */
export type Rules<Events> = { readonly [E in keyof Events]: Rule<Events[E]> }

/**
 * `Given`: the rules as they are written, for what the compiler says of them. It is held to their check as a constraint. With the check
 * in the option's own type, TypeScript before 5.7 finds a rule that refers to itself.
 */
export type CheckedOptions<Events, Given extends CheckedRules<Given>, Sends = Messages> = PartylineOptions<
  Events,
  Sends
> & {
  readonly invalidates: Given
}

export interface PartylineOptions<Events, Sends = Messages> {
  /**
   * The queries that each event makes stale. A rule is targets (query keys, `{ queryKey, scope }`),
   * `{ touches, targets, schema }`, or a function of the event's metadata.
   */
  readonly invalidates: Rules<Events>
  /**
   * The events that `line.send` may send, by name: `{ 'chat:say': message<{ text: string }, { id: string }>() }`.
   * @default any event, with any data
   */
  readonly sends?: Sends
  /**
   * The server's address, or a function that gives it at every mount, within `authTimeoutMs`. A function that fails is
   * called again, after growing pauses. The path of the address is the Socket.IO namespace.
   * @default the page's own origin
   */
  readonly url?: string | (() => string | Promise<string>)
  /**
   * Tells apps on the same origin apart. If `url` is a function, a sign-out ends that identity's sessions in all apps
   * of this name.
   * @default 'app'
   */
  readonly name?: string
  /**
   * A burst of events becomes one flush: `waitMs` milliseconds after the last event, and `maxWaitMs` after the first at
   * the latest. Longer times delay data, shorter ones cost fetches.
   * @default { waitMs: 100, maxWaitMs: 1000 }
   */
  readonly debounce?: { readonly waitMs?: number; readonly maxWaitMs?: number }
  /**
   * Values that mean "any" for a field of a scope, in a query or an event, besides null and ''. Case does not matter. A
   * query with such a value is not skipped. If your app filters by `-1` or `0` for "any", add it here.
   * @default ['all', '*', 'any']
   */
  readonly anyValues?: readonly AnyValue[]
  /**
   * A resync waits a random time up to this many milliseconds. So not all tabs fetch at once when a server restarts.
   * @default 2000
   */
  readonly jitterMs?: number
  /**
   * A fetch without an answer after this many milliseconds is restarted once, when an event or a visible tab needs its
   * query. A request into a dead connection never answers. Each restart doubles the time for that query, until a fetch
   * succeeds.
   * @default 10000
   */
  readonly restartFetchAfterMs?: number
  /**
   * One visible tab fetches for all visible tabs of this browser that need the same query at once, and the others take its
   * data. The data has to be plain (what `structuredClone` keeps). A tab that has waited `timeoutMs` milliseconds fetches for
   * itself. Only tabs of one `build` share. Name a build when your data changes its shape. Without Web Locks or
   * BroadcastChannel, and for infinite queries, every tab fetches for itself. `true` means `{ timeoutMs: 5000 }`.
   * @default false
   */
  readonly shareFetches?: boolean | { readonly timeoutMs?: number; readonly build?: string }
  /**
   * While the connection is down for longer than `downForMs` milliseconds, a visible tab fetches its active, mapped queries
   * every `intervalMs` milliseconds. `true` means `{ downForMs: 30000, intervalMs: 15000 }`.
   * @default false
   */
  readonly polling?: boolean | { readonly downForMs?: number; readonly intervalMs?: number }
  /**
   * Empties the QueryClient when the identity changes or is signed out, so that nobody sees the former identity's data.
   * Active queries start again without data.
   * @default false
   */
  readonly clearOnSwitch?: boolean
  /**
   * How many milliseconds the hub keeps the socket after the last tab, so that a reload finds it.
   * @default 5000
   */
  readonly lingerMs?: number
  /**
   * Where the hub runs. `auto` goes down the ladder until a host works. A forced host is the only one tried.
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
   * The server's protocol: Socket.IO, plain WebSocket with JSON frames (docs/protocol.md), Server-Sent Events (docs/sse.md), or
   * one of the app's own (docs/transports.md), which `worker` has to know as well.
   * @default 'socket.io'
   */
  readonly transport?: TransportName | OwnTransport
  /**
   * Passed to socket.io-client as it is (`path`, `transports`, `reconnectionDelayMax`, …). Plain data, since it crosses
   * to the hub. Credentials belong in `auth`. Plain WebSocket and Server-Sent Events take their own fields: see
   * `SocketSettings`, docs/transports.md and docs/sse.md.
   * @default WebSocket only, endless reconnection with full jitter, 0 to 2 s and later 0 to 20 s apart
   */
  readonly socket?: SocketSettings
  /**
   * For a server that sends one event with the others inside, as `emit('data', { type, payload })`:
   * `{ on: 'data', event: 'type', metadata: 'payload' }` (docs/existing-servers.md). Rules, handlers and receipts get
   * the inner events. Plain data, since it crosses to the hub.
   * @default the wire's events are the app's
   */
  readonly envelope?: EnvelopeOption
  /**
   * How many milliseconds `auth` may take before another tab is asked, and a `url` function before it is called again.
   * @default 10000
   */
  readonly authTimeoutMs?: number
  /**
   * Prints one line per record on the console: connection, events and what they refetched, fetches, errors, and the hub's own.
   * In development, a value at `partyline:debug` in localStorage does the same.
   * @default false
   */
  readonly debug?: boolean
  /**
   * Called with every error and hint: see `PartylineErrorCode`. `line.onError` takes more listeners.
   * @default one console warning per subject, in development
   */
  readonly onError?: (error: PartylineError) => void
}

/** The settings of a connection. With Socket.IO, all options of socket.io-client are allowed. */
export interface SocketSettings {
  /** The path of Socket.IO at the server. Default: `/socket.io`. */
  readonly path?: string
  /** In the order in which they are tried. `polling` needs sticky sessions at the server. Default: `['websocket']`. */
  readonly transports?: readonly ('websocket' | 'polling' | 'webtransport')[]
  /** Tries the next one of `transports` when one fails: for users behind a proxy that blocks WebSocket. Default: false. */
  readonly tryAllTransports?: boolean
  /** Sends cookies to a server of another origin. Default: false. */
  readonly withCredentials?: boolean
  /** The pause before the first further attempt, in milliseconds. */
  readonly reconnectionDelay?: number
  /** The longest pause between two attempts, in milliseconds. */
  readonly reconnectionDelayMax?: number
  /** Plain WebSocket: the maximum characters of a frame. Default: 65,536. */
  readonly limit?: number
  /** Plain WebSocket: the silence after which the hub pings the server, in milliseconds. Default: 25,000. */
  readonly pingAfterMs?: number
  /** Not allowed here: give credentials by the `auth` of `mount` or of the provider. It is called at every attempt. */
  readonly auth?: never
  readonly [option: string]: unknown
}

/** The options with their defaults, by the same names. */
export interface Configuration {
  readonly url: string | (() => string | Promise<string>)
  readonly name: string
  readonly debounce: { readonly waitMs: number; readonly maxWaitMs: number }
  readonly anyValues: readonly AnyValue[] | undefined
  readonly jitterMs: number
  readonly restartFetchAfterMs: number
  readonly polling: PollingTimes | undefined
  readonly shareFetches: { readonly timeoutMs: number; readonly build: string } | undefined
  readonly clearOnSwitch: boolean
  readonly lingerMs: number
  readonly host: 'auto' | Host
  readonly transport: TransportChoice
  readonly socket: Readonly<Record<string, unknown>>
  readonly envelope: Required<EnvelopeOption> | undefined
  readonly authTimeoutMs: number
}

const TRANSPORTS: readonly string[] = ['socket.io', 'websocket', 'sse'] satisfies TransportName[]
/** A shorter interval would poll in a tight loop. */
const MIN_POLLING_INTERVAL_MS = 1_000
/** No fetch is given up before: it would never end. */
const MIN_RESTART_FETCH_MS = 1_000

/** What the app alone knows the names in. */
const FREE_OPTIONS = {
  transport: 0,
  anyValues: 0,
  socket: 0,
  invalidates: 0,
  sends: 0,
  worker: 0,
  debug: 0,
  onError: 0,
}

/** Fills in the defaults. An option that can't work is reported, and its default taken. */
export function configure(options: PartylineOptions<never, never>, report: Report): Configuration {
  const bad = (option: string, why: string) => report('bad-option', `${option} ${why}`, { detail: { option } })

  const milliseconds = (option: string, value: number | undefined, byDefault: number): number => {
    if (value === undefined) return byDefault
    if (typeof value === 'number' && value >= 0 && Number.isFinite(value)) return value
    bad(option, `has to be a number of milliseconds, not ${String(value)}`)
    return byDefault
  }

  const polling = (): PollingTimes | undefined => {
    if (!options.polling) return undefined
    const { downForMs, intervalMs } = options.polling === true ? {} : options.polling
    return {
      downForMs: milliseconds('polling.downForMs', downForMs, 30_000),
      intervalMs: Math.max(MIN_POLLING_INTERVAL_MS, milliseconds('polling.intervalMs', intervalMs, 15_000)),
    }
  }

  const shareFetches = () => {
    if (!options.shareFetches) return undefined
    const { timeoutMs, build = '' } = options.shareFetches === true ? {} : options.shareFetches
    return { timeoutMs: milliseconds('shareFetches.timeoutMs', timeoutMs, 5_000), build: String(build) }
  }

  const transport = (): TransportChoice => {
    const { transport: given = 'socket.io' } = options
    if (typeof given === 'string' && TRANSPORTS.includes(given)) return { name: given }
    const { name, load } = Object(given) as Partial<OwnTransport>
    if (typeof name === 'string' && load && !TRANSPORTS.includes(name)) return { name, load }
    bad('transport', `has to be one of ${TRANSPORTS}, or { name, load } with another name`)
    return { name: 'socket.io' }
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

  const envelope = () => {
    if (options.envelope === undefined) return undefined
    const {
      on = 'message',
      event,
      metadata,
    } = Object(options.envelope) as Partial<Record<keyof EnvelopeOption, unknown>>
    const isName = (value: unknown): value is string => typeof value === 'string' && value !== ''
    if (isName(on) && isName(event) && (metadata === undefined || isName(metadata))) return { on, event, metadata }
    bad('envelope', "has to be names: { on: 'data', event: 'type', metadata: 'payload' }")
    return undefined
  }

  const anyValues = () => {
    const { anyValues: given } = options
    if (given === undefined || Array.isArray(given)) return given
    bad('anyValues', 'has to be a list of values')
    return undefined
  }

  const url = () => {
    const { url: given } = options
    if (typeof given === 'function' || (typeof given === 'string' && given !== '')) return given
    if (given !== undefined) bad('url', "has to be the server's address, or a function that gives it")
    return '/'
  }

  const waitMs = milliseconds('debounce.waitMs', options.debounce?.waitMs, 100)
  const maxWaitMs = milliseconds('debounce.maxWaitMs', options.debounce?.maxWaitMs, 1_000)
  const host = options.host ?? 'auto'
  const known = ['auto', 'shared-worker', 'leader-tab', 'this-tab'].includes(host)
  if (!known) bad('host', `has to be 'auto', 'shared-worker', 'leader-tab' or 'this-tab', not '${String(host)}'`)
  const configuration: Configuration = {
    url: url(),
    name: options.name ?? 'app',
    debounce: { waitMs, maxWaitMs: Math.max(waitMs, maxWaitMs) },
    anyValues: anyValues(),
    jitterMs: milliseconds('jitterMs', options.jitterMs, 2_000),
    restartFetchAfterMs: Math.max(
      MIN_RESTART_FETCH_MS,
      milliseconds('restartFetchAfterMs', options.restartFetchAfterMs, 10_000),
    ),
    polling: polling(),
    shareFetches: shareFetches(),
    clearOnSwitch: options.clearOnSwitch === true,
    lingerMs: milliseconds('lingerMs', options.lingerMs, 5_000),
    host: known ? host : 'auto',
    transport: transport(),
    socket: socket(),
    envelope: envelope(),
    authTimeoutMs: milliseconds('authTimeoutMs', options.authTimeoutMs, 10_000),
  }
  try {
    // Bundlers replace the whole of `process.env.NODE_ENV`, and drop the check from what they build for production.
    if (process.env.NODE_ENV !== 'production') reportUnknown(options, { ...configuration, ...FREE_OPTIONS }, '', bad)
  } catch {
    // No bundler and no `process`: no check.
  }
  return configuration
}

/** Reports names that are no options: an old name, a misspelling. */
function reportUnknown(given: object, known: object, prefix: string, bad: (option: string, why: string) => void): void {
  for (const [name, value] of Object.entries(given)) {
    const expected = Object.entries(known).find(([other]) => other === name)
    const meant = Object.keys(known).find((other) => other.startsWith(name))
    if (!expected) bad(prefix + name, `is not an option${meant ? `. Did you mean ${prefix}${meant}?` : ''}`)
    else if (typeof expected[1] === 'object') reportUnknown(Object(value), expected[1], `${prefix}${name}.`, bad)
  }
}
