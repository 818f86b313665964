import { createMatcher } from '../invalidation/matcher.js'
import { liveModeOf, type QueryClientSlice, type QuerySlice } from '../invalidation/query-client.js'
import { type CompiledRule, inWords } from '../invalidation/rule.js'
import { anyNames, DEFAULT_ANY_VALUES, scopeFieldsOf } from '../invalidation/scope.js'
import { isScalar, type NormalTarget, type QueryKey, startsWith } from '../invalidation/target.js'
import type { Report } from '../util/errors.js'
import type { Metadata } from '../wire/protocol.js'
import { isNearly, isSpeltAlike } from './spelling.js'

/** So many events of a rule are waited for before anything is said of it. */
const MIN_EVENTS = 10
/** At so many looks a query has to be what the rule seems to mean. */
const MIN_NEAR = 3
/** A rule that reaches so many different things, and all that there is. */
const MIN_BROAD_KINDS = 5
/** How long after an event the cache is checked. */
const LOOK_AFTER_MS = 1_000
/** Of a rule's events between two looks, the last ones are kept. */
const MAX_KEPT_EVENTS = 20
/** In a larger cache, only so many queries are compared with a target. */
const MAX_QUERIES = 1_000
const MAX_DATA_CHARACTERS = 2_000
/** A list of objects with so many fields is data, and no list of references. */
const MIN_DATA_FIELDS = 4
/** So many beginnings of keys are named. */
const MAX_HEADS = 10
/** So many events of a name are checked for data. */
const MAX_DATA_LOOKS = 20
/** Deeper values of a key do not count. */
const MAX_LOOK_DEPTH = 4

const NO_ANY = anyNames(DEFAULT_ANY_VALUES)

/** A rule, and what came of its events so far. */
interface Watched {
  readonly event: string
  readonly rule: CompiledRule
  /** All of its events. */
  heard: number
  /** Those with targets. */
  events: number
  /** Targets of the last events that were not looked at, per event. */
  fresh: (readonly NormalTarget[])[]
  /** It has matched a query, ever. */
  hasHit: boolean
  /** Looks at which a query was nearly what the rule gave. */
  near: number
  /** Looks in a row at which all of the cache matched. Undefined: it does not reach everything. */
  broad: number | undefined
  /** Looks at which a field of its scopes was named by no query, by field. Undefined: a query has named it. */
  readonly fields: Map<string, number | undefined>
}

type SayOnce = (subject: string, ...words: Parameters<Report>) => void

export interface RuleHintsOptions {
  readonly report: Report
  readonly after: (ms: number, run: () => void) => () => void
  /** The mounted one. */
  readonly client: () => QueryClientSlice | undefined
}

/** What can be said of rules by looking at their events and at the cache: that what a rule gives is not what is there. */
export function createRuleHints({ report, after, client }: RuleHintsOptions) {
  const watched = new Map<string, Watched>()
  const said = new Set<string>()
  let isLookPlanned = false

  const sayOnce: SayOnce = (subject, ...words) => {
    if (!said.has(subject)) report(...words)
    said.add(subject)
  }

  function resolved(one: Watched, metadata: Metadata | null, targets: readonly NormalTarget[]): void {
    one.heard++
    if (metadata && one.heard <= MAX_DATA_LOOKS) lookAtMetadata(one.event, metadata)
    // What stands for every query was reported already, or is told of as a rule without touches.
    if (targets.length === 0 || targets.some(({ queryKey }) => queryKey.length === 0)) return
    one.events++
    one.fresh = [...one.fresh, targets].slice(-MAX_KEPT_EVENTS)
    planLook()
  }

  function planLook(): void {
    if (isLookPlanned) return
    isLookPlanned = true
    after(LOOK_AFTER_MS, () => {
      isLookPlanned = false
      look()
    })
  }

  function lookAtMetadata(event: string, metadata: Metadata): void {
    const why = whyData(metadata)
    if (!why) return
    const what = `the metadata of '${event}' ${why}: an event names what has changed, and the queries fetch it. Send ids`
    sayOnce(`data ${event}`, 'data-in-metadata', what, { detail: { event } })
  }

  function look(): void {
    const all = client()?.getQueryCache().getAll() ?? []
    for (const { queryKey, meta } of all.slice(0, MAX_QUERIES)) lookAtLive(sayOnce, queryKey, meta?.['live'])
    const queries = all.filter((query) => liveModeOf(query) !== 'off')
    for (const one of watched.values()) {
      const { fresh } = one
      one.fresh = []
      if (fresh.length > 0 && queries.length > 0) lookAtRule(one, fresh, queries)
    }
  }

  function lookAtRule(one: Watched, fresh: Watched['fresh'], queries: readonly QuerySlice[]): void {
    lookWhetherMissed(one, fresh, queries)
    if (!one.hasHit) return
    lookWhetherBroad(one, fresh.at(-1) ?? [], queries)
    lookAtScopes(sayOnce, one, fresh.flat(), queries)
  }

  function lookWhetherMissed(one: Watched, fresh: Watched['fresh'], queries: readonly QuerySlice[]): void {
    if (one.hasHit) return
    // A query that the scope contradicts has the key.
    const matchOf = createMatcher(fresh.flat(), NO_ANY)
    one.hasHit = queries.some((query) => matchOf(query) !== undefined)
    if (one.hasHit) return
    // What another rule is for is not meant by this one.
    const others = [...watched.values()].filter((other) => other !== one).flatMap(({ rule }) => declaredReach(rule))
    const candidates = queries
      .slice(0, MAX_QUERIES)
      .filter(({ queryKey }) => !others.some((reached) => startsWith(queryKey, reached.queryKey)))
    const pair = nearestPair(fresh.flat(), candidates)
    if (!pair || ++one.near < MIN_NEAR || one.events < MIN_EVENTS) return
    const heads = [...new Set(queries.map(({ queryKey }) => inWords(queryKey[0])))].slice(0, MAX_HEADS).join(', ')
    const what = `the rule of '${one.event}' gave ${inWords(pair.given)}, which matched none of ${queries.length} queries in ${one.events} events. Keys in the cache begin with: ${heads}. Did you mean ${inWords(pair.meant)}?`
    sayOnce(`missed ${one.event}`, 'rule-missed', what, { detail: { event: one.event, queryKey: pair.given } })
  }

  function lookWhetherBroad(one: Watched, targets: readonly NormalTarget[], queries: readonly QuerySlice[]): void {
    if (one.broad === undefined || kindsOf(queries) < MIN_BROAD_KINDS) return
    const matchOf = createMatcher(targets, NO_ANY)
    if (!queries.every((query) => matchOf(query) !== undefined)) one.broad = undefined
    else if (++one.broad >= MIN_EVENTS) {
      const gave = targets.map(({ queryKey }) => inWords(queryKey)).join(', ')
      const what = `the rule of '${one.event}' gave ${gave}, so each of its events refetches all ${queries.length} queries in the cache. Give a longer key, or a scope`
      sayOnce(`broad ${one.event}`, 'too-broad', what, { detail: { event: one.event } })
    }
  }

  return {
    /** Looks at the cache soon, as after an event. */
    planLook,
    watch(rules: ReadonlyMap<string, CompiledRule>): void {
      for (const [event, rule] of rules) {
        const one: Watched = {
          event,
          rule,
          heard: 0,
          events: 0,
          fresh: [],
          hasHit: false,
          near: 0,
          broad: 0,
          fields: new Map(),
        }
        watched.set(event, one)
        const { resolve } = rule
        rule.resolve = (metadata) => {
          const targets = resolve(metadata)
          resolved(one, metadata, targets)
          return targets
        }
      }
    },
    /** The mapped events that have not come so far. */
    unheard: (): string[] => [...watched.values()].filter(({ heard }) => heard === 0).map(({ event }) => event),
  }
}

/** Looks whether a query's live mode is one. */
function lookAtLive(sayOnce: SayOnce, queryKey: QueryKey, live: unknown): void {
  if (live === undefined || live === 'auto' || liveModeOf({ meta: { live } }) !== 'auto') return
  const what = `meta.live of ${inWords(queryKey)} is ${inWords(live)}, which counts as 'auto'. It can be 'always', 'first-page', 'manual' or 'off'`
  sayOnce(`live ${String(live)}`, 'bad-option', what, { detail: { option: 'meta.live', queryKey } })
}

/** Looks whether the fields of a rule's scopes are those that queries name. */
function lookAtScopes(
  sayOnce: SayOnce,
  one: Watched,
  targets: readonly NormalTarget[],
  queries: readonly QuerySlice[],
): void {
  for (const { queryKey, scope } of targets) {
    if (!scope) continue
    const fields = scopeFieldsOf(scope, NO_ANY).map(({ path }) => path.at(-1) as string)
    const unnamed = fields.filter((field) => !one.fields.has(field) || one.fields.get(field) !== undefined)
    if (unnamed.length === 0) continue
    const matched = queries.slice(0, MAX_QUERIES).filter((query) => startsWith(query.queryKey, queryKey))
    const named = new Set(matched.flatMap(({ queryKey, meta }) => [...namesIn(queryKey), ...namesIn(meta?.['scope'])]))
    for (const field of unnamed) {
      const other = [...named].find((name) => !fields.includes(name) && isSpeltAlike(name, field))
      if (named.has(field)) one.fields.set(field, undefined)
      else if (other !== undefined) suspect(sayOnce, one, field, other)
    }
  }
}

function suspect(sayOnce: SayOnce, one: Watched, field: string, other: string): void {
  const times = (one.fields.get(field) ?? 0) + 1
  one.fields.set(field, times)
  if (times < MIN_EVENTS) return
  const what = `the rule of '${one.event}' gives a scope with the field '${field}', which no query names, so it spares no fetch. Queries name '${other}': did you mean that?`
  sayOnce(`scope ${one.event} ${field}`, 'scope-missed', what, { detail: { event: one.event, field } })
}

/** What a rule says that it can reach; a bare function says nothing. */
export const declaredReach = (rule: CompiledRule): readonly NormalTarget[] =>
  rule.reach().filter(({ queryKey }) => queryKey.length > 0)

/** A target that matches nothing, and the query that it was meant for by all appearances. */
function nearestPair(targets: readonly NormalTarget[], queries: readonly QuerySlice[]) {
  for (const { queryKey: given } of targets) {
    const meant = queries.find(({ queryKey }) => isMeant(given, queryKey))
    if (meant) return { given, meant: meant.queryKey }
  }
  return undefined
}

/**
 * Whether a target's key means a query's key that has another form. Its first word is nearly the same, the word is at
 * another place, or the data is in an object. All of the target's data has to be in the query's key.
 */
function isMeant(given: QueryKey, key: QueryKey): boolean {
  const [head, ...rest] = given
  if (typeof head !== 'string' || startsWith(key, given)) return false
  const data = scalarsIn(rest)
  const [first, ...others] = key
  const found = scalarsIn(others)
  const hasData = data.every((one) => found.includes(one))
  if (first === head) return data.length > 0 && hasData
  return hasData && ((typeof first === 'string' && isNearly(first, head)) || others.includes(head))
}

/** The values in a part of a key, as texts. */
function scalarsIn(value: unknown, depth = 0): readonly string[] {
  if (isScalar(value)) return [String(value)]
  if (typeof value !== 'object' || value === null || depth > MAX_LOOK_DEPTH) return []
  return Object.values(value).flatMap((inner) => scalarsIn(inner, depth + 1))
}

/** The fields of the objects in a part of a key. */
function namesIn(value: unknown, depth = 0): readonly string[] {
  if (typeof value !== 'object' || value === null || depth > MAX_LOOK_DEPTH) return []
  const own = Array.isArray(value) ? [] : Object.keys(value)
  return [...own, ...Object.values(value).flatMap((inner) => namesIn(inner, depth + 1))]
}

/** How many different things a cache holds, by the words at the beginning of its keys. What has a digit may be an id. */
function kindsOf(queries: readonly QuerySlice[]): number {
  const kinds = queries.slice(0, MAX_QUERIES).map(({ queryKey }) => {
    const end = queryKey.findIndex((part) => typeof part !== 'string' || /\d/.test(part))
    return (end === -1 ? queryKey : queryKey.slice(0, end)).join('/')
  })
  return new Set(kinds).size
}

/** Why metadata seems to be data; undefined if it does not. A list of ids may be long. */
function whyData(metadata: Metadata): string | undefined {
  const lists = Object.values(metadata).filter(Array.isArray)
  const isRow = (one: unknown) => typeof one === 'object' && one !== null && Object.keys(one).length >= MIN_DATA_FIELDS
  if (lists.some((list) => list.some(isRow))) return 'holds a list of objects'
  const { length } = JSON.stringify(metadata, (_field, value) =>
    Array.isArray(value) && value.every(isScalar) ? [] : value,
  )
  return length > MAX_DATA_CHARACTERS ? `has ${length} characters` : undefined
}
