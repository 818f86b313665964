import { isScalar, type QueryKey, type Scope } from './target.js'

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

export const anyNames = (values: readonly unknown[]): AnyNames => new Set(['', ...values.map(nameOf)])

/** Deeper fields of a scope do not count: an object may hold itself. */
const MAX_DEPTH = 4
/** A longer number may be an id that JavaScript does not hold exactly. */
const MAX_NUMBER_CHARACTERS = 16
const MAX_INTEGER = 1e15
const NINE = '9'.charCodeAt(0)

/** The same for `7` and `'07'`, `true` and `'1'`, two cases of a UUID. */
function nameOf(value: unknown): Name {
  if (Number.isInteger(value) && Math.abs(value as number) < MAX_INTEGER) return value as number
  const text = String(value).trim().toLowerCase()
  // Most texts begin with a letter.
  if (text.charCodeAt(0) <= NINE && text.length <= MAX_NUMBER_CHARACTERS) {
    const number = Number(text)
    return Number.isFinite(number) ? number : text
  }
  return text === 'true' ? 1 : text === 'false' ? 0 : text
}

/**
 * The values that a field names; a comma list and an array name each of their members. Undefined in doubt: null, a value that means
 * "any", a negation, an object.
 */
function namesOf(value: unknown, any: AnyNames): Name | readonly Name[] | undefined {
  if (Array.isArray(value)) {
    const all = value.map((one: unknown) => (Array.isArray(one) ? undefined : namesOf(one, any)))
    return all.length === 0 || all.includes(undefined) ? undefined : (all.flat() as Name[])
  }
  if (!isScalar(value)) return undefined
  const name = nameOf(value)
  const names = typeof name === 'string' && name.includes(',') ? [name, ...name.split(',').map(nameOf)] : name
  return (typeof names === 'object' ? names.some((one) => isDoubt(one, any)) : isDoubt(names, any)) ? undefined : names
}

const isDoubt = (name: Name, any: AnyNames): boolean =>
  any.has(name) || (typeof name === 'string' && name.startsWith('!'))

const listOf = (names: Name | readonly Name[]): readonly Name[] => (typeof names === 'object' ? names : [names])

/** Only a plain object is an input. An instance of a class may mean anything. */
export function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  // Another page's `Object.prototype` counts too.
  return prototype === Object.prototype || prototype === null || Object.getPrototypeOf(prototype) === null
}

/** The fields of a scope that count: an event that names no value of a field may concern all of them. */
export function fieldsOf(scope: Scope, any: AnyNames, above: readonly string[] = []): readonly ScopeField[] {
  const fields: ScopeField[] = []
  for (const field of Object.keys(scope)) {
    const value = scope[field]
    const path = [...above, field]
    const names = namesOf(value, any)
    if (names !== undefined) fields.push({ path, names: listOf(names) })
    else if (isPlain(value) && path.length < MAX_DEPTH) fields.push(...fieldsOf(value, any, path))
  }
  return fields
}

/** What generated clients put their input into. The fields beside it are the client's own. */
interface Envelope {
  readonly input?: unknown
  readonly query?: unknown
  readonly params?: unknown
  readonly path?: unknown
  readonly body?: unknown
  readonly type?: unknown
}
const ENVELOPE_FIELDS: readonly string[] = ['input', 'query', 'params', 'path', 'body'] satisfies (keyof Envelope)[]

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null

function isEnvelope(object: Envelope): boolean {
  const { input, query, params, path, body, type } = object
  if (isObject(input) || isObject(query) || isObject(params) || isObject(path) || isObject(body)) return true
  // Of tRPC, which leaves `input` out where there is none.
  const isTrpc = type === 'query' || type === 'infinite'
  return isTrpc && Object.keys(object).every((field) => field === 'type' || field === 'input')
}

/** Where to begin with `namedBy`. In the part of the key that the target names itself, only nested fields count: there may be an envelope. */
export const firstPart = (prefixLength: number, { length }: ScopeField['path']): number =>
  length > 1 ? 0 : prefixLength

/**
 * The values that one part of a query's key names for the field at this path, or after the last part its `meta.scope`. Undefined in
 * doubt.
 */
export function namedBy({ queryKey, meta }: Scopeable, index: number, path: ScopeField['path'], any: AnyNames) {
  const isKey = index < queryKey.length
  const part = isKey ? queryKey[index] : meta?.['scope']
  let value = part
  for (let depth = 0; depth < path.length; depth++) {
    const field = path[depth] as string
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, field) || !isPlain(value)) return undefined
    value = value[field]
  }
  const names = namesOf(value, any)
  if (names === undefined || !isKey || ENVELOPE_FIELDS.includes(path[0] as string)) return names
  return isEnvelope(part as object) ? undefined : names
}

/** Whether a query that names these values may contain a change of those. */
export const agree = (wanted: readonly Name[], found: Name | readonly Name[]): boolean =>
  typeof found === 'object' ? found.some((name) => wanted.includes(name)) : wanted.includes(found)

/**
 * Whether a query says that it can't contain a change of this scope. It does so by naming one of the scope's fields with other
 * values, in a plain object of its key after the prefix or in `meta.scope`. A field that is not named is no contradiction: in
 * doubt, the query is refetched.
 */
export function contradicts(query: Scopeable, prefixLength: number, scope: Scope, any: AnyNames): boolean {
  return fieldsOf(scope, any).some(({ path, names }) => {
    for (let index = firstPart(prefixLength, path); index <= query.queryKey.length; index++) {
      const found = namedBy(query, index, path, any)
      if (found !== undefined && !agree(names, found)) return true
    }
    return false
  })
}
