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

/** The type of an event's metadata for handlers: the one that its rule names, or any object. */
export type MetadataOf<M> = unknown extends M ? Metadata : M

/** It may be left out where its type requires no field. */
type MetadataArgument<M> = Record<never, never> extends M ? [metadata?: M] : [metadata: M]

/** How a handler is called. */
export interface HandlerOptions {
  /**
   * In which tabs of this browser the handler runs. Default: `every-tab`.
   *
   * - `every-tab`: in each tab that has it.
   * - `visible`: in each tab that is visible when the event comes, and in none while all are hidden.
   * - `one-tab`: in one tab that has it. A visible one is preferred, then the one that was visible last.
   */
  readonly in?: 'every-tab' | 'visible' | 'one-tab' | undefined
}

/** One app's line to its server. Create it once, outside of React. */
export interface Line<Events, Sends = Messages> {
  /**
   * Connects for an identity, and returns the unmount. A second mount for the same identity and QueryClient joins the
   * session. Another identity ends the former session first.
   */
  mount(options: MountOptions): () => void
  /** The state of the connection. It stays the same object until something changes. */
  readonly status: Status
  /** Calls back when `status` or `pendingChanges` has changed. Returns the unsubscribe. */
  subscribe(listener: () => void): () => void
  /** Calls back with every event that the server sends to this browser, mapped or not. Returns the unsubscribe. */
  on(event: '*', handler: (event: ServerEvent) => void, options?: HandlerOptions): () => void
  /** Calls back with each event's metadata, in every tab or in one. Returns the unsubscribe. */
  on<E extends keyof Events & string>(
    event: E,
    handler: (metadata: MetadataOf<Events[E]>) => void,
    options?: HandlerOptions,
  ): () => void
  /**
   * Joins a topic at the server, for as long as any tab of this browser uses it, and returns the leave. Its events are
   * events like all others. You may call it before anybody is signed in. It outlasts sessions.
   */
  topic(name: string, options?: TopicOptions): () => void
  /**
   * Sends an event to the server over the shared connection, at once and at most once. Resolves with the server's
   * acknowledgement, or with undefined if `volatile`. Rejects with a `PartylineError`:
   *
   * - `not-connected`, `too-many`, `bad-send` or `unsupported`: it was not sent.
   * - `rejected`: the server said no.
   * - `timed-out` or `connection-lost`: the server may have it.
   */
  send<E extends keyof Sends & string>(
    event: E,
    data: DataOf<Sends[E]>,
    options: SendOptions & { readonly volatile: true },
  ): Promise<undefined>
  send<E extends keyof Sends & string>(event: E, ...rest: SendArguments<DataOf<Sends[E]>>): Promise<AnswerOf<Sends[E]>>
  /** Calls back with the receipt of each flush. Returns the unsubscribe. */
  onReceipt(handler: (receipt: Receipt) => void): () => void
  /**
   * Calls back with every error and hint, beginning with the last 50. Returns the unsubscribe. While there is a
   * listener, there are no console warnings.
   */
  onError(handler: (error: PartylineError) => void): () => void
  /**
   * Calls back with each record of this line, beginning with the last 500. Returns the unsubscribe. Recording begins
   * with the first call of `onRecord` or `inspect`, when its code is loaded. An identity's records are dropped at the
   * end of its session.
   */
  onRecord(handler: (record: LineRecord) => void): () => void
  /** A snapshot of the line, its queries and its hub. Rejects if its code can't be loaded, or where there is no page. */
  inspect(): Promise<Inspection>
  /**
   * Says for each cached query what an event would do to it, and why. Nothing is refetched or reported. Calls the event's rule.
   * Rejects as `inspect` does.
   */
  explain<E extends keyof Events & string>(event: E, metadata: Metadata): Promise<readonly Explanation[]>
  /**
   * Acts as if the server or the network had done something, for tests and demonstrations. Rejects if that is
   * impossible now, and while no session is open.
   */
  simulate(simulation: Simulation): Promise<void>
  /**
   * Gives an event to this tab alone, as if the server had sent it, for tests and demonstrations. It needs no connection, and
   * waits for the session's code. It resolves when handlers have been called, and fetches follow. It rejects with a
   * `PartylineError` of the code `not-mounted`, `unknown-event` or `bad-metadata`.
   */
  emitLocal<E extends keyof Events & string>(
    event: E,
    ...metadata: MetadataArgument<MetadataOf<Events[E]>>
  ): Promise<void>
  /**
   * How many changes the queries with this key prefix have not fetched yet. It is for queries with
   * `meta: { live: 'manual' }`, whose data changes only when the user asks.
   */
  pendingChanges(queryKey: QueryKey): PendingChanges
  /** Fetches these queries, if something has changed and a component uses them. */
  refresh(queryKey: QueryKey): void
  /**
   * A random id of this tab, for your own logs and headers. Events of `send` carry it, as `_line.tab` of their data.
   * The line's own requests do not.
   */
  readonly origin: string
  /**
   * Runs a request that changes data, with a header (`x-partyline-origin`) that holds a fresh secret. The server sends
   * the secret's hash with the request's events. Then this tab does not refetch queries that it has fetched, or set by
   * `setQueryData`, since the answer. Other tabs do. On an insecure origin there is no header, and this tab refetches
   * like the others. Resolves and rejects as `run` does.
   */
  request<T>(run: (headers: Record<string, string>) => Promise<T>): Promise<T>
  /**
   * Makes an attempt to connect at once, in place of a later one. Call it when there are new credentials, after
   * `unauthorized` or `wrong-identity` for example. It does nothing while the line is connected, signed out, or not
   * mounted.
   */
  retry(): void
  /**
   * Tells the line that the server has answered a request of your app. This shortens the pause before the next attempt
   * to connect. Call it as often as you like: the pauses between such attempts grow to 60 s, until a connection has
   * held. It does nothing while the line is connected, and after a refusal.
   */
  reachable(): void
  /** Ends this identity's session in every tab at once: the socket is closed and no event is delivered any more. */
  signOut(): void
}

/** A line with any events: the components of a framework get it from their context. */
export type AnyLine = Omit<Line<unknown>, 'on' | 'send'>

/**
 * Where an app names its line, so that hooks know its events without it:
 * `declare module 'partyline' { interface Register { line: typeof line } }`.
 */
// biome-ignore lint/suspicious/noEmptyInterface: the app puts its line into it.
export interface Register {}

/** The events of the line that `Register` names, or any events. */
export type RegisteredEvents = Register extends { readonly line: infer L } ? EventsOf<L> : Record<string, unknown>

/**
 * The events of a line, to share with the server: `createNotifier<EventsOf<typeof line>>(io)`. Import the line type-only
 * there: its code is the browser's.
 */
export type EventsOf<L> = L extends Line<infer Events, infer _Sends> ? Events : never
