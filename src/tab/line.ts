import type { Explanation, Inspection, LineRecord } from '../inspect/inspection.js'
import type { PendingChanges } from '../invalidation/pending.js'
import type { Receipt, ServerEvent } from '../invalidation/receipt.js'
import type { QueryKey } from '../invalidation/target.js'
import type { PartylineError } from '../util/errors.js'
import type { Simulation } from '../wire/hub-calls.js'
import type { Metadata } from '../wire/protocol.js'
import type { Status } from '../wire/status.js'
import type { AnswerOf, DataOf, Messages, SendArguments, SendOptions } from './message.js'
import type { MountOptions } from './mounts.js'
import type { TopicOptions } from './topics.js'

/** What an event's handler receives: the type that its rule names, or any object. */
export type MetadataOf<M> = unknown extends M ? Metadata : M

/** How a handler is called. */
export interface HandlerOptions {
  /**
   * In which tabs of this browser an event calls it. `every-tab`: in each that has it. `visible`: in each that is visible as the
   * event comes; in none while all are hidden. `one-tab`: in one of those that have it, a visible one where there is one, else
   * the one that was visible last. Default: `every-tab`.
   */
  readonly in?: 'every-tab' | 'visible' | 'one-tab' | undefined
}

/** One app's line to its server; made once, outside of React. */
export interface Line<Events, Sends = Messages> {
  /**
   * Connects for an identity; returns its unmount. Mounting again for the same identity and QueryClient joins the session
   * that is there; another identity ends the former session first.
   */
  mount(options: MountOptions): () => void
  /** The state of the connection; the same object until something changes. */
  readonly status: Status
  /** Calls back when `status` has changed, or what `pendingChanges` says; returns the way to stop. */
  subscribe(listener: () => void): () => void
  /** Calls back with every event that the server sends to this browser, mapped or not; returns the way to stop. */
  on(event: '*', handler: (event: ServerEvent) => void, options?: HandlerOptions): () => void
  /** Calls back with each event's metadata, in every tab or in one; returns the way to stop. */
  on<E extends keyof Events & string>(
    event: E,
    handler: (metadata: MetadataOf<Events[E]>) => void,
    options?: HandlerOptions,
  ): () => void
  /**
   * Joins a topic at the server, for as long as any tab of this browser uses it; returns its leave. Its events are events
   * like all others. It may be called before anybody is signed in, and outlasts sessions.
   */
  topic(name: string, options?: TopicOptions): () => void
  /**
   * Sends an event to the server, over the connection that all tabs share. Gives the server's acknowledgement; for a `volatile` one,
   * undefined. It is sent once at most, now or never: it rejects with a `PartylineError` of the code `not-connected`, `too-many`, `bad-send`
   * or `unsupported` if it was not sent, `rejected` if the server says so, and `timed-out` or `connection-lost` if nobody knows.
   */
  send<E extends keyof Sends & string>(
    event: E,
    data: DataOf<Sends[E]>,
    options: SendOptions & { readonly volatile: true },
  ): Promise<undefined>
  send<E extends keyof Sends & string>(event: E, ...rest: SendArguments<DataOf<Sends[E]>>): Promise<AnswerOf<Sends[E]>>
  /** Calls back with what each flush did; returns the way to stop. */
  onReceipt(handler: (receipt: Receipt) => void): () => void
  /**
   * Calls back with everything that goes wrong, first with the last 50 errors that were reported before; returns the way to stop. While
   * anybody listens, there are no console warnings.
   */
  onError(handler: (error: PartylineError) => void): () => void
  /**
   * Calls back with everything that happens to this line, first with the last 500 records that are kept; returns the way to stop.
   * Recording begins with the first call of `onRecord` or `inspect`, when its code is loaded. The records of an identity are
   * dropped at its end.
   */
  onRecord(handler: (record: LineRecord) => void): () => void
  /** A snapshot of the line, its queries and its hub. Rejects if its code can't be loaded, or where there is no page. */
  inspect(): Promise<Inspection>
  /**
   * Says for each cached query what an event would do to it, and why. Nothing is refetched or reported. Calls the event's rule.
   * Rejects as `inspect` does.
   */
  explain<E extends keyof Events & string>(event: E, metadata: Metadata): Promise<readonly Explanation[]>
  /** Acts as if the server, or the network, had done it: for tests and demonstrations. Rejects if it can't be done now, and while no session is open. */
  simulate(simulation: Simulation): Promise<void>
  /**
   * What has changed in the data of the queries whose key begins with that one, and was not fetched since. For queries with
   * `meta: { live: 'manual' }`, whose data changes only when the user asks.
   */
  pendingChanges(queryKey: QueryKey): PendingChanges
  /** Fetches these queries, if something has changed and a component uses them. */
  refresh(queryKey: QueryKey): void
  /**
   * A random id of this tab, for your own logs and headers. What `send` sends carries it, as `_line.tab` of its data; the line's own requests
   * do not.
   */
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
  /**
   * Tells the line that the server has just answered a request of the app's own: a pause before the next attempt to connect
   * is cut short. Call it as often as you like: attempts that it asks for come ever more slowly, up to 60 s apart, until a
   * connection has held. Does nothing while the line is connected, and after a refusal.
   */
  reachable(): void
  /** Ends this identity's session in every tab at once: the socket is closed and no event is delivered any more. */
  signOut(): void
}

/** A line, whatever its events: what the components of a framework get from their context. */
export type AnyLine = Omit<Line<unknown>, 'on' | 'send'>

/**
 * Where an app names its line, so that hooks know its events without it:
 * `declare module 'partyline' { interface Register { line: typeof line } }`.
 */
// biome-ignore lint/suspicious/noEmptyInterface: the app puts its line into it.
export interface Register {}

/** The events of the line that `Register` names; any, where it names none. */
export type RegisteredEvents = Register extends { readonly line: infer L } ? EventsOf<L> : Record<string, unknown>

/**
 * The events of a line, to share with the server: `createNotifier<EventsOf<typeof line>>(io)`. Import the line type-only
 * there: its code is the browser's.
 */
export type EventsOf<L> = L extends Line<infer Events, infer _Sends> ? Events : never
