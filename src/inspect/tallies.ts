import type { QueryClientSlice, QuerySlice } from '../invalidation/query-client.js'
import type { Outcome, Receipt } from '../invalidation/receipt.js'
import type { CompiledRule } from '../invalidation/rule.js'
import type { NormalTarget } from '../invalidation/target.js'
import type { MatchingTools } from './context.js'
import { contradictionOf, createJudge } from './explain.js'
import type { RuleInspection, Savings } from './inspection.js'

/** So many different events of one flush are compared with the cache: a burst must not stop the page that is inspected. */
const MAX_COMPARED = 50
/** Of those, as many as there is time for where many queries match: so many comparisons of one event with one query. */
const MAX_COMPARISONS = 5_000
/** The fields of a scope are looked for in so many of the queries that it skips. */
const MAX_SKIPPED_LOOKS = 100

type RuleCounts = Pick<RuleInspection, 'events' | 'hits' | 'misses'>

/** Events with one name and the same targets, since the last flush. */
interface ResolvedEvents {
  readonly event: string
  readonly targets: readonly NormalTarget[]
  readonly count: number
  /** Of the last one. Milliseconds since the Unix epoch. */
  readonly at: number
}

interface TalliesOptions {
  readonly now: () => number
  readonly client: () => QueryClientSlice | undefined
  /** Undefined while no session is open. */
  readonly tools: () => MatchingTools | undefined
}

const NO_OUTCOMES: Readonly<Record<Outcome, number>> = {
  refetched: 0,
  shared: 0,
  joined: 0,
  deferred: 0,
  skipped: 0,
  covered: 0,
  failed: 0,
}

export type Tallies = ReturnType<typeof createTallies>

/** Counts what events did, by rule, by query and for the whole tab. */
export function createTallies({ now, client, tools: toolsOf }: TalliesOptions) {
  const watched = new WeakSet<CompiledRule>()
  let rules = new Map<string, RuleCounts>()
  let lastEvents = new WeakMap<QuerySlice, { readonly name: string; readonly at: number }>()
  let resolved = new Map<string, ResolvedEvents>()
  let events = 0
  let fetches = 0
  /** What a refetch of all active queries at each event would have fetched, and what the events did cause. */
  let eachEvent = 0
  let caused = 0
  /** Receipts that no event asked for, such as those of gaps: a tab with a connection of its own would fetch that as well. */
  let gaps = new Set<number>()
  let outcomes = { ...NO_OUTCOMES }

  function add(event: string, change: Partial<RuleCounts>): void {
    const { events, hits, misses } = rules.get(event) ?? NOTHING
    const { events: more = 0, hits: moreHits = 0, misses: moreMisses = 0 } = change
    rules.set(event, { events: events + more, hits: hits + moreHits, misses: misses + moreMisses })
  }

  function onResolved(event: string, targets: readonly NormalTarget[]): void {
    add(event, { events: 1 })
    const text = `${event} ${textOf(targets)}`
    const { count } = resolved.get(text) ?? { count: 0 }
    if (count > 0 || resolved.size < MAX_COMPARED) resolved.set(text, { event, targets, count: count + 1, at: now() })
  }

  /** Compares the events of a flush with the queries that are there. Gives the fields that skipped queries contradict. */
  function compare(): readonly string[] {
    const fields = new Set<string>()
    const compared = resolved
    resolved = new Map()
    const tools = toolsOf()
    if (!tools) return []
    // All of the cache once; each event with those alone that any event matches.
    const matchOf = tools.matcherOf([...compared.values()].flatMap(({ targets }) => targets))
    const queries = (client()?.getQueryCache().getAll() ?? []).filter((query) => matchOf(query) !== undefined)
    let comparisons = 0
    let looks = 0
    for (const { event, targets, count, at } of compared.values()) {
      if (comparisons > MAX_COMPARISONS) break
      comparisons += queries.length
      const judge = createJudge(targets, tools)
      let isHit = false
      for (const query of queries) {
        const outcome = judge.outcomeOf(query)
        if (outcome === 'matches') {
          isHit = true
          lastEvents.set(query, { name: event, at })
        }
        if (outcome === 'skipped' && looks++ < MAX_SKIPPED_LOOKS) {
          const target = judge.targetOf(query)
          const contradiction = target && contradictionOf(target, query, tools)
          if (contradiction) fields.add(contradiction.field)
        }
        if ((outcome === 'matches' || outcome === 'skipped') && isInUse(query)) eachEvent += count
      }
      add(event, isHit ? { hits: count } : { misses: count })
    }
    return [...fields]
  }

  return {
    received(count: number): void {
      events += count
    },
    fetched(): void {
      fetches++
    },
    /** From now on each event that a rule resolves is counted. The rule is called no more often than without. */
    watch(all: ReadonlyMap<string, CompiledRule>): void {
      for (const [event, rule] of all) {
        if (watched.has(rule)) continue
        watched.add(rule)
        const { resolve } = rule
        rule.resolve = (metadata) => {
          const targets = resolve(metadata)
          onResolved(event, targets)
          return targets
        }
      }
    },
    /** Gives the fields of scopes that its skipped queries contradict. */
    receipt(receipt: Receipt): readonly string[] {
      const { number, cause, answers } = receipt
      const fields = cause === 'events' ? compare() : []
      if (cause !== 'events' && answers.every((one) => gaps.has(one))) gaps.add(number)
      else caused += receipt.refetched.length + receipt.shared.length
      for (const outcome of Object.keys(outcomes) as Outcome[]) outcomes[outcome] += receipt[outcome].length
      return receipt.skipped.length > 0 ? fields : []
    },
    rule: (event: string): RuleCounts => rules.get(event) ?? NOTHING,
    lastEvent: (query: QuerySlice) => lastEvents.get(query),
    savings: (): Savings => ({
      events,
      outcomes: { ...outcomes },
      fetches,
      fetchesWithoutPartyline: fetches + Math.max(0, eachEvent - caused),
    }),
    forget(): void {
      rules = new Map()
      lastEvents = new WeakMap()
      resolved = new Map()
      events = 0
      fetches = 0
      eachEvent = 0
      caused = 0
      gaps = new Set()
      outcomes = { ...NO_OUTCOMES }
    },
  }
}

/** The app's own `enabled` may throw. */
export function isInUse(query: QuerySlice): boolean {
  try {
    return query.isActive()
  } catch {
    return false
  }
}

const NOTHING: RuleCounts = { events: 0, hits: 0, misses: 0 }

function textOf(targets: readonly NormalTarget[]): string | undefined {
  try {
    return JSON.stringify(targets)
  } catch {
    return undefined
  }
}
