import { clearClient, fetchEmptied } from '../invalidation/clear.js'
import type { Receipt } from '../invalidation/receipt.js'
import { commonEnvironment, type HubEnvironment, isPage } from '../platform/environment.js'
import type { TabEnvironment } from '../platform/page.js'
import { createReport, messageOf, type Report } from '../util/errors.js'
import { createListeners } from '../util/listeners.js'
import type { Metadata } from '../wire/protocol.js'
import type { Status } from '../wire/status.js'
import { createEventHandlers } from './event-handlers.js'
import { createMounts, type MountedSession, type MountOptions } from './mounts.js'
import { configure, type PartylineOptions } from './options.js'
import { createOwnWrites } from './own-writes.js'
import type { SessionFactory } from './session.js'
import { createStatusStore } from './status-store.js'
import type { TopicOptions, TopicState, TopicUse } from './topics.js'

/** After this long (ms) a url function that failed is called again, and code that could not be loaded is loaded again. */
const OPEN_RETRY_MS = 5_000

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
  /** Calls back when `status` has changed; returns the way to stop. */
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
  /** This tab's id: the names of its requests begin with it. */
  readonly origin: string
  /**
   * Runs a request that changes something, with headers that name it for the server (`x-partyline-origin`). When the
   * server sends the name back with the events that the request caused, this tab does not refetch what it has fetched,
   * or set by `setQueryData`, since the answer; other tabs do. Gives what `run` gives, and fails as `run` fails.
   */
  request<T>(run: (headers: Record<string, string>) => Promise<T>): Promise<T>
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
export function createPartyline<Events>(
  options: PartylineOptions<Events>,
  /** @internal */
  environment?: TabEnvironment,
): Line<Events> {
  const report = createReport(
    options.onError,
    (run) => void Promise.resolve().then(run),
    (message) => console.warn(message),
  )
  const configuration = configure(options as PartylineOptions<never>, report)
  const powers: HubEnvironment | undefined = environment ?? (isPage() ? commonEnvironment() : undefined)
  const now = () => powers?.clock.now() ?? Date.now()
  let origin: string | undefined
  const getOrigin = () => {
    origin ??= powers?.id() ?? ''
    return origin
  }

  const status = createStatusStore(now, report)
  const events = createEventHandlers(report, subscriptionsChanged)
  const topics = createTopicUses(report, subscriptionsChanged)
  const receipts = createListeners<Receipt>(report, 'onReceipt')
  const writes = createOwnWrites(getOrigin, now, (ms, run) => powers?.timers.after(ms, run))
  const prepare = createPreparation(configuration.url, loadFactory, report)
  const mounts = createMounts(
    {
      open: (mounted) => void open(mounted),
      onState: status.link,
      onSigningOut: status.signedOut,
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

  function subscriptionsChanged(): void {
    const state = mounts.current?.state
    if (state?.name === 'open') state.session.subscriptionsChanged()
  }

  function loadFactory(): Promise<SessionFactory> {
    const { invalidates = {}, worker } = options
    return import('./session.js').then(({ createSessionFactory }) =>
      createSessionFactory({ environment, worker, invalidates, configuration, report }),
    )
  }

  async function open(mounted: MountedSession): Promise<void> {
    try {
      const [factory, url] = await prepare()
      if (mounted.state.name !== 'ended') connect(mounted, url, factory)
    } catch {
      powers?.timers.after(OPEN_RETRY_MS, () => {
        if (mounted.state.name !== 'ended') void open(mounted)
      })
    }
  }

  function connect(mounted: MountedSession, url: string, factory: SessionFactory): void {
    try {
      const session = factory.open({
        url,
        identity: mounted.identity,
        tab: getOrigin(),
        client: mounted.client,
        logicalClock: writes.logicalClock,
        topics: topics.all,
        handlers: {
          auth: () => mounted.auth,
          events: () => [...new Set([...factory.rules.keys(), ...events.names()])],
          isWatched: () => receipts.size > 0,
          onState: (state) => mounts.linkChanged(mounted, state),
          onEvents: (pairs) => events.deliver(pairs, factory.rules),
          onGap: status.gap,
          onReceipt: receipts.emit,
        },
      })
      mounts.opened(mounted, session)
    } catch (thrown) {
      report('bad-option', `the line can't be opened: ${messageOf(thrown)}`, { cause: thrown })
    }
  }

  return {
    mount: (mounting) => (powers ? mounts.mount(mounting) : () => undefined),
    get status() {
      return status.get()
    },
    subscribe: status.subscribe,
    on: (event, handler) => events.add(event, handler as (metadata: never) => void),
    topic: topics.add,
    onReceipt: receipts.add,
    get origin() {
      return getOrigin()
    },
    request: writes.run,
    signOut: mounts.signOut,
  }
}

/** Gets what a session needs: its code, which may be there the next time if not now, and the server's address. */
function createPreparation(
  url: string | (() => string | Promise<string>),
  loadFactory: () => Promise<SessionFactory>,
  report: Report,
) {
  let loading: Promise<SessionFactory> | undefined

  function load(): Promise<SessionFactory> {
    loading ??= loadFactory().catch((thrown: unknown) => {
      loading = undefined
      report('no-host', `Partyline's own code could not be loaded: ${messageOf(thrown)}`, { cause: thrown })
      throw thrown
    })
    return loading
  }

  async function askForUrl(): Promise<string> {
    try {
      return typeof url === 'string' ? url : await url()
    } catch (thrown) {
      report('connect-failed', `the url function failed: ${messageOf(thrown)}`, { cause: thrown })
      throw thrown
    }
  }

  return () => Promise.all([load(), askForUrl()])
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
