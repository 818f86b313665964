import { contradicts } from './scope.js'
import { type NormalTarget, type QueryKey, startsWith } from './target.js'

/** Targets match: what has the change already is data that was asked for after that place, or set up to the place `own`. */
export interface Hit {
  readonly after: number
  readonly own: number
}

/** `skipped`: a target would match, but its scope contradicts. */
export type Match = Hit | 'skipped' | undefined

interface Matchable {
  readonly queryKey: QueryKey
  readonly meta?: Readonly<Record<string, unknown>> | undefined
}

const isPrimitive = (value: unknown): boolean => typeof value !== 'object' || value === null

/** Targets that begin with the same part, by the second one where they have one that can be looked up. */
interface Group {
  readonly bySecond: Map<unknown, NormalTarget[]>
  readonly others: NormalTarget[]
}

/**
 * Compiles targets into one question per query, so that a flush walks the cache once whatever their number: targets
 * are looked up by the first two parts of the key.
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
    let verdict: Match
    if (group) {
      const candidates = group.bySecond.get(queryKey[1])
      if (candidates) verdict = test(query, candidates, verdict)
      if (group.others.length > 0) verdict = test(query, group.others, verdict)
    }
    return headless.length === 0 ? verdict : test(query, headless, verdict)
  }
}

function test(query: Matchable, candidates: readonly NormalTarget[], before: Match): Match {
  let verdict = before
  for (const { queryKey, scope, after = Number.POSITIVE_INFINITY, own = 0 } of candidates) {
    const hit = isHit(verdict) ? verdict : undefined
    // It could not say more than what was said already.
    if (hit && hit.after >= after && own >= hit.own) continue
    if (!startsWith(query.queryKey, queryKey)) continue
    const misses = scope && contradicts(query.queryKey, queryKey.length, query.meta?.['scope'], scope)
    if (misses) verdict ??= 'skipped'
    else verdict = { after: Math.max(after, hit?.after ?? 0), own: Math.min(own, hit?.own ?? Number.POSITIVE_INFINITY) }
  }
  return verdict
}

export const isHit = (verdict: Match): verdict is Hit => typeof verdict === 'object'
