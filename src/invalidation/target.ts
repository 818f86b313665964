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

/** A target in the form that the matcher takes. */
export interface NormalTarget {
  readonly queryKey: QueryKey
  readonly scope?: Scope | undefined
  /** Data requested after this logical timestamp contains the change. Default: no data does. */
  readonly after?: number
  /** An own write caused the event: data that the app has set after `after` and up to this timestamp is its answer. */
  readonly own?: number
  /** How many events it stands for. */
  readonly count?: number
}

export const isScalar = (value: unknown): value is string | number | boolean | bigint =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint'

/** False for a text that begins with a letter, as most do, and for none. */
export const mayBeNumber = (text: string): boolean => text.charCodeAt(0) <= 57

/** Matches every query. */
export const EVERYTHING: NormalTarget = { queryKey: [] }

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isInvalidPart = (part: unknown): boolean =>
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
  // By index, because `some` skips holes.
  for (let index = 0; index < value.length; index++) if (isInvalidPart(value[index])) return false
  return true
}

/**
 * Brings a rule's targets into one form, without the invalid ones: an empty key (it would match everything by accident), a key
 * with `undefined` in it (it would match nothing), a number, undefined.
 */
export function normalize(targets: unknown): readonly NormalTarget[] {
  // This runs for each event of a burst: `map` allocates just the array it needs.
  const all = listOf(targets).map(normalizeOne)
  return all.includes(undefined) ? all.filter(isValid) : (all as NormalTarget[])
}

const isValid = (target: NormalTarget | undefined): target is NormalTarget => target !== undefined

/** The invalid targets, which `normalize` leaves out. */
export const invalidTargetsIn = (targets: unknown): unknown[] => listOf(targets).filter((one) => !normalizeOne(one))

const listOf = (targets: unknown): readonly unknown[] => (Array.isArray(targets) ? targets : [targets])

/**
 * Whether a query key begins with another, part by part. This is TanStack's `partialMatchKey`, except that `7` and `'7'`, `true` and
 * `'true'` are the same: a server's text is often a page's number. A property test compares the two.
 */
export function startsWith(key: unknown, prefix: unknown): boolean {
  if (key === prefix) return true
  if (isScalar(key) && isScalar(prefix)) return String(key) === String(prefix)
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
