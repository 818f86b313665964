import { contradicts } from './scope.js'
import { type NormalTarget, type QueryKey, startsWith } from './target.js'

/** Targets match: what has the change already is data that was asked for after that place, or set if all are `own`. */
export interface Hit {
  readonly after: number
  readonly own: boolean
}

/** `skipped`: a target would match, but its scope contradicts. */
export type Verdict = Hit | 'skipped' | undefined

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

  const test = (query: Matchable, candidates: readonly NormalTarget[] | undefined, before?: Verdict): Verdict => {
    let verdict = before
    for (const { queryKey, scope, after = Number.POSITIVE_INFINITY, own = false } of candidates ?? []) {
      const hit = isHit(verdict) ? verdict : undefined
      // It could not say more than what was said already.
      if (hit && hit.after >= after && (own || !hit.own)) continue
      if (!startsWith(query.queryKey, queryKey)) continue
      const misses = scope && contradicts(query.queryKey, queryKey.length, query.meta?.['scope'], scope)
      if (misses) verdict ??= 'skipped'
      else verdict = { after: Math.max(after, hit?.after ?? 0), own: own && hit?.own !== false }
    }
    return verdict
  }

  return (query) => test(query, headless, test(query, byHead.get(query.queryKey[0])))
}

export const isHit = (verdict: Verdict): verdict is Hit => typeof verdict === 'object'
