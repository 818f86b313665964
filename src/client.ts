import { browserEnvironment, type Environment } from './environment.js'
import { createReport, messageOf } from './errors.js'
import { createEventHandlers } from './event-handlers.js'
import { clearClient } from './invalidation/clear.js'
import type { Receipt } from './invalidation/receipt.js'
import { compileRule } from './invalidation/rule.js'
import { SEEKING } from './link/link-options.js'
import type { TabHubs } from './link/this-tab-link.js'
import { createListeners } from './listeners.js'
import { configure, type PartylineOptions } from './options.js'
import { createOwnRequests } from './own-requests.js'
import type { Metadata } from './protocol.js'
import { openSession } from './session.js'
import type { Status } from './status.js'
import { createStatus } from './status-store.js'
import { createStays, type MountOptions, type Stay } from './stays.js'

/** A url function that failed is asked again after this long (ms). */
const URL_RETRY = 5_000

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
  environment: Environment | undefined = browserEnvironment(options.worker),
): Line<Events> {
  const report = createReport(
    options.onError,
    (run) => void Promise.resolve().then(run),
    (message) => console.warn(message),
  )
  const configuration = configure(options as PartylineOptions<never>, report)
  const rules = new Map(
    Object.entries(options.invalidates ?? {}).map(([event, rule]) => [event, compileRule(event, rule, report)]),
  )
  const handlers = createEventHandlers(rules, report, () => stays.current?.session?.want())
  const receipts = createListeners<Receipt>(report, 'onReceipt')
  const status = createStatus(() => environment?.clock.now() ?? Date.now(), report)
  const stays = createStays({
    open: openStay,
    onEnd: status.idle,
    isSignedOut: () => status.get().name === 'signed-out',
    onSwitch: configuration.clearOnSwitch ? clearClient : () => undefined,
    report,
  })
  const requests = createOwnRequests(
    () => originOf(environment),
    () => environment?.clock.now() ?? Date.now(),
  )
  const hubs: TabHubs = new Map()
  let origin: string | undefined

  function originOf(powers: Environment | undefined): string {
    origin ??= powers?.id() ?? ''
    return origin
  }

  function openStay(stay: Stay): void {
    if (!environment) return
    status.begin()
    const { url } = configuration
    if (typeof url === 'string') connect(stay, url, environment)
    else void askForUrl(url, stay, environment)
  }

  async function askForUrl(url: () => string | Promise<string>, stay: Stay, powers: Environment): Promise<void> {
    try {
      const answer = await url()
      if (!stay.ended) connect(stay, answer, powers)
    } catch (thrown) {
      report('connect-failed', `the url function failed: ${messageOf(thrown)}`, { cause: thrown })
      powers.timers.after(URL_RETRY, () => {
        if (!stay.ended) void askForUrl(url, stay, powers)
      })
    }
  }

  function connect(stay: Stay, url: string, powers: Environment): void {
    try {
      stay.session = openSession({
        environment: powers,
        configuration,
        url: powers.page.resolveUrl(url),
        identity: stay.identity,
        tab: originOf(powers),
        client: stay.client,
        rules,
        hubs,
        order: requests.order,
        auth: () => stay.auth,
        events: () => [...new Set([...rules.keys(), ...handlers.names()])],
        report,
        onState: (state) => {
          // A farewell may outlast its stay.
          if (!stay.ended) status.link(state)
        },
        onEvents: handlers.deliver,
        onGap: (reason, until) => status.gap({ reason, until }),
        onReceipt: receipts.emit,
        onLate: status.fenced,
      })
    } catch (thrown) {
      report('bad-option', `the line can't be opened: ${messageOf(thrown)}`, { cause: thrown })
    }
  }

  return {
    mount: (mounting) => (environment ? stays.mount(mounting) : () => undefined),
    get status() {
      return status.get()
    },
    subscribe: status.subscribe,
    on: (event, handler) => handlers.add(event, handler as (metadata: never) => void),
    onReceipt: receipts.add,
    get origin() {
      return originOf(environment)
    },
    request: requests.run,
    signOut() {
      const stay = stays.current
      if (stay?.session) stay.session.signOut()
      else if (stay) {
        // Its url is still being asked for: nobody is to connect with it.
        stay.ended = true
        status.link({ ...SEEKING, phase: 'signed-out', reason: 'signed out in this tab' })
      }
    },
  }
}
