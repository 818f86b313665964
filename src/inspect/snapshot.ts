import type { QuerySlice } from '../invalidation/query-client.js'
import type { CompiledRule } from '../invalidation/rule.js'
import type { HubInspection } from '../wire/hub-calls.js'
import type { MatchingTools, PageView, RecorderContext, SessionInside } from './context.js'
import { createJudge } from './explain.js'
import type { ErrorInspection, Inspection, LineRecord, QueryInspection, RuleInspection } from './inspection.js'
import { plain, plainMessages, plainSocketOptions, plainUrl } from './plain.js'
import { isInUse, type Tallies } from './tallies.js'

interface SnapshotOptions {
  readonly context: RecorderContext
  readonly page: PageView['page']
  /** Undefined while no session is open. */
  readonly inside: SessionInside | undefined
  readonly tallies: Tallies
  /** Undefined while no session is open. */
  readonly tools: MatchingTools | undefined
  readonly errors: readonly ErrorInspection[]
  /** The names of those that the app uses. */
  readonly topics: readonly string[]
  readonly hub: HubInspection | undefined
  readonly records: readonly LineRecord[]
}

export function takeSnapshot(options: SnapshotOptions): Inspection {
  const { context, page, inside, hub, records, errors, tools } = options
  const { powers, mounted, status } = context
  const reaching = [...(inside?.rules ?? [])].flatMap(([event, rule]) =>
    tools ? { event, judge: createJudge(rule.reach(), tools) } : [],
  )
  return {
    at: powers.clock.now(),
    tab: { id: context.tab(), title: page.title(), isVisible: page.isVisible() },
    status: plainMessages(status.get()),
    // Nobody's, once it has signed out.
    identity: mounted()?.state.name === 'signed-out' ? undefined : mounted()?.identity,
    settings: settingsOf(context, inside),
    rules: [...(inside?.rules ?? [])].map(([event, rule]) => ruleOf(event, rule, options)),
    queries: (mounted()?.client.getQueryCache().getAll() ?? []).map((query) => queryOf(query, options, reaching)),
    topics: options.topics.map((name) => {
      const { name: state, reason } = inside?.topics.stateOf(name) ?? NOT_OPEN
      return { name, state, ...(reason !== undefined && plainMessages({ reason })) }
    }),
    errors,
    savings: options.tallies.savings(),
    hub: hub && hubOf(hub),
    records: [...records],
  }
}

const NOT_OPEN: ReturnType<SessionInside['topics']['stateOf']> = { name: 'away' }

/** Its records are among the line's. */
function hubOf({ records: _, ...hub }: HubInspection): Inspection['hub'] {
  return plainMessages(hub)
}

function settingsOf({ configuration }: RecorderContext, inside: SessionInside | undefined): Inspection['settings'] {
  const {
    url,
    socket = {},
    transport,
    ...rest
  } = configuration as {
    readonly url?: unknown
    readonly socket?: object
    readonly transport?: { readonly name: string }
  }
  const known = inside?.url ?? (typeof url === 'string' ? url : undefined)
  return {
    key: inside?.key,
    ...(known !== undefined && { url: plainUrl(known) }),
    ...plain(rest),
    ...(transport && { transport: transport.name }),
    socket: plainSocketOptions({ ...socket }),
  }
}

function ruleOf(event: string, rule: CompiledRule, { context, tallies }: SnapshotOptions): RuleInspection {
  return {
    event,
    touches: rule.reach().map(({ queryKey }) => plain(queryKey)),
    isDeclared: isDeclared(context.invalidates?.[event]),
    hasSchema: rule.parse !== undefined,
    ...tallies.rule(event),
  }
}

/** A list of targets says itself what it reaches. */
function isDeclared(written: unknown): boolean {
  if (typeof written === 'function') return false
  const { touches, targets } = Object(written) as { readonly touches?: unknown; readonly targets?: unknown }
  return touches !== undefined || typeof targets !== 'function'
}

interface ReachingRule {
  readonly event: string
  readonly judge: ReturnType<typeof createJudge>
}

function queryOf(
  query: QuerySlice,
  { inside, tallies, tools }: SnapshotOptions,
  rules: readonly ReachingRule[],
): QueryInspection {
  const { queryHash, queryKey, state } = query
  return {
    queryKey: plain(queryKey),
    queryHash,
    status: state.status,
    fetchStatus: state.fetchStatus,
    isActive: isInUse(query),
    live: tools?.liveModeOf(query) ?? 'auto',
    lastFetchedAt: state.dataUpdatedAt,
    lastEvent: tallies.lastEvent(query),
    pendingSince: inside?.invalidator.debtorOf(query)?.debt?.since,
    reachedBy: rules.filter(({ judge }) => judge.outcomeOf(query) === 'matches').map(({ event }) => event),
  }
}
