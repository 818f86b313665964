import type { LiveMode } from '../invalidation/query-client.js'
import type { Outcome, Receipt, ServerEvent } from '../invalidation/receipt.js'
import type { QueryKey } from '../invalidation/target.js'
import type { PartylineErrorCode } from '../util/errors.js'
import type { HubInspection, HubRecord } from '../wire/hub-calls.js'
import type { Host, Status, StatusName } from '../wire/status.js'

/** The inspector's data. All of it is plain data, without credentials: you may log, copy and send it. */

/** One thing that happened, in this tab or in the hub. Narrow it on `kind`. */
export type LineRecord = {
  /** Counts up from 1, for one line in one tab. */
  readonly n: number
  /** Milliseconds since the Unix epoch. */
  readonly at: number
} & (TabRecord | ({ readonly from: 'hub' } & HubRecordFields))

/** A hub's record, without its own number and age. */
type HubRecordFields = Omit<HubRecord, 'n' | 'ageMs'>

export type TabRecord = { readonly from: 'tab' } & (
  | {
      readonly kind: 'status'
      readonly name: StatusName
      readonly reason: string | undefined
      readonly host: Host | undefined
      readonly role: 'leader' | 'follower' | undefined
      readonly tabs: number
    }
  /** An event that this tab received. `isMapped`: it is in `invalidates`. Handlers of `on` may get it either way. */
  | { readonly kind: 'event'; readonly event: ServerEvent; readonly isMapped: boolean }
  /** `skippedBy`: the fields of scopes that its skipped queries contradict. */
  | { readonly kind: 'receipt'; readonly receipt: Receipt; readonly skippedBy?: readonly string[] }
  /** A fetch of a query has ended. `durationMs`: since it began, with its retries. */
  | {
      readonly kind: 'fetch'
      readonly queryKey: QueryKey
      readonly outcome: 'succeeded' | 'failed' | 'cancelled'
      readonly durationMs: number
      /** The error's name and message. */
      readonly reason?: string
    }
  | {
      readonly kind: 'error'
      readonly code: PartylineErrorCode
      readonly message: string
      readonly detail: Readonly<Record<string, unknown>>
    }
  | { readonly kind: 'gap'; readonly reason: string; readonly until: number }
  /** This tab's `auth` was asked by the hub. */
  | {
      readonly kind: 'credentials'
      readonly step: 'asked' | 'given' | 'failed'
      /** Milliseconds since the Unix epoch. */
      readonly expiresAt?: number
    }
  /** What this tab sent has settled: `ok`, or the code that it rejected with. Its data is not told. `durationMs`: since the call. */
  | {
      readonly kind: 'send'
      readonly event: string
      readonly outcome: 'ok' | PartylineErrorCode
      readonly durationMs: number
    }
  /** The outcome of a topic of this tab. `left`: the tab no longer uses it. */
  | { readonly kind: 'topic'; readonly topic: string; readonly step: string; readonly reason?: string }
)

export type RecordKind = LineRecord['kind']

/** A snapshot of a line. */
export interface Inspection {
  /** Milliseconds since the Unix epoch. */
  readonly at: number
  readonly tab: { readonly id: string; readonly title: string; readonly isVisible: boolean }
  readonly status: Status
  /** Undefined while nobody is signed in. */
  readonly identity: string | undefined
  /** The options in force, with their defaults. Functions are left out. `key`: what names the worker, the locks and the channels. */
  readonly settings: Readonly<Record<string, unknown>> & { readonly key: string | undefined }
  readonly rules: readonly RuleInspection[]
  readonly queries: readonly QueryInspection[]
  readonly topics: readonly { readonly name: string; readonly state: string; readonly reason?: string }[]
  /** One entry for each code and subject, at most 50, the last one last. */
  readonly errors: readonly ErrorInspection[]
  /** Since the first `onRecord` or `inspect` of this line. */
  readonly savings: Savings
  /** Undefined while this tab is attached to none, or it does not answer. Its records are among `records`. */
  readonly hub: Omit<HubInspection, 'records'> | undefined
  /** The last 500, the newest last. */
  readonly records: readonly LineRecord[]
}

export interface RuleInspection {
  readonly event: string
  /** The key prefixes that it can reach. Empty prefix: every query. */
  readonly touches: readonly QueryKey[]
  /** It declares them. */
  readonly isDeclared: boolean
  readonly hasSchema: boolean
  /** How many of its events came, since recording began. */
  readonly events: number
  /** How many of those matched a query, and how many matched none. */
  readonly hits: number
  readonly misses: number
}

export interface QueryInspection {
  readonly queryKey: QueryKey
  readonly queryHash: string
  readonly status: string
  readonly fetchStatus: string
  /** A mounted component observes it. */
  readonly isActive: boolean
  readonly live: LiveMode | 'auto'
  /** Milliseconds since the Unix epoch, or 0 for never. */
  readonly lastFetchedAt: number
  /** The last event that matched it, since recording began. */
  readonly lastEvent: { readonly name: string; readonly at: number } | undefined
  /** It still owes a fetch, since then. Milliseconds since the Unix epoch. */
  readonly pendingSince: number | undefined
  /** The events whose rules can reach it. */
  readonly reachedBy: readonly string[]
}

export interface ErrorInspection {
  readonly code: PartylineErrorCode
  readonly message: string
  readonly detail: Readonly<Record<string, unknown>>
  readonly count: number
  /** Milliseconds since the Unix epoch. */
  readonly firstAt: number
  readonly lastAt: number
}

/** What this tab was spared, counted from receipts. Never negative. */
export interface Savings {
  readonly events: number
  /** By outcome of its queries. */
  readonly outcomes: Readonly<Record<Outcome, number>>
  /** Fetches of this tab, by its query cache. */
  readonly fetches: number
  /** What this tab would have fetched if it refetched every active query of a mapped event at each event. At least `fetches`. */
  readonly fetchesWithoutPartyline: number
}

/** What one event would do to one query, and why. */
export interface Explanation {
  readonly queryKey: QueryKey
  /** `matches`: it would be refetched. `skipped`: its key contradicts the scope. `unmatched`: no target has its key. `off`: its `meta.live` is `off`, or its `staleTime` is `static`. */
  readonly outcome: 'matches' | 'skipped' | 'unmatched' | 'off'
  /** In words: `type: salary is not card`. */
  readonly reason: string
  /** The target that matched, or whose scope the query contradicts. */
  readonly target?: { readonly queryKey: QueryKey; readonly scope?: Readonly<Record<string, unknown>> }
}
