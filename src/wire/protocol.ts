/**
 * The wire between a tab and a hub. This file imports nothing, so either side, or another implementation, can be
 * read against it alone. Two planes share one endpoint. Events may also come over a channel (see `Welcome.multicast`):
 *
 * - calls: a tab calls the hub over Comlink (`HubCalls` in hub-calls.ts), rarely, each with a timeout.
 * - messages: one-way posts (`HubMessage`, `TabMessage`), which are frequent or must not be answered.
 *
 * Within one version only optional fields are ever added. Anything else is a new version, and so a new key: hubs
 * and tabs of different versions never meet.
 */
export const PROTOCOL = 6

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
  /** The trace that the event belongs to, for the inspector. 100 characters at most. */
  readonly trace?: string
  /** The one tab that it is for. */
  readonly tab?: string
  /**
   * The hub's own: the tab that runs its handlers `in: 'one-tab'` of this name, and the one that runs those of `*`. '': no tab does yet.
   * Left out where nobody has such handlers.
   */
  readonly one?: readonly [ofName: string, ofEvery: string]
  /** The tab that was to run them has left before it did. All that is not in `one` was delivered before. */
  readonly isHandedOn?: true
}

/** What a tab tells of its handlers that run in one tab of the browser. */
export interface OneTabHandlers {
  /** The names of their events, and for how long the tab has had one. Milliseconds. */
  readonly names: readonly (readonly [event: string, ageMs: number])[]
  /** For how long the page has been hidden. 0: it is visible. Milliseconds. */
  readonly hiddenForMs: number
  /** What the tab has run so far: everything up to here in the hub's life. */
  readonly seq?: number
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
  /** The names of the events that the tab subscribes to. `*`: every event. */
  readonly events: readonly string[]
  readonly since: Since
  /** The topics that this tab uses. */
  readonly topics?: readonly string[]
  /** Its `seq` belongs to the epoch of `since`. */
  readonly oneTab?: OneTabHandlers
  /** The lock that the tab holds for as long as it lives. Absent where there are no Web Locks. */
  readonly lock?: string
}

export type Welcome =
  | {
      readonly ok: true
      /** Where this hub runs, and the tab's role. Only a leader tab has followers. */
      readonly host: 'shared-worker' | 'leader-tab' | 'this-tab'
      readonly role?: 'leader' | 'follower'
      /** The owner's name on the channel. */
      readonly owner?: string
      readonly epoch: string
      readonly seq: number
      readonly socket: SocketState
      readonly tabs: number
      /** The lock that the hub holds for as long as it lives. Absent where there are no Web Locks. */
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
       * For how long the topic has been joined without a break. Data requested before that may lack its events. For data
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

/** What became of what a tab has sent. */
export type SendAnswer =
  /** `data`: the server's acknowledgement. Handed on without one: undefined. */
  | { readonly ok: true; readonly data?: unknown }
  /** `answer`: what the server said with its refusal. */
  | { readonly ok: false; readonly code: SendErrorCode; readonly message: string; readonly answer?: Metadata }

/** `rejected`: the server says no. `timed-out`, `connection-lost`: nobody knows whether it has it. All others: it was not sent. */
export type SendErrorCode =
  | 'not-connected'
  | 'connection-lost'
  | 'timed-out'
  | 'rejected'
  | 'unsupported'
  | 'bad-send'
  | 'too-many'

export const NOT_CONNECTED = {
  ok: false,
  code: 'not-connected',
  message: 'there is no connection. It was not sent',
} as const

/** A tab's answer to a request for credentials. */
export type CredentialsAnswer =
  | {
      readonly ok: true
      readonly auth: Readonly<Record<string, unknown>> | undefined
      /** When the credentials expire: they are renewed ahead of it. Milliseconds since the Unix epoch. */
      readonly expiresAt?: number
    }
  | { readonly ok: false; readonly message: string }

/**
 * `retry`: the app asks for an attempt. `mount`: the app called `mount` again, maybe with other credentials. `reachable`: the
 * server has answered a request of the app's own.
 */
export type Nudge = 'online' | 'visible' | 'wake' | 'retry' | 'mount' | 'reachable'

/** A problem on the hub's side, for the tab's `onError`. */
export interface HubProblem {
  readonly code: HubErrorCode
  readonly message: string
  readonly event?: string
}

/** One-way, hub to tab. */
export type HubMessage =
  /**
   * `events`: `EventPair`s, as `writeEvents` writes them. While a tab joins the multicast, it may get a batch twice, or
   * one for other tabs. It drops batches whose `seq` is not higher than the last one. It ignores names to which it does
   * not subscribe.
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
      /** Everything up to here in the hub's life was delivered. What was to run in this tab alone, and came later, is another tab's. */
      readonly seq?: number
    }
  /** The page is hidden now. Only of a tab that has handlers `in: 'one-tab'`. */
  | { readonly kind: 'hidden' }
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
