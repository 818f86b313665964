import type { Match } from '../invalidation/matcher.js'
import type { liveModeOf, QueryClientSlice, QuerySlice } from '../invalidation/query-client.js'
import type { Receipt } from '../invalidation/receipt.js'
import type { CompiledRule, compileRule } from '../invalidation/rule.js'
import type { Scopeable } from '../invalidation/scope.js'
import type { NormalTarget } from '../invalidation/target.js'
import type { LinePowers, LoadChunk } from '../platform/line-powers.js'
import type { createErrors } from '../util/errors.js'
import type { createListeners } from '../util/listeners.js'
import type { HubInspection, Simulation } from '../wire/hub-calls.js'
import type { EventPair } from '../wire/protocol.js'
import type { Status } from '../wire/status.js'

/** What a flush matches with. Given, not imported: the inspector's chunk would tear the session's apart. */
export interface MatchingTools {
  matcherOf(targets: readonly NormalTarget[]): (query: Scopeable) => Match
  readonly liveModeOf: typeof liveModeOf
  readonly compileRule: typeof compileRule
}

/** What a session shows to an inspector, by reference: until somebody inspects, it costs nothing. */
export interface SessionInside {
  readonly key: string
  /** The server's address, absolute. */
  readonly url: string
  readonly rules: ReadonlyMap<string, CompiledRule>
  readonly link: {
    /** The hub's view, with its records after the number `after`; undefined while there is no hub, or when it does not answer. */
    inspect(after: number): Promise<HubInspection | undefined>
    /** Gives whether it was done. */
    simulate(simulation: Simulation): Promise<boolean>
  }
  readonly compileRule: MatchingTools['compileRule']
  readonly liveModeOf: MatchingTools['liveModeOf']
  readonly invalidator: Pick<MatchingTools, 'matcherOf'> & {
    debtorOf(query: QuerySlice): { readonly debt: { readonly since: number } | undefined } | undefined
  }
  readonly topics: { stateOf(topic: string): TopicView }
  /** Takes events as if the hub had sent them to this tab. */
  receive(events: readonly EventPair[]): void
  /** The names of the events that are mapped or have a handler. */
  events(): readonly string[]
}

export interface TopicView {
  readonly name: string
  readonly reason?: string | undefined
}

/** What is mounted now. */
export interface MountedView {
  readonly identity: string
  readonly client: QueryClientSlice
  readonly state: { readonly name: string; readonly session?: { readonly inside: SessionInside } }
}

/** The options that a recorder needs as the app wrote them. */
export interface RecordedOptions {
  readonly invalidates?: Readonly<Record<string, unknown>>
  readonly debug?: boolean
}

/** What a line gives to its recorder. */
export interface RecorderContext extends RecordedOptions {
  readonly powers: LinePowers & Partial<PageView>
  readonly tab: () => string
  readonly configuration: object
  readonly status: { get(): Status; subscribe(listener: () => void): () => void }
  readonly receipts: { add(handler: (receipt: Receipt) => void): () => void }
  readonly errors: Pick<ReturnType<typeof createErrors>, 'report' | 'kept' | 'tap' | 'forget'>
  readonly topics: { readonly all: ReadonlySet<{ readonly name: string }> }
  readonly mounted: () => MountedView | undefined
  readonly loadChunk: LoadChunk
  readonly createListeners: typeof createListeners
}

export interface PageView {
  readonly page: { isVisible(): boolean; title(): string }
}
