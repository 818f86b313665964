import { isScalar, mayBeNumber, type QueryKey, type Scope } from './target.js'

/** A value as scopes compare it: one for what clients and servers write differently. */
export type Name = string | number

/** What means "any", as `anyNames` makes it. */
export type AnyNames = ReadonlySet<Name>

/** A field of a scope: where it is in an object (`['input', 'accountId']`), and its values. */
export interface ScopeField {
  readonly path: readonly string[]
  readonly names: readonly Name[]
}

/** A query, as far as scopes are concerned. */
export interface Scopeable {
  readonly queryKey: QueryKey
  readonly meta?: Readonly<Record<string, unknown>> | undefined
}

export type AnyValue = string | number | bigint | boolean

/** What means "any", besides null and ''. */
export const DEFAULT_ANY_VALUES: readonly AnyValue[] = ['all', '*', 'any']

export const anyNames = (values: readonly unknown[]): AnyNames => new Set(['', ...values.map(toName)])

/** Deeper fields of a scope do not count: an object may hold itself. */
const MAX_SCOPE_DEPTH = 4
/** A longer number may be an id that JavaScript does not hold exactly. */
const MAX_NUMBER_CHARACTERS = 16
const MAX_INTEGER = 1e15

/** The same for `7` and `'07'`, `true` and `'1'`, two cases of a UUID. */
function toName(value: unknown): Name {
  if (Number.isInteger(value) && Math.abs(value as number) < MAX_INTEGER) return value as number
  const text = String(value).trim().toLowerCase()
  if (text === 'true') return 1
  if (text === 'false') return 0
  const number = mayBeNumber(text) && text.length <= MAX_NUMBER_CHARACTERS ? Number(text) : Number.NaN
  return Number.isFinite(number) ? number : text
}

/**
 * The values that a field names; a comma list and an array name each of their members. Undefined in doubt: null, a value that means
 * "any", a negation, an object.
 */
function namesOf(value: unknown, any: AnyNames): readonly Name[] | undefined {
  const names: Name[] = []
  for (const one of Array.isArray(value) ? value : [value]) {
    const name = isScalar(one) ? toName(one) : ''
    if (any.has(name)) return undefined
    names.push(name)
    if (typeof name === 'number') continue
    const members = name.includes(',') ? namesOf(name.split(','), any) : []
    if (!members || name.startsWith('!')) return undefined
    names.push(...members)
  }
  return names.length > 0 ? names : undefined
}

/** Only a plain object is an input. An instance of a class may mean anything. */
function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  // Another page's `Object.prototype` counts too.
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** The fields of a scope that count: an event that names no value of a field may concern all of them. */
export function scopeFieldsOf(scope: Scope, any: AnyNames, above: readonly string[] = []): readonly ScopeField[] {
  const fields: ScopeField[] = []
  for (const field of Object.keys(scope)) {
    const value = scope[field]
    const path = [...above, field]
    const names = namesOf(value, any)
    if (names) fields.push({ path, names })
    else if (isPlain(value) && path.length < MAX_SCOPE_DEPTH) fields.push(...scopeFieldsOf(value, any, path))
  }
  return fields
}

/** What generated clients put their input into. */
const ENVELOPE_FIELDS = ['input', 'query', 'params', 'path', 'body'] as const
type Envelope = { readonly [field in (typeof ENVELOPE_FIELDS)[number] | 'type']?: unknown }

const isBox = (value: unknown): boolean => typeof value === 'object' && value !== null

/** An envelope's fields beside the input are the client's own. tRPC leaves `input` out where there is none. */
// By name, not in a loop over the fields: that took half of the time of a match.
const isEnvelope = ({ input, query, params, path, body, type }: Envelope): boolean =>
  isBox(input) || isBox(query) || isBox(params) || isBox(path) || isBox(body) || type === 'query' || type === 'infinite'

/** Where to begin with `namedBy`. In the part of the key that the target names itself, only nested fields count: there may be an envelope. */
export const firstPart = (prefixLength: number, { length }: ScopeField['path']): number =>
  length > 1 ? 0 : prefixLength

/**
 * The values that one part of a query's key names for the field at this path, or after the last part its `meta.scope`. Undefined in
 * doubt.
 */
export function namedBy(
  { queryKey, meta }: Scopeable,
  index: number,
  path: ScopeField['path'],
  any: AnyNames,
): readonly Name[] | undefined {
  const isKey = index < queryKey.length
  const part = isKey ? queryKey[index] : meta?.['scope']
  let value = part
  for (let depth = 0; depth < path.length; depth++) {
    const field = path[depth] as string
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, field) || !isPlain(value)) return undefined
    value = value[field]
  }
  const names = namesOf(value, any)
  const isInput = !names || !isKey || ENVELOPE_FIELDS.includes(path[0] as never) || !isEnvelope(part as Envelope)
  return isInput ? names : undefined
}

/** Whether a query that names these values may contain a change of those. */
export function agree(wanted: readonly Name[], found: readonly Name[]): boolean {
  for (const name of found) if (wanted.includes(name)) return true
  return false
}

/**
 * Whether a query says that it can't contain a change of this scope. It does so by naming one of the scope's fields with other
 * values, in a plain object of its key after the prefix or in `meta.scope`. A field that is not named is no contradiction: in
 * doubt, the query is refetched.
 */
export function contradicts(query: Scopeable, prefixLength: number, scope: Scope, any: AnyNames): boolean {
  return scopeFieldsOf(scope, any).some(({ path, names }) => {
    for (let index = firstPart(prefixLength, path); index <= query.queryKey.length; index++) {
      const found = namedBy(query, index, path, any)
      if (found && !agree(names, found)) return true
    }
    return false
  })
}
