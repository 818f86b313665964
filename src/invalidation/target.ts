/** A TanStack Query key. */
export type QueryKey = readonly unknown[]

/**
 * Metadata fields matched against a query: a query is skipped only if it names one of them with another value.
 * Fields that are undefined do not count.
 */
export type Scope = Readonly<Record<string, unknown>>

/** A query key with a scope. */
export interface ScopedTarget {
  readonly queryKey: QueryKey
  readonly scope?: Scope | undefined
}

/**
 * What an event makes stale: a string is the query key `[string]`, an array is a query key (every key that begins with
 * it matches, as TanStack's own), an object adds a scope.
 */
export type Target = string | QueryKey | ScopedTarget

/** One or several targets. An array here is always a list of targets: a single key is written `[['balance', id]]`. */
export type Targets = string | ScopedTarget | readonly Target[]

/** Targets as the matcher takes them. */
export interface NormalTarget {
  readonly queryKey: QueryKey
  readonly scope?: Scope | undefined
  /** Data that was asked for after this place in the order of things has the change already. Default: no data has. */
  readonly after?: number
  /** A request of this tab caused it: what the app has set after that place, and up to this one, is its answer. */
  readonly own?: number
}

/** Matches every query. */
export const EVERYTHING: NormalTarget = { queryKey: [] }

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isNonsense = (part: unknown): boolean =>
  part === undefined || typeof part === 'function' || typeof part === 'symbol' || Number.isNaN(part)

function normalizeOne(value: unknown): NormalTarget | undefined {
  if (typeof value === 'string') return value === '' ? undefined : { queryKey: [value] }
  const scoped = isObject(value)
  const key = scoped ? value['queryKey'] : value
  const scope = scoped ? value['scope'] : undefined
  // Spread, because `some` passes over holes.
  if (!Array.isArray(key) || key.length === 0 || [...key].some(isNonsense)) return undefined
  if (scope !== undefined && !isObject(scope)) return undefined
  return { queryKey: key, scope }
}

/**
 * Brings what a rule says into one form. `nonsense` collects what is no target at all: an empty key (it would match
 * everything by accident), a key with `undefined` in it (it would match nothing), a number, nothing.
 */
export function normalize(targets: unknown): { readonly targets: NormalTarget[]; readonly nonsense: unknown[] } {
  const list = Array.isArray(targets) ? targets : [targets]
  const good: NormalTarget[] = []
  const nonsense: unknown[] = []
  for (const one of list) {
    const target = normalizeOne(one)
    if (target) good.push(target)
    else nonsense.push(one)
  }
  return { targets: good, nonsense }
}

/**
 * Whether a query key begins with another, part by part: TanStack's `partialMatchKey`, here so that the core depends on
 * no copy of query-core. A property test holds the two together.
 */
export function startsWith(key: unknown, prefix: unknown): boolean {
  if (key === prefix) return true
  if (typeof key !== 'object' || typeof prefix !== 'object' || key === null || prefix === null) return false
  if (Array.isArray(key) && Array.isArray(prefix)) {
    if (prefix.length > key.length) return false
    for (let index = 0; index < prefix.length; index++) if (!startsWith(key[index], prefix[index])) return false
    return true
  }
  return Object.keys(prefix).every((field) =>
    startsWith((key as Record<string, unknown>)[field], (prefix as Record<string, unknown>)[field]),
  )
}

/** The same for equal targets, so that a burst keeps them once; another one where two can't be told apart for sure. */
export function identify({ queryKey, scope }: NormalTarget): string {
  try {
    // A burst asks this for each event, and JSON is many times slower where every value is looked at.
    if (queryKey.every(isPlain) && (scope === undefined || Object.values(scope).every(isPlain)))
      return JSON.stringify(scope === undefined ? queryKey : [queryKey, scope])
    return JSON.stringify([queryKey, scope], exact)
  } catch {
    return `apart ${Math.random()}`
  }
}

const isPlain = (value: unknown): boolean =>
  typeof value === 'string' || typeof value === 'boolean' || value === null || Number.isFinite(value)

/** JSON drops or blurs what it does not know; two targets must never become one by that. */
function exact(this: Record<string, unknown>, field: string, value: unknown): unknown {
  // A date, say, has become its text already.
  if (!Object.is(this[field], value)) throw new TypeError('not plain')
  const known =
    typeof value === 'string' || typeof value === 'object' || typeof value === 'boolean' || Number.isFinite(value)
  return known ? value : `\u0000${typeof value} ${String(value)}`
}
