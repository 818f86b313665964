import type { TabEnvironment } from '../platform/page.js'
import type { Report } from '../util/errors.js'
import type { CredentialsAnswer, EventPair, Settings, SocketState, TopicAnswer } from '../wire/protocol.js'
import { type Host, IDLE, type Step } from '../wire/status.js'
import type { Rung } from './rung.js'

/** Where the tab stands with its hub. */
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

export interface LinkOptions {
  readonly environment: TabEnvironment
  readonly key: string
  readonly tab: string
  readonly settings: Settings
  readonly rungs: readonly Rung[]
  /** To the owner of the socket, when the hub of a rung has to stand by. */
  readonly follow: Rung
  /** The event names that this tab asks for now. */
  readonly events: () => readonly string[]
  /** The topics that it uses now. */
  readonly topics: () => readonly string[]
  readonly auth: () => Promise<CredentialsAnswer>
  readonly report: Report
  readonly onState: (state: LinkState) => void
  readonly onEvents: (events: readonly EventPair[]) => void
  readonly onGap: (reason: string) => void
  /** What has become of topics. */
  readonly onTopics: (answers: readonly TopicAnswer[] | undefined) => void
  /** Attached without a gap: the hub vouches for everything since this page began to load. */
  readonly onVouched: () => void
  /** A message came after the session had ended here. */
  readonly onLate: () => void
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

/** A tab's link to the hub. */
export interface Link {
  state(): LinkState
  /** Everything up to this place in a hub's life was heard; undefined before the first attachment. */
  heard(): { readonly epoch: string; readonly seq: number } | undefined
  /** The events that are wanted, or the topics that are used, have changed. */
  subscriptionsChanged(): void
  /** Ends the session in every tab. Nothing is delivered any more from this call on. */
  signOut(): void
  /** `release`: the identity has ended here, so a hub without other tabs closes its socket at once. */
  close(release: boolean): void
}
