import { contradicts } from './scope.js'
import { type NormalTarget, type QueryKey, startsWith } from './target.js'

/**
 * A number: a target matches, and only data that was asked for after that place has the change. `skipped`: a target would
 * match, but its scope contradicts.
 */
export type Verdict = number | 'skipped' | undefined

interface Matchable {
  readonly queryKey: QueryKey
  readonly meta?: Readonly<Record<string, unknown>> | undefined
}

const isPrimitive = (value: unknown): boolean => typeof value !== 'object' || value === null

/**
 * Compiles targets into one question per query, so that a flush walks the cache once whatever their number: targets
 * are looked up by the first part of the key.
 */
export function createMatcher(targets: Iterable<NormalTarget>): (query: Matchable) => Verdict {
  const byHead = new Map<unknown, NormalTarget[]>()
  const headless: NormalTarget[] = []
  for (const target of targets) {
    const head = target.queryKey[0]
    if (target.queryKey.length === 0 || !isPrimitive(head)) headless.push(target)
    else {
      const same = byHead.get(head)
      if (same) same.push(target)
      else byHead.set(head, [target])
    }
  }

  const test = (query: Matchable, candidates: readonly NormalTarget[] | undefined): Verdict => {
    let verdict: Verdict
    for (const { queryKey, scope, after = Number.POSITIVE_INFINITY } of candidates ?? []) {
      if (typeof verdict === 'number' && verdict >= after) continue
      if (!startsWith(query.queryKey, queryKey)) continue
      const misses = scope && contradicts(query.queryKey, queryKey.length, query.meta?.['scope'], scope)
      if (!misses) verdict = after
      else verdict ??= 'skipped'
    }
    return verdict
  }

  return (query) => {
    const direct = test(query, byHead.get(query.queryKey[0]))
    if (headless.length === 0) return direct
    const other = test(query, headless)
    if (typeof direct === 'number') return typeof other === 'number' ? Math.max(direct, other) : direct
    return other ?? direct
  }
}
