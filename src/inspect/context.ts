import type { Match } from '../invalidation/matcher.js'
import type { liveModeOf, QueryClientSlice, QuerySlice } from '../invalidation/query-client.js'
import type { Receipt } from '../invalidation/receipt.js'
import type { CompiledRule, compileRule } from '../invalidation/rule.js'
import type { Scopeable } from '../invalidation/scope.js'
import type { NormalTarget } from '../invalidation/target.js'
import type { LinePowers, LoadChunk } from '../platform/line-powers.js'
import type { PartylineError, Report } from '../util/errors.js'
import type { createListeners } from '../util/listeners.js'
import type { HubInspection, Simulation } from '../wire/protocol.js'
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
    simulate(simulation: Simulation): Promise<void>
  }
  readonly compileRule: MatchingTools['compileRule']
  readonly liveModeOf: MatchingTools['liveModeOf']
  readonly invalidator: Pick<MatchingTools, 'matcherOf'> & {
    debtorOf(query: QuerySlice): { readonly debt: { readonly since: number } | undefined } | undefined
  }
  readonly topics: { stateOf(topic: string): TopicView }
}

interface TopicView {
  readonly name: string
  readonly reason?: string | undefined
}

/** What is mounted now. */
export interface MountedView {
  readonly identity: string
  readonly client: QueryClientSlice
  readonly state: { readonly name: string; readonly session?: { readonly inside: SessionInside } }
}

/** What a line gives to its recorder. */
export interface RecorderContext {
  readonly powers: LinePowers & Partial<PageView>
  readonly tab: () => string
  /** The rules as the app wrote them. */
  readonly invalidates: Readonly<Record<string, unknown>>
  readonly configuration: object
  readonly status: { get(): Status; subscribe(listener: () => void): () => void }
  readonly onReceipt: (handler: (receipt: Receipt) => void) => () => void
  /** Those that were reported before recording began. */
  readonly errors: readonly PartylineError[]
  /** The topics that the app uses. */
  readonly topics: ReadonlySet<{ readonly name: string }>
  readonly mounted: () => MountedView | undefined
  readonly loadChunk: LoadChunk
  readonly report: Report
  readonly createListeners: typeof createListeners
}

export interface PageView {
  readonly page: { isVisible(): boolean; title(): string }
}
