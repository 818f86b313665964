import type { Hello, Metadata, Nudge, OneTabHandlers, SendAnswer, SocketState, Welcome } from './protocol.js'

/** The calls a hub answers, over Comlink. */
export interface HubCalls extends HubInspectionCalls {
  attach(hello: Hello): Welcome | Promise<Welcome>
  /** Replaces the event names that this tab subscribes to (`*`: every event), and the topics that it uses. */
  subscribe(events: readonly string[], topics?: readonly string[], oneTab?: OneTabHandlers): void
  /** Something happened after which the connection should be checked. */
  nudge(why: Nudge): void
  /**
   * Sends an event to the server, at once or not at all. `data`: JSON. Without `timeoutMs`, no acknowledgement is asked for, and it may be
   * dropped. Not answered where the tab has left meanwhile: see `detach`.
   */
  send(event: string, data: string | undefined, timeoutMs?: number): SendAnswer | Promise<SendAnswer>
  /** Ends the session of this identity in every tab. */
  signOut(): void
  /** Proves that the hub answers. Gives whether it knows this tab. */
  ping(): boolean
}

/** The calls of an inspector. */
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
  /** The server sends this event `count` times (1). All tabs get it. */
  | { readonly name: 'event'; readonly event: string; readonly metadata?: Metadata; readonly count?: number }
  /**
   * - `drop`: the connection is lost. The hub reconnects as after any other loss.
   * - `reconnect`: the connection is replaced by another one, at once.
   * - `gap`: events may have been missed, so every tab resyncs.
   * - `refusal`: the server refuses the credentials, once.
   * - `move-leader`: where the hub runs in a leader tab, another tab takes over.
   */
  | { readonly name: 'drop' | 'reconnect' | 'gap' | 'refusal' | 'move-leader' }
