import { createElector } from '../election/create-elector.js'
import type { Elector } from '../election/elector.js'
import { createInvalidator } from '../invalidation/invalidator.js'
import type { LogicalClock } from '../invalidation/logical-clock.js'
import type { QueryClientSlice } from '../invalidation/query-client.js'
import type { Receipt } from '../invalidation/receipt.js'
import { type CompiledRule, compileRule } from '../invalidation/rule.js'
import type { Sharing, SharingOptions } from '../invalidation/sharing.js'
import { leaderTabRung } from '../link/leader-tab-rung.js'
import { createLink } from '../link/link.js'
import type { LinkState } from '../link/link-options.js'
import { followRung, type LoadHub, type Rung, sharedWorkerRung, type TabHubs, thisTabRung } from '../link/rungs.js'
import { checkPowers } from '../platform/check-powers.js'
import { browserEnvironment, type TabEnvironment, type WorkerFactory } from '../platform/page.js'
import { messageOf, type Report } from '../util/errors.js'
import { checkOf, keyOf } from '../wire/key.js'
import { type CredentialsAnswer, type EventPair, isMetadata } from '../wire/protocol.js'
import type { Gap } from '../wire/status.js'
import type { LoadChunk } from './load-chunk.js'
import type { Configuration } from './options.js'
import { createPolling } from './polling.js'
import { createTabTopics, type TopicUse } from './topics.js'
import { createUrlSource } from './url-source.js'

/**
 * Gives credentials for the server; called at every connection attempt. Plain data. With a number `expiresAt` in it
 * (milliseconds since the Unix epoch), they are renewed before that moment.
 */
export type Auth = () => GivenCredentials | Promise<GivenCredentials>
type GivenCredentials = (object & { readonly expiresAt?: unknown }) | null | undefined

/** What a session asks of its line, and what it tells it. */
export interface SessionHandlers {
  auth(): Auth | undefined
  /** The names of the events that are mapped or have a handler. */
  events(): readonly string[]
  /** Whether anybody listens to receipts. */
  isWatched(): boolean
  onState(state: LinkState): void
  /** `agesMs`: how long ago each of them came to the hub, if they are sent again. */
  onEvents(events: readonly EventPair[], agesMs?: readonly number[]): void
  onGap(gap: Gap): void
  onReceipt(receipt: Receipt): void
}

export interface SessionOptions {
  readonly url: string
  readonly identity: string
  /** This tab's id. */
  readonly tab: string
  readonly client: QueryClientSlice
  readonly logicalClock: LogicalClock
  readonly topics: ReadonlySet<TopicUse>
  readonly handlers: SessionHandlers
}

/** A link and an invalidator for one identity, from sign-in to sign-out. */
export interface Session {
  /** The app's handlers, or its topics, have changed. */
  subscriptionsChanged(): void
  /** Makes an attempt to connect, where one waits. `mount`: maybe there are other credentials. */
  retry(why: 'retry' | 'mount'): void
  signOut(): void
  /** `release`: the identity has ended here, so a hub without other tabs closes its socket at once. */
  close(release: boolean): void
}

interface FactoryOptions {
  /** @default the real browser's powers */
  readonly environment: TabEnvironment | undefined
  readonly worker: WorkerFactory | undefined
  readonly invalidates: Readonly<Record<string, unknown>>
  readonly configuration: Configuration
  readonly loadChunk: LoadChunk
  readonly report: Report
}

/** What all sessions of one line have in common. */
interface SessionContext {
  readonly environment: TabEnvironment
  readonly rules: ReadonlyMap<string, CompiledRule>
  readonly hubs: TabHubs
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
export async function createSessionFactory({ invalidates, worker, ...given }: FactoryOptions): Promise<SessionFactory> {
  const { report } = given
  const environment = await checkPowers(given.environment ?? browserEnvironment(worker))
  const rules = new Map(Object.entries(invalidates).map(([event, rule]) => [event, compileRule(event, rule, report)]))
  const context: SessionContext = { ...given, environment, rules, hubs: new Map() }
  return {
    rules,
    askForUrl: createUrlSource(context),
    open: (session) => openSession(session, context),
  }
}

function openSession(options: SessionOptions, context: SessionContext): Session {
  const { url, identity, client, logicalClock, handlers } = options
  const { environment, rules, configuration, loadChunk, report } = context
  const { clock } = environment
  const { shareFetches } = configuration
  const { name, transport, socket, lingerMs, authTimeoutMs } = configuration
  const settings = { url, identity, transport, socket, lingerMs, authTimeoutMs }
  const key = keyOf(name, settings)

  const invalidator = createInvalidator({
    client,
    rules,
    debounce: configuration.debounce,
    anyValues: configuration.anyValues,
    jitterMs: configuration.jitterMs,
    logicalClock,
    environment,
    onReceipt: handlers.onReceipt,
    isWatched: handlers.isWatched,
    sharing:
      shareFetches &&
      ((hooks) => {
        const { build, timeoutMs } = shareFetches
        const name = build === '' ? key : `${key}/${build}`
        const version = () => (link.state().tabs > 1 ? link.position() : undefined)
        return loadSharing(loadChunk, { ...hooks, name, timeoutMs, client, environment, version, report })
      }),
  })
  const topics = createTabTopics({
    uses: options.topics,
    report,
    // By the wall clock of the hub: if this page's clock is ahead, no data counts as younger than it is.
    onJoined: (at, keys) => invalidator.topicJoined(clock.monotonic() - Math.max(clock.now() - at, 0), keys),
  })
  const polling = configuration.polling && createPolling(configuration.polling, environment, invalidator.poll)

  const link = createLink({
    environment,
    key,
    tab: options.tab,
    check: checkOf(name, settings),
    settings,
    rungs: createRungs(key, context),
    follow: followRung(environment, key),
    events: handlers.events,
    topics: topics.names,
    auth: () => readCredentials(handlers.auth(), clock.now(), report),
    report,
    onState(state) {
      // Here or in another tab. What the invalidator still holds is nobody's from now on.
      if (state.phase === 'signed-out') invalidator.close()
      const isConnected = state.phase === 'attached' && state.socket?.name === 'connected'
      // A parked page can neither fetch nor show anything.
      const isDown = state.phase === 'seeking' || (state.phase === 'attached' && !isConnected)
      if (isDown) polling?.down()
      else polling?.up()
      topics.connected(isConnected)
      handlers.onState(state)
    },
    onEvents(events, agesMs) {
      // Handlers first: somebody waits for them. What they fetch comes after the events, though.
      const heard = logicalClock.next()
      handlers.onEvents(events, agesMs)
      invalidator.push(events, heard)
    },
    onGap(reason, flaps) {
      invalidator.resync(clock.monotonic(), true, flaps)
      handlers.onGap({ reason, until: clock.now() })
    },
    // What this page fetched is covered. What it was loaded with (a restored cache, server rendering) is older.
    onVouched: () => invalidator.resync(-1, false),
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
    signOut: link.signOut,
    close(release) {
      invalidator.close()
      link.close(release)
    },
  }
}

/** A chunk of its own: only an app that asks for it pays for it. */
async function loadSharing(loadChunk: LoadChunk, options: SharingOptions): Promise<Sharing | undefined> {
  try {
    const { createSharing } = await loadChunk(() => import('../invalidation/sharing.js'), 'createSharing')
    return createSharing(options)
  } catch (thrown) {
    options.report('share-failed', `this tab fetches for itself: ${messageOf(thrown)}`, { cause: thrown })
    return undefined
  }
}

/** The ladder's rungs, from the best one down; only one if the app forces a host. */
function createRungs(key: string, { environment, hubs, configuration, loadChunk }: SessionContext): readonly Rung[] {
  const loadCode = () => loadChunk(() => import('../hub/tab-hub.js'), 'serveTabHub')
  const load = (host: 'leader-tab' | 'this-tab'): LoadHub => {
    const loadHub = async (elector: Elector) => {
      const { serveTabHub } = await loadCode()
      return serveTabHub({ environment, key, host, elector })
    }
    return Object.assign(loadHub, { preload: loadCode })
  }
  const elector = createElector(environment, key)
  const rungs = [
    sharedWorkerRung(environment.openSharedWorker, key),
    leaderTabRung({ environment, key, elector, load: load('leader-tab') }),
    thisTabRung({ environment, key, hubs, load: load('this-tab') }),
  ]
  return configuration.host === 'auto' ? rungs : rungs.filter((rung) => rung.host === configuration.host)
}

/** The app's answer, brought to plain data: what can't cross to the hub must fail here, where it can be explained. */
export async function readCredentials(auth: Auth | undefined, now: number, report: Report): Promise<CredentialsAnswer> {
  try {
    const answer = await auth?.()
    if (answer === undefined || answer === null) return { ok: true, auth: undefined }
    if (typeof answer !== 'object') throw new TypeError(`auth gave a ${typeof answer}, not an object`)
    const { expiresAt } = answer
    const ends = typeof expiresAt === 'number' && expiresAt > now && Number.isFinite(expiresAt)
    if (expiresAt !== undefined && !ends) {
      report('bad-option', 'expiresAt of what auth gave has to be a future moment, in milliseconds since 1970', {
        detail: { option: 'auth.expiresAt' },
      })
    }
    // An object may choose what it is as JSON.
    const plain: unknown = JSON.parse(JSON.stringify(answer))
    if (!isMetadata(plain)) throw new TypeError('auth gave what is no plain object')
    return { ok: true, auth: plain, ...(ends && { expiresAt }) }
  } catch (thrown) {
    // What was thrown may quote the credentials (a JSON parser does), and this goes to every tab, over a channel too.
    const message = `auth failed with ${kindOf(thrown)}`
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
