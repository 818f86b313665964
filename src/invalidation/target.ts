/** A TanStack Query key. */
export type QueryKey = readonly unknown[]

/**
 * Metadata fields matched against a query: a query is skipped only if it names one of them with another value.
 * Fields that are undefined do not count.
 */
export type Scope = Readonly<Record<string, unknown>>

/** Any text. The compiler keeps the literals that stand where this is expected, so that they can be compared. */
type Text = (string & {}) | ''

/** A key whose parts the compiler keeps as they are written. */
type WrittenKey = readonly [Text, ...(Text | number | boolean | bigint | object | null | undefined)[]] | QueryKey

/** A query key with a scope. */
export interface ScopedTarget {
  /** A part that is undefined is unknown: the key counts up to it. */
  readonly queryKey: WrittenKey
  /** A plain object. Its type may be an interface. */
  readonly scope?: object | undefined
}

/**
 * A target of an event. A string is the query key `[string]`. An array is a query key, and every key that begins with
 * it matches, as in TanStack Query. An object adds a scope. A part that is undefined is unknown: the key counts up to
 * it.
 */
export type Target = Text | WrittenKey | ScopedTarget

/** One or several targets. An array here is always a list of targets: a single key is written `[['balance', id]]`. */
export type Targets = Text | ScopedTarget | readonly [Target, ...Target[]] | readonly Target[]

/** A query key prefix that a rule can reach. A string is the query key `[string]`. */
export type Touch = Text | WrittenKey

/** A target in the form that the matcher takes. */
export interface NormalTarget {
  readonly queryKey: QueryKey
  readonly scope?: Scope | undefined
  /** Data requested after this logical timestamp contains the change. Default: no data does. */
  readonly after?: number
  /** An own write caused the event: data that the app has set after `after` and up to this timestamp is its answer. */
  readonly own?: number
  /** So long after its fetches, they are made once more. Milliseconds. */
  readonly againMs?: number
  /** The numbers of the events that it stands for. */
  readonly events?: readonly number[]
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
  typeof part === 'function' || typeof part === 'symbol' || Number.isNaN(part)

/** Nothing that a rule gives is as deep as this, unless it holds itself. */
export const MAX_DEPTH = 8

function hasUnknown(value: unknown, depth = 0): boolean {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return value === undefined
  return Object.values(value).some((inner) => hasUnknown(inner, depth + 1))
}

/** The same value as far as it is known: a list up to its first undefined, an object without its undefined fields. */
function known(value: unknown, depth = 0): unknown {
  if (depth > MAX_DEPTH || !hasUnknown(value)) return value
  if (Array.isArray(value)) {
    const end = value.indexOf(undefined)
    return (end === -1 ? value : value.slice(0, end)).map((inner) => known(inner, depth + 1))
  }
  const fields = Object.entries(value as object).filter(([, inner]) => inner !== undefined)
  return Object.fromEntries(fields.map(([name, inner]) => [name, known(inner, depth + 1)]))
}

/** The key up to its first unknown part. Undefined if that is no key. */
function knownKey(value: unknown): QueryKey | undefined {
  if (!Array.isArray(value)) return undefined
  let end = 0
  // By index, because `findIndex` and `some` are slower, or skip holes.
  while (end < value.length && value[end] !== undefined) {
    if (isInvalidPart(value[end])) return undefined
    end++
  }
  if (end === 0) return undefined
  const key = end === value.length ? value : value.slice(0, end)
  // Objects in a target's key are rare, and only they can hold something unknown.
  return key.some(isDeep) ? (known(key) as QueryKey) : key
}

const isDeep = (part: unknown): boolean => typeof part === 'object' && part !== null

/** The first field that a target does not have. The options of a query are a target too: they have its key. */
function foreignField(target: object): string | undefined {
  if ('queryFn' in target) return undefined
  for (const field in target) if (field !== 'queryKey' && field !== 'scope') return field
  return undefined
}

/** Undefined if the value is no target. A field that a target does not have is left out. */
function leniently(value: unknown): NormalTarget | undefined {
  if (typeof value === 'string') return value === '' ? undefined : { queryKey: [value] }
  if (!isObject(value)) {
    const queryKey = knownKey(value)
    return queryKey && { queryKey }
  }
  const { scope } = value
  const queryKey = knownKey(value['queryKey'])
  return queryKey && (scope === undefined || isObject(scope)) ? { queryKey, scope } : undefined
}

/** Undefined if the value is no target, or has a field that a target does not have. */
const strictly = (value: unknown): NormalTarget | undefined =>
  isObject(value) && foreignField(value) !== undefined ? undefined : leniently(value)

/**
 * Brings a rule's targets into one form, without the invalid ones. Invalid are an empty key (it would match everything
 * by accident), a number, undefined, and an object with an unknown field. `lenient`: the object stays, without that
 * field.
 */
export function normalize(targets: unknown, lenient = false): readonly NormalTarget[] {
  // This runs for each event of a burst: `map` allocates only the array it needs.
  const all = listOf(targets).map(lenient ? leniently : strictly)
  return all.includes(undefined) ? all.filter(isValid) : (all as NormalTarget[])
}

const isValid = (target: NormalTarget | undefined): target is NormalTarget => target !== undefined

/** The invalid targets, which `normalize` leaves out. */
export const invalidTargetsIn = (targets: unknown): unknown[] => listOf(targets).filter((one) => !strictly(one))

/** What to do about invalid targets. */
export function remedyFor(targets: unknown, invalid: readonly unknown[]): string {
  const field = invalid.map((one) => isObject(one) && 'queryKey' in one && foreignField(one)).find(Boolean)
  if (field) return `a target has no field '${field}', only queryKey and scope`
  const [first] = listOf(targets)
  return Array.isArray(targets) && typeof first === 'string'
    ? `an array is a list of targets. A single key is written [['${first}', ...]]`
    : 'a target is a string, a query key or { queryKey, scope }'
}

export const listOf = (targets: unknown): readonly unknown[] => (Array.isArray(targets) ? targets : [targets])

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
