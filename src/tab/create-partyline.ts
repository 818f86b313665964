import { clearClient, fetchEmptied } from '../invalidation/clear.js'
import type { Receipt } from '../invalidation/receipt.js'
import { SEEKING } from '../link/link-options.js'
import { commonEnvironment, type HubEnvironment, isPage } from '../platform/environment.js'
import type { TabEnvironment } from '../platform/page.js'
import { createReport, messageOf } from '../util/errors.js'
import { createListeners } from '../util/listeners.js'
import type { Metadata } from '../wire/protocol.js'
import type { Status } from '../wire/status.js'
import { createEventHandlers } from './event-handlers.js'
import { createMounts, type MountedSession, type MountOptions } from './mounts.js'
import { configure, type PartylineOptions } from './options.js'
import { createOwnWrites } from './own-writes.js'
import { createStatus } from './status-store.js'
import type { Tab } from './tab.js'
import type { TopicOptions, TopicState, TopicUse } from './topics.js'

/** A url function that failed, and code that could not be loaded, are asked for again after this long (ms). */
const RETRY = 5_000

/** What an event's handler receives: the type that its rule names, or any object. */
export type MetadataOf<M> = unknown extends M ? Metadata : M

/** One app's line to its server; made once, outside of React. */
export interface Line<Events> {
  /**
   * Connects for an identity; returns its unmount. Mounting again for the same identity and QueryClient joins what is
   * there; another identity ends the former session first.
   */
  mount(options: MountOptions): () => void
  /** Where the line stands; the same object until something changes. */
  readonly status: Status
  /** Calls back when `status` has changed; returns the way to stop. */
  subscribe(listener: () => void): () => void
  /** Calls back with each event's metadata, in every tab; returns the way to stop. */
  on<E extends keyof Events & string>(event: E, handler: (metadata: MetadataOf<Events[E]>) => void): () => void
  /**
   * Joins a topic at the server, for as long as any tab of this browser uses it; returns its leave. Its events are events
   * like all others. It may be asked for before anybody is signed in, and outlasts sessions.
   */
  topic(name: string, options?: TopicOptions): () => void
  /** Calls back with what each flush did; returns the way to stop. */
  onReceipt(handler: (receipt: Receipt) => void): () => void
  /** This tab's id: what the names of its requests begin with. */
  readonly origin: string
  /**
   * Runs a request that changes something, with headers that name it for the server (`x-partyline-origin`). When the
   * server sends the name back with the events that the request caused, this tab does not fetch anew what it has fetched,
   * or set by `setQueryData`, since the answer; other tabs do. Gives what `run` gives, and fails as `run` fails.
   */
  request<T>(run: (headers: Record<string, string>) => Promise<T>): Promise<T>
  /** Ends this identity's session in every tab at once: the socket is closed and nothing more is delivered. */
  signOut(): void
}

/**
 * Makes a line: what each event makes stale, and how to reach the server. Nothing is opened until `mount`.
 * Never throws: an option that can't work is told to `onError`.
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
  const invalidates: Readonly<Record<string, unknown>> = options.invalidates ?? {}
  const want = () => stays.current?.session?.subscriptionsChanged()
  const handlers = createEventHandlers(report, want)
  const topics = new Set<TopicUse>()
  const receipts = createListeners<Receipt>(report, 'onReceipt')
  const status = createStatus(now, report)
  const stays = createMounts({
    open: (stay) => void openStay(stay),
    onBegin: configuration.clearOnSwitch ? fetchEmptied : () => undefined,
    onEnd: status.idle,
    isSignedOut: () => status.get().name === 'signed-out',
    onSwitch: configuration.clearOnSwitch ? clearClient : () => undefined,
    report,
  })
  const requests = createOwnWrites(getOrigin, now, (ms, run) => powers?.timers.after(ms, run))
  let origin: string | undefined
  let loading: Promise<Tab> | undefined

  function getOrigin(): string {
    origin ??= powers?.id() ?? ''
    return origin
  }

  function loadTab(): Promise<Tab> {
    loading ??= import('./tab.js').then(
      ({ createTab }) => createTab({ environment, worker: options.worker, invalidates, report }),
      (thrown: unknown) => {
        // It may be there the next time.
        loading = undefined
        report('no-host', `Partyline's own code could not be loaded: ${messageOf(thrown)}`, { cause: thrown })
        throw thrown
      },
    )
    return loading
  }

  async function askForUrl(): Promise<string> {
    const { url } = configuration
    try {
      return typeof url === 'string' ? url : await url()
    } catch (thrown) {
      report('connect-failed', `the url function failed: ${messageOf(thrown)}`, { cause: thrown })
      throw thrown
    }
  }

  async function openStay(stay: MountedSession): Promise<void> {
    if (!powers) return
    status.begin()
    const retry = () => {
      if (!stay.ended) void openStay(stay)
    }
    try {
      const [tab, url] = await Promise.all([loadTab(), askForUrl()])
      if (!stay.ended) connect(stay, url, tab)
    } catch {
      powers.timers.after(RETRY, retry)
    }
  }

  function connect(stay: MountedSession, url: string, tab: Tab): void {
    try {
      stay.session = tab.open({
        configuration,
        url,
        identity: stay.identity,
        tab: getOrigin(),
        client: stay.client,
        order: requests.order,
        auth: () => stay.auth,
        topics,
        events: () => [...new Set([...tab.rules.keys(), ...handlers.names()])],
        onState: (state) => {
          // A farewell may outlast its stay.
          if (!stay.ended && !(stay.leaving && state.phase !== 'signed-out')) status.link(state)
        },
        onEvents: (events) => handlers.deliver(events, tab.rules),
        onGap: (reason, until) => status.gap({ reason, until }),
        onReceipt: receipts.emit,
        isWatched: () => receipts.size > 0,
      })
      if (stay.leaving) stay.session.signOut()
    } catch (thrown) {
      report('bad-option', `the line can't be opened: ${messageOf(thrown)}`, { cause: thrown })
    }
  }

  return {
    mount: (mounting) => (powers ? stays.mount(mounting) : () => undefined),
    get status() {
      return status.get()
    },
    subscribe: status.subscribe,
    on: (event, handler) => handlers.add(event, handler as (metadata: never) => void),
    topic(name, options = {}) {
      const states = createListeners<TopicState>(report, `the topic '${name}'`)
      if (options.onState) states.add(options.onState)
      const use = { name, queryKeys: options.queryKeys, onState: states.emit }
      topics.add(use)
      want()
      return () => {
        if (topics.delete(use)) want()
      }
    },
    onReceipt: receipts.add,
    get origin() {
      return getOrigin()
    },
    request: requests.run,
    signOut() {
      const stay = stays.current
      if (stay?.session) stay.session.signOut()
      else if (stay) {
        // It is still on its way: nobody is to connect for it.
        stay.leaving = true
        if (configuration.clearOnSwitch) clearClient(stay.client, false)
        status.link({ ...SEEKING, phase: 'signed-out', reason: 'signed out in this tab' })
      }
    },
  }
}
