import { contradicts } from './scope.js'
import { type NormalTarget, type QueryKey, startsWith } from './target.js'

/** `hit`: a target matches. `skipped`: one would, but its scope contradicts. */
export type Verdict = 'hit' | 'skipped' | undefined

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
    for (const { queryKey, scope } of candidates ?? []) {
      if (!startsWith(query.queryKey, queryKey)) continue
      if (!scope || !contradicts(query.queryKey, queryKey.length, query.meta?.['scope'], scope)) return 'hit'
      verdict = 'skipped'
    }
    return verdict
  }

  return (query) => {
    const direct = test(query, byHead.get(query.queryKey[0]))
    return direct === 'hit' || headless.length === 0 ? direct : (test(query, headless) ?? direct)
  }
}
