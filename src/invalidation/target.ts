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
  if (Array.isArray(value)) return isKey(value) ? { queryKey: value } : undefined
  if (!isObject(value) || !isKey(value['queryKey'])) return undefined
  const { queryKey, scope } = value
  return scope === undefined || isObject(scope) ? { queryKey, scope } : undefined
}

function isKey(value: unknown): value is QueryKey {
  if (!Array.isArray(value) || value.length === 0) return false
  // By index, because `some` passes over holes.
  for (let index = 0; index < value.length; index++) if (isNonsense(value[index])) return false
  return true
}

/**
 * Brings what a rule says into one form; leaves out what is no target at all: an empty key (it would match everything by
 * accident), a key with `undefined` in it (it would match nothing), a number, nothing.
 */
export function normalize(targets: unknown): readonly NormalTarget[] {
  // A burst comes by here for each of its events: `map` takes just the room that it needs.
  const all = listOf(targets).map(normalizeOne)
  return all.includes(undefined) ? all.filter(isGood) : (all as NormalTarget[])
}

const isGood = (target: NormalTarget | undefined): target is NormalTarget => target !== undefined

/** What `normalize` leaves out. */
export const nonsenseIn = (targets: unknown): unknown[] => listOf(targets).filter((one) => !normalizeOne(one))

const listOf = (targets: unknown): readonly unknown[] => (Array.isArray(targets) ? targets : [targets])

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
