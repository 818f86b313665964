import type { Explanation, Inspection, LineRecord } from '../inspect/inspection.js'
import type { PendingChanges } from '../invalidation/pending.js'
import type { Receipt, ServerEvent } from '../invalidation/receipt.js'
import type { QueryKey } from '../invalidation/target.js'
import type { PartylineError } from '../util/errors.js'
import type { Metadata, Simulation } from '../wire/protocol.js'
import type { Status } from '../wire/status.js'
import type { MountOptions } from './mounts.js'
import type { TopicOptions } from './topics.js'

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
  /** Calls back with every event that the server sends to this browser, mapped or not; returns the way to stop. */
  on(event: '*', handler: (event: ServerEvent) => void): () => void
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
export type EventsOf<L> = L extends Line<infer Events> ? Events : never
