import type { TabEnvironment } from '../platform/page.js'
import type { SignOutWatch } from '../platform/sign-out-marks.js'
import type { Report } from '../util/errors.js'
import type { HubCalls, HubInspection, Simulation } from '../wire/hub-calls.js'
import type { CredentialsAnswer, EventPair, SendAnswer, Settings, SocketState, TopicAnswer } from '../wire/protocol.js'
import { type Host, IDLE, type Step } from '../wire/status.js'
import type { Rung } from './rungs.js'

/** What the tab sees of its link. `phase` follows from the link's own state: `signed-out` also until that is confirmed. */
export interface LinkState {
  readonly phase: 'seeking' | 'attached' | 'parked' | 'signed-out' | 'closed'
  readonly host: Host | undefined
  readonly role: 'leader' | 'follower' | undefined
  readonly steps: readonly Step[]
  readonly socket: SocketState | undefined
  readonly tabs: number
  readonly epoch: string | undefined
  readonly reason?: string | undefined
}

/** What a link hands on from its hub. */
export interface DeliveryHandlers {
  /**
   * `agesMs`: how long ago each of them came to the hub, if they are sent again; infinite for what this page has heard before.
   */
  readonly onEvents: (events: readonly EventPair[], agesMs?: readonly number[]) => void
  /** `flaps`: how many connections in a row did not hold. `quietForMs`: how long ago the last event was sent at the latest. */
  readonly onGap: (reason: string, flaps?: number, quietForMs?: number) => void
  /** Outcomes of topics. Undefined: the hub knows of no topics. */
  readonly onTopics: (answers: readonly TopicAnswer[] | undefined) => void
  /** Attached without a gap: the hub vouches for everything since this page began to load. */
  readonly onVouched: () => void
}

/** The link's border to its tab. Once the session has ended here, only `onState` is called. */
export interface LinkHandlers extends DeliveryHandlers {
  readonly onState: (state: LinkState) => void
  /** The event names that this tab subscribes to now. */
  readonly events: () => readonly string[]
  /** The topics that this tab uses now. */
  readonly topics: () => readonly string[]
  /** This tab's handlers that run in one tab. */
  readonly oneTab: () => OwnOneTabHandlers
  /** Answers the hub's request for credentials. */
  readonly auth: () => Promise<CredentialsAnswer>
}

/** A tab's handlers that run in one tab of the browser. */
export interface OwnOneTabHandlers {
  /** The names of their events, and since when there is one. Milliseconds of the monotonic clock. */
  readonly names: readonly (readonly [event: string, since: number])[]
  /** For how long the page has been hidden; 0: it is visible. Milliseconds. */
  readonly hiddenForMs: number
}

export interface LinkOptions extends LinkHandlers {
  readonly environment: TabEnvironment
  readonly key: string
  /** The second hash of what is in the key. */
  readonly check: string
  readonly tab: string
  readonly settings: Settings
  readonly signOuts: SignOutWatch
  readonly rungs: readonly Rung[]
  /** To the owner of the socket, when a rung's hub stands by. */
  readonly follow: Rung
  /** What this page's former session has delivered. */
  readonly heard?: Position | undefined
  readonly report: Report
}

export const SEEKING: LinkState = {
  phase: 'seeking',
  host: undefined,
  role: undefined,
  steps: IDLE.steps,
  socket: undefined,
  tabs: 0,
  epoch: undefined,
}

/** A point in a hub's life. */
export interface Position {
  readonly epoch: string
  readonly seq: number
}

/** A tab's link to the hub. */
export interface Link {
  state(): LinkState
  /** Everything up to here in a hub's life was delivered; undefined before the first attachment. */
  position(): Position | undefined
  /** The events that the tab subscribes to, or its topics, have changed. */
  subscriptionsChanged(): void
  /** Makes an attempt now, where one waits. `mount`: maybe there are other credentials. */
  retry(why: 'retry' | 'mount' | 'reachable'): void
  /** Rejects where the hub was left before it answered: it may have sent it. */
  send(...send: Parameters<HubCalls['send']>): Promise<SendAnswer>
  /** Ends the session in every tab. Nothing is delivered from this call on. */
  signOut(): void
  /** `release`: the identity's session has ended here, so a hub without other tabs closes its socket at once. */
  close(release: boolean): void
  /** The hub's view, with its records after the number `after`; undefined while there is no hub, or when it does not answer in 3 s. */
  inspect(after: number): Promise<HubInspection | undefined>
  /** Has the hub act as if the server or the network had done it. Gives whether it did: not where there is no hub, or it does not answer in 3 s. */
  simulate(simulation: Simulation): Promise<boolean>
}
