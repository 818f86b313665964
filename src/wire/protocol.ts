/**
 * The wire between a tab and a hub. This file imports nothing, so either side, or another implementation, can be
 * read against it alone. Two planes share one endpoint; events may also come over a channel (see `Welcome.multicast`):
 *
 * - calls: a tab calls the hub over Comlink (`HubCalls`), rarely, each with a timeout;
 * - messages: one-way posts (`HubMessage`, `TabMessage`), which are frequent or must not be answered.
 *
 * Within one version only optional fields are ever added. Anything else is a new version, and so a new key: hubs
 * and tabs of different versions never meet.
 */
export const PROTOCOL = 5

/** JSON metadata of an event: a plain object, small, and not the data itself. */
export type Metadata = Readonly<Record<string, unknown>>

/**
 * An event on the wire: name, metadata and envelope. A tuple, because a burst repeats it thousands of times. Null stands
 * for metadata that was no JSON: something has changed, and it is unknown what.
 */
export type EventPair = readonly [name: string, metadata: Metadata | null, envelope?: EventEnvelope]

/** The server's remarks on an event, in the reserved field of its metadata. */
export interface EventEnvelope {
  /** The request that caused the event, by the name that its tab gave it. */
  readonly origin?: string
  /** How long this browser's tabs wait before they fetch because of it. Milliseconds. */
  readonly waitMs?: number
  /** So long after the fetches that it causes, they are made once more. Milliseconds. */
  readonly againMs?: number
  /** The trace that the event belongs to, for whoever inspects the tab. 100 characters at most. */
  readonly trace?: string
}

/** What the app is told of an event. */
export const readPair = ([name, metadata, envelope]: EventPair) => {
  const { trace } = envelope ?? {}
  return { name, metadata: metadata ?? {}, ...(trace && { trace }) }
}

/** The field of an event's metadata that belongs to Partyline: no rule and no handler ever sees it. */
export const RESERVED = '_line'

/** The request header that names a tab's request for the server, which sends the name back with the events that it causes. */
export const ORIGIN_HEADER = 'x-partyline-origin'

/** The state of the hub's connection. */
export type SocketState =
  | { readonly name: 'connecting'; readonly reason?: string }
  | { readonly name: 'connected' }
  | { readonly name: 'disconnected'; readonly reason: string }
  /** The server refused the credentials several times. `final`: it says that it always will, so nothing is tried by itself. */
  | { readonly name: 'unauthorized'; readonly reason: string; readonly final?: boolean }
  /** The server let in, or would let in, somebody else than the identity of this hub. */
  | { readonly name: 'wrong-identity'; readonly reason: string }

/** How a server puts its events into another one. Each path is the name of a field, or several with dots between them. */
export interface EnvelopeOption {
  /**
   * The wire's event that holds the others. `message` is also what a WebSocket frame or an SSE event without a name is.
   * @default 'message'
   */
  readonly on?: string
  /** The path of the event's name. */
  readonly event: string
  /**
   * The path of its metadata.
   * @default all fields beside the name
   */
  readonly metadata?: string | undefined
}

/** How to reach the server. Plain data, since it crosses to the hub. Credentials are never part of it. */
export interface Settings {
  readonly url: string
  readonly identity: string
  /** By its name. Default: `socket.io`. */
  readonly transport?: string
  /** Passed to the transport as it is. */
  readonly socket: Readonly<Record<string, unknown>>
  /** Absent: the wire's events are the app's. */
  readonly envelope?: Required<EnvelopeOption> | undefined
  /** How long the hub keeps the socket after the last tab, in milliseconds. */
  readonly lingerMs: number
  /** How long a tab may take to answer with credentials, in milliseconds. */
  readonly authTimeoutMs: number
}

/** What a tab already has: everything up to `seq` of a hub's life, or nothing that is older than its page. */
export interface Since {
  readonly epoch?: string
  readonly seq?: number
  /** How long ago, as this is sent, the page began to load. It fetched no data before. Milliseconds. */
  readonly ageMs: number
}

/** How long a hello may take to the hub, which counts a page's age from its arrival. Milliseconds. */
export const ATTACH_ALLOWANCE_MS = 1_000

export interface Hello {
  readonly protocol: number
  readonly tab: string
  /** Left out where other scripts could read it: over a BroadcastChannel. */
  readonly settings?: Settings
  /** A second hash of all that is in the key. Should two keys ever collide, their tabs must not share a hub. */
  readonly check: string
  /** The names of the events that the tab subscribes to; `*`: every event. */
  readonly events: readonly string[]
  readonly since: Since
  /** The topics that this tab uses. */
  readonly topics?: readonly string[]
  /** The lock that the tab holds for as long as it lives; absent where there are no Web Locks. */
  readonly lock?: string
}

export type Welcome =
  | {
      readonly ok: true
      /** Where this hub runs, and the tab's role; only a leader tab has followers. */
      readonly host: 'shared-worker' | 'leader-tab' | 'this-tab'
      readonly role?: 'leader' | 'follower'
      /** The owner's name on the channel. */
      readonly owner?: string
      readonly epoch: string
      readonly seq: number
      readonly socket: SocketState
      readonly tabs: number
      /** The lock that the hub holds for as long as it lives; absent where there are no Web Locks. */
      readonly lock?: string
      /** A channel for events that are for all followers: posted once there, for the tabs that sent `multicast-joined`. */
      readonly multicast?: string
      /** Events since `Hello.since`, when the hub has all of them. */
      readonly replay?: readonly EventPair[]
      /** How long ago each event of `replay` came to the hub, in its order. Milliseconds. */
      readonly replayAges?: readonly number[]
      /** Their numbers in the hub's life, in the same order. */
      readonly replaySeqs?: readonly number[]
      /** Why it has not: data fetched before now may be out of date. */
      readonly gap?: string
      /** The hub runs with other settings than this tab's. */
      readonly settingsDiffer?: boolean
      /** Problems of the whole line in the present outage: what every tab was told before this one attached. */
      readonly problems?: readonly HubProblem[]
      /** How many connections in a row did not hold. */
      readonly flaps?: number
      /** Outcomes of this tab's topics so far. Absent: this hub knows of no topics. */
      readonly topics?: readonly TopicAnswer[]
    }
  | { readonly ok: false; readonly code: Refusal; readonly message: string }

/** The outcome of a topic. */
export type TopicAnswer =
  | {
      readonly topic: string
      readonly ok: true
      /**
       * For how long the topic has been joined without a break. Data requested before that may lack its events; for data
       * requested later, this hub has handed on all of them. Milliseconds.
       */
      readonly ageMs: number
      /** The server had sent nothing to the topic for so long before that: these events are not missing. Milliseconds. */
      readonly quietForMs?: number
    }
  /** `refused`: the server refused the topic. `failed`: it did not answer. */
  | { readonly topic: string; readonly ok: false; readonly name: 'refused' | 'failed'; readonly message: string }

/** `standby`: another hub owns the socket. This one takes over when that is gone, and then sends `promoted`. */
export type Refusal = 'protocol-mismatch' | 'wrong-hub' | 'unknown-transport' | 'signed-out' | 'standby'

/** A tab's answer to a request for credentials. */
export type CredentialsAnswer =
  | {
      readonly ok: true
      readonly auth: Readonly<Record<string, unknown>> | undefined
      /** When the credentials expire: they are renewed ahead of it. Milliseconds since the Unix epoch. */
      readonly expiresAt?: number
    }
  | { readonly ok: false; readonly message: string }

/** The calls a hub answers, over Comlink. */
export interface HubCalls extends HubInspectionCalls {
  attach(hello: Hello): Welcome | Promise<Welcome>
  /** Replaces the event names that this tab subscribes to (`*`: every event), and the topics that it uses. */
  subscribe(events: readonly string[], topics?: readonly string[]): void
  /** Something happened after which the connection should be checked. */
  nudge(why: Nudge): void
  /** Ends the session of this identity in every tab. */
  signOut(): void
  /** Proves that the hub answers. Gives whether it knows this tab. */
  ping(): boolean
}

/** The calls of whoever inspects a hub. */
export interface HubInspectionCalls {
  /**
   * What the hub knows of itself, with its records after the number `after`. It asks the tabs for their titles, which the next
   * answer has. Undefined where the caller is not attached.
   */
  inspect(after: number): HubInspection | undefined
  /** Gives whether it was done: a hub that is not connected has nothing to drop. */
  simulate(simulation: Simulation): boolean
}

/** One thing that happened in a hub. */
export interface HubRecord {
  /** Counts up from 1, for one hub's life. */
  readonly n: number
  /** How long ago, as this is sent. Milliseconds. */
  readonly ageMs: number
  readonly kind: 'connection' | 'gap' | 'credentials' | 'topic' | 'hub'
  /** What happened, in a word of its kind, such as `connecting`, `lost`, `attached`: docs/architecture.md has all. */
  readonly step: string
  readonly reason?: string | undefined
  /** The tab that it concerns. */
  readonly tab?: string | undefined
  readonly topic?: string | undefined
  /** The number of the attempt to connect since the last connection that held. */
  readonly attempt?: number | undefined
  /** So long until the next attempt or renewal. Milliseconds. */
  readonly inMs?: number | undefined
  /** How many events were sent again. */
  readonly count?: number | undefined
}

/** A snapshot of a hub. Nothing in it is a credential. */
export interface HubInspection {
  readonly epoch: string
  readonly host: 'shared-worker' | 'leader-tab' | 'this-tab'
  /** How long the hub has lived. Milliseconds. */
  readonly ageMs: number
  readonly socket: SocketState
  /** How long the connection has been in this state. Milliseconds. */
  readonly socketAgeMs: number
  /** Attempts since the last connection that held, and how long until the next one. Milliseconds. */
  readonly attempts: number
  readonly nextAttemptInMs?: number | undefined
  /** How many connections in a row did not hold. */
  readonly flaps: number
  /** How long the server's last answer to a sign of life took. Milliseconds. */
  readonly roundTripMs?: number | undefined
  /** So long until the credentials are renewed. Milliseconds. */
  readonly renewalInMs?: number | undefined
  readonly tabs: readonly HubTab[]
  readonly topics: readonly { readonly name: string; readonly state: string; readonly tabs: number }[]
  /** Since the hub began. `characters`: of the batches that were posted to tabs, each counted once. */
  readonly counters: {
    readonly events: number
    readonly batches: number
    readonly characters: number
    readonly connections: number
    readonly gaps: number
    readonly replays: number
  }
  readonly records: readonly HubRecord[]
}

/** A tab, as its hub sees it. */
export interface HubTab {
  readonly id: string
  /** Where the host is `leader-tab`. */
  readonly role?: 'leader' | 'follower' | undefined
  /** Absent until the tab has answered `describe`. 200 characters at most. */
  readonly title?: string | undefined
  readonly isVisible?: boolean | undefined
  /** It has left for as long as it is frozen, or in the back/forward cache. */
  readonly isParked?: boolean | undefined
  readonly events: readonly string[]
  readonly topics: readonly string[]
  /** How long ago it gave a sign of life. Milliseconds. */
  readonly heardAgoMs: number
}

/** What `line.simulate` does, for a test or a demonstration: as if the server, or the network, had done it. */
export type Simulation =
  /** The server sends this event `count` times (1). All tabs hear it. */
  | { readonly name: 'event'; readonly event: string; readonly metadata?: Metadata; readonly count?: number }
  /**
   * - `drop`: the connection is lost. The hub reconnects as after any other loss.
   * - `reconnect`: the connection is replaced by another one, at once.
   * - `gap`: events may have been missed, so every tab resyncs.
   * - `refusal`: the server refuses the credentials, once.
   * - `move-leader`: where the hub runs in a leader tab, another tab takes over.
   */
  | { readonly name: 'drop' | 'reconnect' | 'gap' | 'refusal' | 'move-leader' }

/** `retry`: the app asks for an attempt. `mount`: the app called `mount` again, maybe with other credentials. */
export type Nudge = 'online' | 'visible' | 'wake' | 'retry' | 'mount'

/** A problem on the hub's side, for the tab's `onError`. */
export interface HubProblem {
  readonly code: HubErrorCode
  readonly message: string
  readonly event?: string
}

/** One-way, hub to tab. */
export type HubMessage =
  /**
   * `events`: `EventPair`s, as `writeEvents` writes them. While a tab joins the multicast, it may get a batch twice, or one
   * for other tabs: it drops batches without a higher `seq` than the last one, and ignores names to which it does not subscribe.
   */
  | { readonly kind: 'events'; readonly seq: number; readonly events: string }
  /**
   * `flaps`: how many connections in a row did not hold. The tab spreads its resync the wider. `quietForMs`: for so long, as this
   * is sent, the server has sent nothing that the tab has not. A page that is no older has missed nothing.
   */
  | {
      readonly kind: 'gap'
      readonly seq: number
      readonly reason: string
      readonly flaps?: number
      readonly quietForMs?: number
    }
  | { readonly kind: 'state'; readonly socket: SocketState; readonly tabs: number }
  /** Answered by the `credentials` message of the same `request`. */
  | { readonly kind: 'credentials-request'; readonly request: number }
  | ({ readonly kind: 'problem' } & HubProblem)
  | ({ readonly kind: 'topic' } & TopicAnswer)
  | { readonly kind: 'signed-out'; readonly reason: string }
  /** A standby hub owns the socket from now on: its tabs attach to it. */
  | { readonly kind: 'promoted' }
  /** Somebody inspects the hub: the tab answers with its `description`. */
  | { readonly kind: 'describe' }
  /** This hub has ended, or lost its leadership: the tab searches for the owner. */
  | { readonly kind: 'closed'; readonly reason: string }

/** What can go wrong on the hub's side, as an error code of the tab's `onError`. */
export type HubErrorCode =
  | 'unknown-event'
  | 'bad-metadata'
  | 'bad-frame'
  | 'connect-failed'
  | 'unauthorized'
  | 'wrong-identity'
  | 'auth-failed'

/** One-way, tab to hub. */
export type TabMessage =
  /** Leaving is no call: the answer would reach a page on its way into the back/forward cache, and so evict it. */
  | {
      readonly kind: 'detach'
      /** The identity's session has ended in this tab: without other tabs, the socket closes without a linger. */
      readonly release?: boolean
      /** The page is about to be frozen, or to go into the back/forward cache. */
      readonly park?: boolean
    }
  /**
   * Answers `describe`, so only while somebody inspects the hub. Where the endpoint is a BroadcastChannel, other scripts of this
   * origin can read the title, as they can in a window that they have opened.
   */
  | { readonly kind: 'description'; readonly title: string; readonly isVisible: boolean }
  /** This tab listens to the welcome's `multicast`. */
  | { readonly kind: 'multicast-joined' }
  /** Answers the hub's `credentials-request` of that number. Never sent over a BroadcastChannel. */
  | { readonly kind: 'credentials'; readonly request: number; readonly answer: CredentialsAnswer }

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Whether a value can be an event's metadata: an object, no array. */
export const isMetadata: (value: unknown) => value is Metadata = isRecord
