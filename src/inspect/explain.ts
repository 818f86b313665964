import type { QuerySlice } from '../invalidation/query-client.js'
import type { CompiledRule } from '../invalidation/rule.js'
import type { Scopeable } from '../invalidation/scope.js'
import type { NormalTarget, QueryKey } from '../invalidation/target.js'
import type { Metadata } from '../wire/protocol.js'
import type { MatchingTools } from './context.js'
import type { Explanation } from './inspection.js'
import { plain } from './plain.js'

/** A query as far as it decides whether an event concerns it. */
type ExplainedQuery = Pick<QuerySlice, 'queryKey' | 'isStatic'> & Scopeable

/** What a flush would do to queries because of some targets. */
export interface Judge {
  outcomeOf(query: ExplainedQuery): Explanation['outcome']
  /** The one that matches, or whose scope the query contradicts. */
  targetOf(query: ExplainedQuery): NormalTarget | undefined
}

/** Creates what judges queries by these targets, with the matcher that a flush has. */
export function createJudge(targets: readonly NormalTarget[], { matcherOf, liveModeOf }: MatchingTools): Judge {
  const matchOf = matcherOf(targets)
  const matchers = targets.map((target) => [target, matcherOf([target])] as const)
  return {
    outcomeOf(query) {
      const match = matchOf(query)
      if (match === undefined) return 'unmatched'
      if (liveModeOf(query) === 'off') return 'off'
      return match === 'skipped' ? match : isStatic(query) ? 'off' : 'matches'
    },
    targetOf(query) {
      const match = matchOf(query)
      return match && matchers.find(([, one]) => typeof one(query) === typeof match)?.[0]
    },
  }
}

/** The app's own `staleTime` may throw. */
function isStatic(query: ExplainedQuery): boolean {
  try {
    return query.isStatic?.() === true
  } catch {
    return false
  }
}

/** Why a query is skipped: the scope's field, and in words what the query has there. */
export function contradictionOf(target: NormalTarget, query: ExplainedQuery, tools: MatchingTools) {
  for (const [path, value] of scopeValuesOf(target.scope ?? {})) {
    const scope = path.reduceRight<unknown>((inner, field) => ({ [field]: inner }), value) as object
    if (tools.matcherOf([{ queryKey: target.queryKey, scope: { ...scope } }])(query) !== 'skipped') continue
    const sources = [...query.queryKey, query.meta?.['scope']]
    const found = sources.map((source) => foundAt(source, path)).filter((one) => one !== undefined)
    return { field: path.join('.'), reason: `${found.map(inShort).join(' or ')} is not ${inShort(value)}` }
  }
  return undefined
}

/** The values of a scope, and where they are. */
function scopeValuesOf(scope: object, above: readonly string[] = []): (readonly [readonly string[], unknown])[] {
  return Object.entries(scope).flatMap(([field, value]) => {
    const path = [...above, field]
    const isInner =
      typeof value === 'object' && value !== null && !Array.isArray(value) && path.length < MAX_SCOPE_LEVELS
    return isInner ? scopeValuesOf(value as object, path) : [[path, value] as const]
  })
}

const MAX_SCOPE_LEVELS = 4

const foundAt = (source: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((value, field) => (Object(value) as Record<string, unknown>)[field], source)

/** Without the quotes of a text. */
const inShort = (value: unknown): string => {
  if (typeof value === 'string') return value
  try {
    return JSON.stringify(plain(value))?.replaceAll('"', "'") ?? String(value)
  } catch {
    return '...'
  }
}

function reasonOf(
  outcome: Explanation['outcome'],
  target: NormalTarget | undefined,
  query: ExplainedQuery,
  tools: MatchingTools,
): string {
  if (!target) return 'no target has its key'
  if (outcome === 'skipped') {
    const { field, reason } = contradictionOf(target, query, tools) ?? { field: 'scope', reason: 'is another one' }
    return `${field}: ${reason}`
  }
  if (outcome === 'off') return tools.liveModeOf(query) === 'off' ? 'its meta.live is off' : 'its staleTime is static'
  const begins = target.queryKey.length === 0 ? 'every query' : `its key begins with ${inShort(target.queryKey)}`
  const why = target.scope ? `${begins}, and it contradicts nothing of the scope` : begins
  return tools.liveModeOf(query) === 'manual' ? `${why}. It is fetched when the app asks: its meta.live is manual` : why
}

interface ExplainedEvent {
  readonly event: string
  readonly metadata: unknown
  /** The one in force; undefined if the event has none. */
  readonly rule: CompiledRule | undefined
  /** The same rule, compiled once more: nothing is reported, and the one in force learns nothing. */
  readonly copy: CompiledRule
}

/** Says for each query what one event would do to it. */
export function explainEvent(
  { event, metadata, rule, copy }: ExplainedEvent,
  queries: readonly QuerySlice[],
  tools: MatchingTools,
): readonly Explanation[] {
  const targets = rule ? dryTargets(rule, copy, metadata) : []
  const judge = createJudge(targets, tools)
  return queries.map((query) => {
    const outcome = judge.outcomeOf(query)
    const target = judge.targetOf(query)
    return {
      queryKey: plain(query.queryKey),
      outcome,
      reason: rule ? reasonOf(outcome, target, query, tools) : `'${event}' has no rule`,
      ...(target && { target: targetOf(target) }),
    }
  })
}

const targetOf = ({ queryKey, scope }: NormalTarget): NonNullable<Explanation['target']> => ({
  queryKey: plain(queryKey as QueryKey),
  ...(scope && { scope: plain(scope) }),
})

/** The targets of an event that does not happen. */
function dryTargets(rule: CompiledRule, copy: CompiledRule, metadata: unknown): readonly NormalTarget[] {
  const isObject = typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata)
  const targets = copy.resolve(isObject ? (metadata as Metadata) : null)
  // It stands for all that it can reach, and the one in force may have learnt of more.
  return targets === copy.reach() ? [...rule.reach(), ...targets] : targets
}
