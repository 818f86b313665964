import type { SessionInside } from '../inspect/context.js'
import { createInvalidator } from '../invalidation/invalidator.js'
import type { LogicalClock } from '../invalidation/logical-clock.js'
import type { PendingChanges, PendingFetches } from '../invalidation/pending.js'
import { liveModeOf, type QueryClientSlice } from '../invalidation/query-client.js'
import type { Receipt } from '../invalidation/receipt.js'
import { type CompiledRule, compileRule } from '../invalidation/rule.js'
import type { Sharing, SharingOptions } from '../invalidation/sharing.js'
import type { QueryKey } from '../invalidation/target.js'
import { createLink } from '../link/link.js'
import type { LinkState, Position } from '../link/link-options.js'
import { followRung } from '../link/rungs.js'
import type { TabHubs } from '../link/this-tab-rung.js'
import { checkPowers } from '../platform/check-powers.js'
import type { LinePowers, LoadChunk } from '../platform/line-powers.js'
import { browserEnvironment, type TabEnvironment } from '../platform/page.js'
import type { SignOutWatch } from '../platform/sign-out-marks.js'
import { pause } from '../platform/timeouts.js'
import { messageOf, type Report } from '../util/errors.js'
import { growingPause } from '../util/growing-pause.js'
import { checkOf, keyOf } from '../wire/key.js'
import { type CredentialsAnswer, type EventPair, isMetadata } from '../wire/protocol.js'
import type { Gap } from '../wire/status.js'
import { createHosts, preloadTabHosts } from './hosts.js'
import type { Messages, SendOver } from './message.js'
import type { Configuration } from './options.js'
import { createPolling } from './polling.js'
import { createSends } from './sends.js'
import { createTabTopics, type TopicUse } from './topics.js'
import { createUrlSource } from './url-source.js'

/** Between two attempts to load the code of shared fetches. */
const SHARING_PAUSE = { minMs: 5_000, maxMs: 300_000 }

/**
 * Gives credentials for the server. Called at every connection attempt. Plain data. With a number `expiresAt` in it
 * (milliseconds since the Unix epoch), they are renewed before that moment.
 */
export type Auth = () => GivenCredentials | Promise<GivenCredentials>
/** An object, or nothing where a cookie is enough. `then`: a promise of something else is none. */
export type GivenCredentials = (object & { readonly expiresAt?: unknown; readonly then?: never }) | null | undefined

/** What a session asks of its line, and what it tells it. */
export interface SessionHandlers {
  auth(): Auth | undefined
  /** The names of the events that are mapped or have a handler. */
  events(): readonly string[]
  /** Those that have a handler `in: 'one-tab'`, and since when. Milliseconds of the monotonic clock. */
  oneTab(): readonly (readonly [event: string, since: number])[]
  /** The app's `auth` was asked. Gives the same answer. */
  onAsked(answer: Promise<CredentialsAnswer>): Promise<CredentialsAnswer>
  /** Whether anybody listens to receipts. */
  isWatched(): boolean
  onState(state: LinkState): void
  /**
   * `agesMs`: how long ago each of them came to the hub, if they are sent again. `visibleSince`: of the page, by the monotonic
   * clock. Undefined while it is hidden. Milliseconds.
   */
  onEvents(events: readonly EventPair[], agesMs: readonly number[] | undefined, visibleSince: number | undefined): void
  onGap(gap: Gap): void
  onReceipt(receipt: Receipt): void
  onPending(pending: PendingFetches): void
}

export interface SessionOptions {
  readonly url: string
  readonly identity: string
  /** This tab's id. */
  readonly tab: string
  readonly client: QueryClientSlice
  readonly signOuts: SignOutWatch
  readonly logicalClock: LogicalClock
  readonly topics: ReadonlySet<TopicUse>
  readonly handlers: SessionHandlers
}

/** A link and an invalidator for one identity, from sign-in to sign-out. */
export interface Session {
  /** The app's handlers, or its topics, have changed. */
  subscriptionsChanged(): void
  /** Makes an attempt to connect, where one waits. `mount`: maybe there are other credentials. */
  retry(why: 'retry' | 'mount' | 'reachable'): void
  pendingChanges(queryKey: QueryKey): PendingChanges
  refresh(queryKey: QueryKey): void
  readonly send: SendOver
  signOut(): void
  /** For an inspector. */
  readonly inside: SessionInside
  /** `release`: the identity has ended here, so a hub without other tabs closes its socket at once. */
  close(release: boolean): void
}

/** The clocks of a page that has not slept agree, but for less than this. */
const MAX_CLOCK_DRIFT_MS = 500

interface FactoryOptions {
  readonly powers: LinePowers
  /** @default the real browser's powers */
  readonly environment: TabEnvironment | undefined
  readonly openSharedWorker: LinePowers['openSharedWorker']
  readonly invalidates: Readonly<Record<string, unknown>>
  readonly sends: Messages
  readonly configuration: Configuration
  readonly loadChunk: LoadChunk
  readonly report: Report
}

/** What all sessions of one line have in common. */
interface SessionContext {
  readonly environment: TabEnvironment
  readonly rules: ReadonlyMap<string, CompiledRule>
  readonly sends: Messages
  readonly hubs: TabHubs
  /** What former sessions have delivered, by key. */
  readonly positions: Map<string, Position>
  readonly loadChunk: LoadChunk
  readonly configuration: Configuration
  readonly report: Report
}

/** Opens the sessions of one line. */
export interface SessionFactory {
  readonly rules: ReadonlyMap<string, CompiledRule>
  /** The server's address, absolute. */
  askForUrl(): Promise<string>
  open(options: SessionOptions): Session
}

/** This file is a chunk of its own, loaded when somebody is signed in: until then a page has no use for it. */
export async function createSessionFactory(options: FactoryOptions): Promise<SessionFactory> {
  const { invalidates, powers, openSharedWorker, ...given } = options
  const { report, loadChunk, configuration } = given
  if (!openSharedWorker || configuration.host.endsWith('-tab')) preloadTabHosts(loadChunk)
  const environment = await checkPowers({ ...(given.environment ?? browserEnvironment(powers)), openSharedWorker })
  const rules = new Map(Object.entries(invalidates).map(([event, rule]) => [event, compileRule(event, rule, report)]))
  const context: SessionContext = { ...given, environment, rules, hubs: new Map(), positions: new Map() }
  return {
    rules,
    askForUrl: createUrlSource(context),
    open: (session) => openSession(session, context),
  }
}

function openSession(options: SessionOptions, context: SessionContext): Session {
  const { url, identity, client, logicalClock, handlers } = options
  const { environment, rules, positions, configuration, loadChunk, report } = context
  const { clock } = environment
  const { name, transport, socket, envelope, lingerMs, authTimeoutMs, shareFetches } = configuration
  const settings = { url, identity, transport: transport.name, socket, envelope, lingerMs, authTimeoutMs }
  const key = keyOf(name, settings)
  /** Until a sign-out or the session's end. */
  const life = new AbortController()

  const invalidator = createInvalidator({
    ...configuration,
    client,
    rules,
    logicalClock,
    environment,
    onReceipt: handlers.onReceipt,
    onPending: handlers.onPending,
    onThrown: (cause) =>
      report('handler-failed', `a function in a query's options threw: ${messageOf(cause)}`, { cause }),
    isWatched: handlers.isWatched,
    sharing:
      shareFetches &&
      ((hooks) => {
        const { build, timeoutMs } = shareFetches
        const name = build === '' ? key : `${key}/${build}`
        const version = () => (link.state().tabs > 1 ? link.position() : undefined)
        return loadSharing(loadChunk, life.signal, { ...hooks, name, timeoutMs, client, environment, version, report })
      }),
  })
  // What the invalidator still holds is nobody's from now on.
  const end = () => {
    life.abort()
    invalidator.close()
  }
  /**
   * The age of this page: it fetched nothing before. By both clocks, since the monotonic one stands still while some machines
   * sleep, and the server has not slept meanwhile.
   */
  const pageAgeMs = () => Math.max(clock.monotonic(), clock.now() - clock.origin)
  const topics = createTabTopics({
    uses: options.topics,
    report,
    monotonic: clock.monotonic,
    onJoined({ at, quietForMs }, keys) {
      // What was fetched before a sleep seems younger than it is.
      const hasSlept = pageAgeMs() - clock.monotonic() > MAX_CLOCK_DRIFT_MS
      invalidator.topicJoined(hasSlept ? at : at - quietForMs, keys)
    },
  })
  // What this page fetched is covered. What it was loaded with (a restored cache, server rendering) is older.
  const visibility = watchVisibility(environment, life.signal)
  const onVouched = () => invalidator.resync(-1, false)
  const polling = configuration.polling && createPolling(configuration.polling, environment, invalidator.poll)

  const receive = createReceiver({ handlers, logicalClock, visibility, invalidator })

  const link = createLink({
    environment,
    key,
    tab: options.tab,
    check: checkOf(name, settings),
    settings,
    signOuts: options.signOuts,
    rungs: createHosts(key, context),
    follow: followRung(environment, key),
    heard: positions.get(key),
    events: handlers.events,
    topics: topics.names,
    oneTab: () => ({ names: handlers.oneTab(), hiddenForMs: visibility.hiddenForMs() }),
    auth: () => handlers.onAsked(readCredentials(handlers.auth(), clock.now(), report)),
    report,
    onState(state) {
      // Here or in another tab.
      if (state.phase === 'signed-out') end()
      const isConnected = state.phase === 'attached' && state.socket?.name === 'connected'
      // A parked page can neither fetch nor show anything.
      const isDown = state.phase === 'seeking' || (state.phase === 'attached' && !isConnected)
      polling?.[isDown ? 'down' : 'up']()
      topics.connected(isConnected)
      handlers.onState(state)
    },
    onEvents: receive,
    onGap(reason, flaps, quietForMs = 0) {
      // Nothing was sent since before this page began to load.
      if (pageAgeMs() <= quietForMs) return onVouched()
      invalidator.resync(clock.monotonic(), true, flaps)
      handlers.onGap({ reason, until: clock.now() })
    },
    onVouched,
    onTopics: topics.answered,
  })

  return {
    subscriptionsChanged() {
      // A change of page leaves a topic and joins it again at once.
      void Promise.resolve().then(() => {
        const { phase } = link.state()
        if (phase === 'signed-out' || phase === 'closed') return
        topics.update()
        link.subscriptionsChanged()
      })
    },
    retry: link.retry,
    pendingChanges: invalidator.pendingChanges,
    refresh: invalidator.refresh,
    send: createSends(context, link.send, life.signal),
    signOut: link.signOut,
    inside: { key, url, rules, link, invalidator, topics, compileRule, liveModeOf, receive, events: handlers.events },
    close(release) {
      end()
      const position = link.position()
      if (position) positions.set(key, position)
      link.close(release)
    },
  }
}

/** Takes events: of the server, or of a test of the app (`line.emitLocal`). */
const createReceiver =
  ({
    handlers,
    logicalClock,
    visibility,
    invalidator,
  }: Pick<SessionOptions, 'handlers' | 'logicalClock'> & {
    readonly visibility: ReturnType<typeof watchVisibility>
    readonly invalidator: Pick<ReturnType<typeof createInvalidator>, 'push'>
  }) =>
  (events: readonly EventPair[], agesMs?: readonly number[]): void => {
    // Handlers first: somebody waits for them. What they fetch comes after the events, though.
    const heard = logicalClock.next()
    handlers.onEvents(events, agesMs, visibility.since())
    invalidator.push(events.some(isHandedOn) ? events.filter((event) => !isHandedOn(event)) : events, heard)
  }

/** Its queries were seen to when it came first. */
const isHandedOn = (event: EventPair) => event[2]?.isHandedOn === true

/** Since when a page is visible, or hidden. */
function watchVisibility({ clock, page }: Pick<TabEnvironment, 'clock' | 'page'>, signal: AbortSignal) {
  let wasVisible = page.isVisible()
  // Before the session nobody looked: since the page's load.
  let since = 0
  function become(isVisible: boolean): void {
    if (isVisible !== wasVisible) since = clock.monotonic()
    wasVisible = isVisible
  }
  const stops = [
    page.on('visible', () => become(true)),
    page.on('hidden', () => become(false)),
    page.on('away', () => become(false)),
    page.on('back', () => become(page.isVisible())),
  ]
  signal.addEventListener('abort', () => {
    for (const stop of stops) stop()
  })
  return {
    /** Undefined while it is hidden. */
    since: () => (wasVisible ? since : undefined),
    hiddenForMs: () => (wasVisible ? 0 : Math.max(1, clock.monotonic() - since)),
  }
}

/** A chunk of its own: only an app that asks for it pays for it. Until it is there, this tab fetches for itself. */
async function loadSharing(
  loadChunk: LoadChunk,
  signal: AbortSignal,
  options: SharingOptions & { readonly environment: TabEnvironment },
): Promise<Sharing | undefined> {
  const { timers, random } = options.environment
  for (let failures = 0; !signal.aborted; failures++) {
    try {
      const { createSharing } = await loadChunk(() => import('../invalidation/sharing.js'), 'createSharing')
      return createSharing(options)
    } catch (thrown) {
      if (failures === 0) {
        options.report('share-failed', `this tab fetches for itself: ${messageOf(thrown)}`, { cause: thrown })
      }
      await pause(timers.after, growingPause(failures, random, SHARING_PAUSE), signal)
    }
  }
  return undefined
}

/** The app's answer, brought to plain data: what can't cross to the hub must fail here, where it can be explained. */
export async function readCredentials(auth: Auth | undefined, now: number, report: Report): Promise<CredentialsAnswer> {
  /** What is wrong with what the app gave, in words that quote nothing of it. */
  let fault: string | undefined
  const refuse = (why: string): never => {
    fault = why
    throw new TypeError(`auth ${why}`)
  }
  try {
    // In JavaScript an app may give the credentials themselves.
    if (auth && typeof auth !== 'function') return refuse(`is no function, but of type ${typeof auth}`)
    const answer = await auth?.()
    if (answer === undefined || answer === null) return { ok: true, auth: undefined }
    if (typeof answer !== 'object') return refuse(`gave no object, but a ${typeof answer}`)
    const { expiresAt } = answer
    const ends = typeof expiresAt === 'number' && expiresAt > now && Number.isFinite(expiresAt)
    if (expiresAt !== undefined && !ends) {
      report('bad-option', 'expiresAt of what auth gave has to be a future moment, in milliseconds since 1970', {
        detail: { option: 'auth.expiresAt' },
      })
    }
    // An object may choose what it is as JSON.
    const plain: unknown = JSON.parse(JSON.stringify(answer))
    if (!isMetadata(plain)) return refuse('gave no plain object')
    return { ok: true, auth: plain, ...(ends && { expiresAt }) }
  } catch (thrown) {
    // What was thrown may quote the credentials (a JSON parser does), and this goes to every tab, over a channel too.
    const message =
      fault === undefined
        ? `auth failed with ${kindOf(thrown)}`
        : `auth ${fault}: it is a function that gives the credentials, as () => ({ token })`
    report('auth-failed', message, { cause: thrown })
    return { ok: false, message }
  }
}

/** The name of an error's class, or the type of a value that is no error. */
function kindOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? String(thrown.name) : typeof thrown
  } catch {
    // A revoked proxy has neither.
    return 'something that has no name'
  }
}
