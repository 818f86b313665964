import type { QueryKey, Scope } from './target.js'

const isPrimitive = (value: unknown): value is string | number | boolean | bigint =>
  ['string', 'number', 'boolean', 'bigint'].includes(typeof value)

/** The values a field can be said to name, or undefined where that is in doubt (null, '' and objects: often "any"). */
function named(value: unknown): readonly string[] | undefined {
  const values = Array.isArray(value) ? value : [value]
  if (values.length === 0 || !values.every((one) => isPrimitive(one) && one !== '')) return undefined
  return values.map(String)
}

function objectContradicts(object: unknown, scope: Scope): boolean {
  if (typeof object !== 'object' || object === null || Array.isArray(object)) return false
  return Object.keys(scope).some((field) => {
    if (!Object.hasOwn(object, field)) return false
    const wanted = named(scope[field])
    const found = named((object as Record<string, unknown>)[field])
    return wanted !== undefined && found !== undefined && !found.some((value) => wanted.includes(value))
  })
}

/**
 * Whether a query says of itself that it can't contain a change of this scope: it names one of the scope's fields with
 * another value, in an object of its key after the prefix or in `meta.scope`. `1` and `'1'` are the same value, a list
 * names each of its members. Whatever is not said is no contradiction: in doubt, a query is refetched.
 */
export function contradicts(queryKey: QueryKey, prefixLength: number, metaScope: unknown, scope: Scope): boolean {
  if (objectContradicts(metaScope, scope)) return true
  for (let index = prefixLength; index < queryKey.length; index++) {
    if (objectContradicts(queryKey[index], scope)) return true
  }
  return false
}
