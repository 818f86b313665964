import { clearClient, fetchEmptied } from '../invalidation/clear.js'
import type { PendingChanges } from '../invalidation/pending.js'
import type { Receipt } from '../invalidation/receipt.js'
import type { QueryKey } from '../invalidation/target.js'
import { isPage } from '../platform/environment.js'
import { isServer, type LinePowers, type LoadChunk, linePowers } from '../platform/line-powers.js'
import { createSignOutMarks, watchSignOuts } from '../platform/sign-out-marks.js'
import { createReport, type Report } from '../util/errors.js'
import { createListeners } from '../util/listeners.js'
import { signOutNameOf } from '../wire/key.js'
import type { Metadata } from '../wire/protocol.js'
import type { Status } from '../wire/status.js'
import { createEventHandlers } from './event-handlers.js'
import { type LineEnvironment, startHints } from './line-hints.js'
import { createChunkLoader } from './load-chunk.js'
import { authOf, createMounts, type MountedSession, type MountOptions } from './mounts.js'
import { createOpener, NOT_OPENED } from './opening.js'
import { type CheckedOptions, configure, type PartylineOptions } from './options.js'
import { createOwnWrites } from './own-writes.js'
import type { Session, SessionFactory } from './session.js'
import { createStatusStore } from './status-store.js'
import type { TopicOptions, TopicState, TopicUse } from './topics.js'

/** What an event's handler receives: the type that its rule names, or any object. */
export type MetadataOf<M> = unknown extends M ? Metadata : M

/** One app's line to its server; made once, outside of React. */
export interface Line<Events> {
  /**
   * Connects for an identity; returns its unmount. Mounting again for the same identity and QueryClient joins the session
   * that is there; another identity ends the former session first.
   */
  mount(options: MountOptions): () => void
  /** The state of the connection; the same object until something changes. */
  readonly status: Status
  /** Calls back when `status` has changed, or what `pendingChanges` says; returns the way to stop. */
  subscribe(listener: () => void): () => void
  /** Calls back with each event's metadata, in every tab; returns the way to stop. */
  on<E extends keyof Events & string>(event: E, handler: (metadata: MetadataOf<Events[E]>) => void): () => void
  /**
   * Joins a topic at the server, for as long as any tab of this browser uses it; returns its leave. Its events are events
   * like all others. It may be called before anybody is signed in, and outlasts sessions.
   */
  topic(name: string, options?: TopicOptions): () => void
  /** Calls back with what each flush did; returns the way to stop. */
  onReceipt(handler: (receipt: Receipt) => void): () => void
  /**
   * What has changed in the data of the queries whose key begins with that one, and was not fetched since. For queries with
   * `meta: { live: 'manual' }`, whose data changes only when the user asks.
   */
  pendingChanges(queryKey: QueryKey): PendingChanges
  /** Fetches these queries, if something has changed and a component uses them. */
  refresh(queryKey: QueryKey): void
  /** A random id of this tab, for your own logs and headers. The line's own requests and events do not carry it. */
  readonly origin: string
  /**
   * Runs a request that changes something, with a header (`x-partyline-origin`) that holds a fresh secret. When the server
   * sends the secret's hash with the events that the request caused, this tab does not refetch what it has fetched, or set by
   * `setQueryData`, since the answer; other tabs do. On an insecure origin there is no header, and this tab refetches like
   * the others. Gives what `run` gives, and fails as `run` fails.
   */
  request<T>(run: (headers: Record<string, string>) => Promise<T>): Promise<T>
  /**
   * Makes an attempt to connect at once, where one waits: after `unauthorized` or `wrong-identity`, for example, when there
   * are new credentials. Does nothing while the line is connected, signed out, or not mounted.
   */
  retry(): void
  /** Ends this identity's session in every tab at once: the socket is closed and no event is delivered any more. */
  signOut(): void
}

/**
 * The events of a line, to share with the server: `createNotifier<EventsOf<typeof line>>(io)`. Import the line type-only
 * there: its code is the browser's.
 */
export type EventsOf<L> = L extends Line<infer Events> ? Events : never

/**
 * Makes a line: what each event makes stale, and how to reach the server. Nothing is opened until `mount`.
 * Never throws: an option that can't work is reported to `onError`.
 */
export function createPartyline<Events, const Given = unknown>(options: CheckedOptions<Events, Given>): Line<Events>
/** @internal */
export function createPartyline<Events, const Given = unknown>(
  options: CheckedOptions<Events, Given>,
  environment: LineEnvironment | undefined,
): Line<Events>
export function createPartyline<Events, const Given = unknown>(
  options: CheckedOptions<Events, Given>,
  environment?: LineEnvironment,
): Line<Events> {
  const powers: LinePowers | undefined = environment ?? (isPage() ? linePowers() : undefined)
  const hints = startHints(environment, powers, options, () => status.get())
  const report = hints?.report ?? createReport(options.onError)
  const configuration = configure(options as PartylineOptions<never>, report)
  const now = () => powers?.clock.now() ?? Date.now()
  const monotonic = () => powers?.clock.monotonic() ?? 0
  let origin: string | undefined
  const getOrigin = () => {
    origin ??= powers?.id() ?? ''
    return origin
  }

  const status = createStatusStore(now, report)
  const events = createEventHandlers(report, monotonic, () => subscriptionsChanged())
  const topics = createTopicUses(report, () => subscriptionsChanged())
  const receipts = createListeners<Receipt>(report, 'onReceipt')
  const writes = createOwnWrites({
    newSecret: () => powers?.id(),
    sha256: powers?.sha256,
    monotonic,
    after: (ms, run) => powers?.timers.after(ms, run),
  })
  const loadChunk = powers && createChunkLoader(powers, report)
  const opener =
    powers &&
    loadChunk &&
    createOpener({
      powers,
      preload: () => loadSessionCode(loadChunk),
      loadFactory: () => loadFactory(loadChunk),
      report,
      onFailed: status.opening,
      connect,
    })
  const signOutMarks =
    powers?.signOutMarks ?? createSignOutMarks({ openChannel: powers?.openChannel, id: () => powers?.id() ?? '' })
  const mounts = createMounts(
    {
      watchSignOuts: (identity) =>
        watchSignOuts(signOutMarks, signOutNameOf(configuration.name, { ...configuration, identity })),
      open: (mounted) => opener?.open(mounted) ?? NOT_OPENED,
      onState: status.link,
      onSignedOut: status.signedOut,
      onBegin(client) {
        if (configuration.clearOnSwitch) fetchEmptied(client)
        status.begin()
      },
      onEnd: status.idle,
      onIdentityEnd(client, isReplaced) {
        if (configuration.clearOnSwitch) clearClient(client, isReplaced)
      },
    },
    report,
  )

  function session(): Session | undefined {
    const state = mounts.current?.state
    return state?.name === 'open' ? state.session : undefined
  }

  const subscriptionsChanged = () => session()?.subscriptionsChanged()

  async function loadFactory(loadChunk: LoadChunk): Promise<SessionFactory> {
    const { invalidates = {}, worker } = options
    const { createSessionFactory } = await loadSessionCode(loadChunk)
    const factory = await createSessionFactory({ environment, worker, invalidates, configuration, loadChunk, report })
    hints?.watch(factory.rules)
    return factory
  }

  function connect(mounted: MountedSession, url: string, factory: SessionFactory): void {
    if (mounts.endIfSignedOut(mounted)) return
    const session = factory.open({
      url,
      identity: mounted.identity,
      tab: getOrigin(),
      client: mounted.client,
      signOuts: mounted.signOuts,
      logicalClock: writes.logicalClock,
      topics: topics.all,
      handlers: {
        auth: () => authOf(mounted),
        events: () => [...new Set([...factory.rules.keys(), ...events.names()])],
        isWatched: () => receipts.size > 0,
        onState: (state) => mounts.linkChanged(mounted, state),
        onEvents: (pairs, agesMs) => events.deliver(pairs, factory.rules, agesMs),
        onGap: status.gap,
        onReceipt: receipts.emit,
        onPending: status.pending,
      },
    })
    mounts.opened(mounted, session)
  }

  const mountNowhere = createMountNowhere(report)
  return {
    mount: powers ? (hints?.mount(mounts.mount) ?? mounts.mount) : mountNowhere,
    get status() {
      return status.get()
    },
    subscribe: status.subscribe,
    on: (event, handler) => events.add(event, handler as (metadata: never) => void),
    topic: topics.add,
    onReceipt: receipts.add,
    pendingChanges: (queryKey) => session()?.pendingChanges(queryKey) ?? NOTHING_PENDING,
    refresh: (queryKey) => session()?.refresh(queryKey),
    get origin() {
      return getOrigin()
    },
    request: writes.run,
    retry: mounts.retry,
    signOut: mounts.signOut,
  }
}

const NOTHING_PENDING: PendingChanges = { count: 0, isUncertain: false, since: undefined }

const loadSessionCode = (loadChunk: LoadChunk) => loadChunk(() => import('./session.js'), 'createSessionFactory')

/** What `mount` does where there is no page: a server that renders one has nothing to do; anything else can't have a line. */
function createMountNowhere(report: Report): Line<unknown>['mount'] {
  let isReported = false
  return () => {
    if (!isReported && !isServer()) {
      report('no-host', 'a line needs a page: here is no document, as in React Native or in a worker')
    }
    isReported = true
    return () => undefined
  }
}

/** The topics that the app uses in this tab; they outlast sessions. */
function createTopicUses(report: Report, onChanged: () => void) {
  const all = new Set<TopicUse>()
  return {
    all,
    add(name: string, options: TopicOptions = {}): () => void {
      const states = createListeners<TopicState>(report, `the topic '${name}'`)
      if (options.onState) states.add(options.onState)
      const use = { name, queryKeys: options.queryKeys, onState: states.emit }
      all.add(use)
      onChanged()
      return () => {
        if (all.delete(use)) onChanged()
      }
    },
  }
}
