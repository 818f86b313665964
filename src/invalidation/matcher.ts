import { type NormalTarget, type QueryKey, type Scope, startsWith } from './target.js'

/**
 * A target matches. Data that was requested after the logical timestamp `after` contains the change already; so does data
 * that the app has set between `after` and `own`.
 */
export interface Hit {
  readonly after: number
  readonly own: number
}

/** `skipped`: a target would match, but its scope contradicts the query. */
export type Match = Hit | 'skipped' | undefined

interface Matchable {
  readonly queryKey: QueryKey
  readonly meta?: Readonly<Record<string, unknown>> | undefined
}

const isPrimitive = (value: unknown): boolean => typeof value !== 'object' || value === null

/** Targets with the same first part, by their second part if that is primitive. */
interface Group {
  readonly bySecond: Map<unknown, NormalTarget[]>
  readonly others: NormalTarget[]
}

/**
 * Compiles targets into one function per query, so that a flush walks the cache once whatever their number. It looks targets
 * up by the first two parts of the key.
 */
export function createMatcher(targets: Iterable<NormalTarget>): (query: Matchable) => Match {
  const byHead = new Map<unknown, Group>()
  const headless: NormalTarget[] = []
  for (const target of targets) {
    const [head, second] = target.queryKey
    if (target.queryKey.length === 0 || !isPrimitive(head)) {
      headless.push(target)
      continue
    }
    const group: Group = byHead.get(head) ?? { bySecond: new Map(), others: [] }
    byHead.set(head, group)
    const same = group.bySecond.get(second)
    if (target.queryKey.length === 1 || !isPrimitive(second)) group.others.push(target)
    else if (same) same.push(target)
    else group.bySecond.set(second, [target])
  }

  return (query) => {
    const { queryKey } = query
    const group = byHead.get(queryKey[0])
    let match: Match
    if (group) {
      const candidates = group.bySecond.get(queryKey[1])
      if (candidates) match = test(query, candidates, match)
      if (group.others.length > 0) match = test(query, group.others, match)
    }
    return headless.length === 0 ? match : test(query, headless, match)
  }
}

/** Merges the match of these candidates into the match so far. */
function test(query: Matchable, candidates: readonly NormalTarget[], before: Match): Match {
  let match = before
  for (const { queryKey, scope, after = Number.POSITIVE_INFINITY, own = 0 } of candidates) {
    const hit = isHit(match) ? match : undefined
    // The hit so far is at least as strict.
    if (hit && hit.after >= after && own >= hit.own) continue
    if (!startsWith(query.queryKey, queryKey)) continue
    const misses = scope && contradicts(query.queryKey, queryKey.length, query.meta?.['scope'], scope)
    if (misses) match ??= 'skipped'
    else match = { after: Math.max(after, hit?.after ?? 0), own: Math.min(own, hit?.own ?? Number.POSITIVE_INFINITY) }
  }
  return match
}

export const isHit = (match: Match): match is Hit => typeof match === 'object'

/**
 * Whether a query says that it can't contain a change of this scope. It does so by naming one of the scope's fields with
 * another value, in an object of its key after the prefix or in `meta.scope`. `1` and `'1'` are the same value, and a list
 * names each of its members. A field that is not named is no contradiction: in doubt, the query is refetched.
 */
export function contradicts(queryKey: QueryKey, prefixLength: number, metaScope: unknown, scope: Scope): boolean {
  if (objectContradicts(metaScope, scope)) return true
  for (let index = prefixLength; index < queryKey.length; index++) {
    if (objectContradicts(queryKey[index], scope)) return true
  }
  return false
}

function objectContradicts(object: unknown, scope: Scope): boolean {
  if (typeof object !== 'object' || object === null || Array.isArray(object)) return false
  return Object.keys(scope).some((field) => {
    if (!Object.hasOwn(object, field)) return false
    const wanted = valuesOf(scope[field])
    const found = valuesOf((object as Record<string, unknown>)[field])
    return wanted !== undefined && found !== undefined && !found.some((value) => wanted.includes(value))
  })
}

const SCALARS: readonly string[] = ['string', 'number', 'boolean', 'bigint']

/** The values that a field names. Undefined in doubt: null, '' and objects often mean "any". */
function valuesOf(value: unknown): readonly string[] | undefined {
  const values = Array.isArray(value) ? value : [value]
  if (values.length === 0 || !values.every((one) => SCALARS.includes(typeof one) && one !== '')) return undefined
  return values.map(String)
}
