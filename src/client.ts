import { browserEnvironment, type Environment } from './environment.js'
import { createReport, messageOf } from './errors.js'
import type { QueryClientSlice } from './invalidation/query-client.js'
import type { Receipt } from './invalidation/receipt.js'
import { compileRule } from './invalidation/rule.js'
import type { TabHubs } from './link/this-tab-link.js'
import { createListeners } from './listeners.js'
import { configure, type PartylineOptions } from './options.js'
import { isMetadata, type Metadata } from './protocol.js'
import { type Auth, openSession, type Session } from './session.js'
import type { Status } from './status.js'
import { createStatus } from './status-store.js'

/** What an event's handler receives: the type that its rule names, or any object. */
export type MetadataOf<M> = unknown extends M ? Metadata : M

export interface MountOptions {
  readonly queryClient: QueryClientSlice
  /** Who is signed in. Null, undefined and '' mean nobody: no socket is opened. */
  readonly identity: string | number | null | undefined
  /** Asked at every connection attempt, so that an expired token is renewed. */
  readonly auth?: Auth | undefined
}

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
  /** This tab's id, to tell the server where a request came from. */
  readonly origin: string
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
  const handlers = new Map<string, Set<(metadata: never) => void>>()
  const receipts = createListeners<Receipt>(report, 'onReceipt')
  const status = createStatus(() => environment?.clock.now() ?? Date.now())
  const hubs: TabHubs = new Map()
  let origin: string | undefined
  let stay: Stay | undefined

  /** One mounted identity. It may have several mounts, and ends a microtask after the last, so that a remount joins it. */
  interface Stay {
    readonly identity: string
    readonly client: QueryClientSlice
    auth: Auth | undefined
    mounts: number
    session: Session | undefined
    ended: boolean
  }

  function end(leaving: Stay, release: boolean): void {
    if (leaving.ended) return
    leaving.ended = true
    leaving.session?.close(release)
    if (stay === leaving) {
      stay = undefined
      status.idle()
    }
  }

  function mount({ queryClient, identity, auth }: MountOptions): () => void {
    const who = identity === null || identity === undefined ? '' : String(identity)
    const signedOut = status.get().name === 'signed-out'
    if (stay && (stay.identity !== who || stay.client !== queryClient || signedOut)) {
      if (stay.mounts > 0 && who === '') return () => undefined
      if (stay.mounts > 0 && !signedOut) {
        report(
          'mounted-twice',
          'mounted for another identity or QueryClient while mounted; the new one replaces the old one',
        )
      }
      end(stay, stay.identity !== who)
    }
    if (who === '' || !environment) return () => undefined

    const mine: Stay = stay ?? { identity: who, client: queryClient, auth, mounts: 0, session: undefined, ended: false }
    mine.auth = auth
    mine.mounts++
    if (!stay) {
      stay = mine
      open(mine, environment)
    }
    let mounted = true
    return () => {
      if (!mounted) return
      mounted = false
      mine.mounts--
      void Promise.resolve().then(() => {
        if (mine.mounts === 0) end(mine, false)
      })
    }
  }

  function open(mine: Stay, powers: Environment): void {
    status.begin()
    const start = (url: string) => {
      if (mine.ended) return
      try {
        mine.session = openSession({
          environment: powers,
          configuration,
          url: powers.page.resolveUrl(url),
          identity: mine.identity,
          tab: originOf(powers),
          client: mine.client,
          rules,
          hubs,
          auth: () => mine.auth,
          events: () => [...new Set([...rules.keys(), ...handlers.keys()])],
          report,
          onState: status.link,
          onEvents: deliver,
          onGap: (reason, until) => status.gap({ reason, until }),
          onReceipt: receipts.emit,
          onFenced: status.fenced,
        })
      } catch (thrown) {
        report('bad-option', `the line can't be opened: ${messageOf(thrown)}`, { cause: thrown })
      }
    }
    const { url } = configuration
    if (typeof url === 'string') start(url)
    else void askForUrl(url, mine, powers, start)
  }

  async function askForUrl(
    url: () => string | Promise<string>,
    mine: Stay,
    powers: Environment,
    start: (url: string) => void,
  ): Promise<void> {
    try {
      start(await url())
    } catch (thrown) {
      report('connect-failed', `the url function failed: ${messageOf(thrown)}`, { cause: thrown })
      powers.timers.after(5_000, () => {
        if (!mine.ended) void askForUrl(url, mine, powers, start)
      })
    }
  }

  function deliver(events: readonly (readonly [string, Metadata | null])[]): void {
    for (const [name, metadata] of events) {
      const interested = handlers.get(name)
      if (!interested || !isMetadata(metadata)) continue
      const rule = rules.get(name)
      const parsed = rule ? rule.parse(metadata) : { value: metadata }
      if (!parsed) continue
      for (const handler of [...interested]) {
        try {
          handler(parsed.value as never)
        } catch (thrown) {
          report('handler-failed', `a handler of '${name}' threw: ${messageOf(thrown)}`, {
            detail: { event: name },
            cause: thrown,
          })
        }
      }
    }
  }

  function originOf(powers: Pick<Environment, 'id'> | undefined): string {
    origin ??= powers?.id() ?? ''
    return origin
  }

  return {
    mount,
    get status() {
      return status.get()
    },
    subscribe: status.subscribe,
    on(event, handler) {
      const set = handlers.get(event) ?? new Set()
      handlers.set(event, set.add(handler as (metadata: never) => void))
      if (set.size === 1) stay?.session?.want()
      return () => {
        set.delete(handler as (metadata: never) => void)
        if (set.size > 0 || handlers.get(event) !== set) return
        handlers.delete(event)
        stay?.session?.want()
      }
    },
    onReceipt: receipts.add,
    get origin() {
      return originOf(environment)
    },
    signOut() {
      stay?.session?.signOut()
    },
  }
}
