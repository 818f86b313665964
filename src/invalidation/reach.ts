import { EVERYTHING, invalidTargetsIn, type NormalTarget, normalize } from './target.js'

/**
 * What a rule's function can make stale, whatever the metadata. After a gap there is no metadata, so this is needed.
 *
 * It calls the function once with a stand-in for the metadata, in which every field is a wildcard. Of a key it keeps the plain
 * strings at the beginning: `(m) => [['balance', m.accountId]]` reaches `['balance']`. A field that is read but is not in the
 * result may have decided a branch (`m.type === 'card' ? … : …`), and another value might give other keys. Then, and
 * whenever the function does anything else unusual, the answer is everything. Too wide costs a fetch, too narrow a stale
 * tab. One case is not seen: a branch in another function on a value that is in the result as well.
 */
export function reachOf(rule: (metadata: never) => unknown): readonly NormalTarget[] {
  if (BRANCHING.test(String(rule))) return [EVERYTHING]
  const probe = createMetadataProbe()
  try {
    const given = rule(probe.metadata as never)
    const targets = normalize(given)
    const reach = targets.map(({ queryKey }) => ({ queryKey: plainStart(queryKey, probe.isWild) }))
    const open = invalidTargetsIn(given).length > 0 || reach.some((target) => target.queryKey.length === 0)
    return open || probe.misses(targets) ? [EVERYTHING] : reach
  } catch {
    return [EVERYTHING]
  }
}

/**
 * A value in a variable (`({ type }) => …`) is compared without a trace, and may be in the result as well. So this searches
 * the source. `?.` is not a branch; minifiers write `true` and `false` as `!0` and `!1`.
 */
const BRANCHING = /\?(?!\.\D)|&&|\|\||==|!(?![01]\b)|\b(?:if|switch|for|while|try|typeof)\b|\[native code\]/

/** A part that is not a plain string (`m.amount > 5`, `kinds[m.type]`) may come from a wildcard, and differ next time. */
function plainStart(key: readonly unknown[], isWild: (part: string) => boolean): readonly unknown[] {
  const end = key.findIndex((part) => typeof part !== 'string' || isWild(part))
  return end === -1 ? key : key.slice(0, end)
}

/** A stand-in for metadata. It numbers every field that is read, to find those that are not in the result. */
function createMetadataProbe() {
  const unseen = new Set<number>()
  const numbers = new WeakMap<object, number>()
  let last = 0
  const refuse = (): never => {
    throw new TypeError('out of reach')
  }

  const wildcard = (): object => {
    const number = ++last
    // A wildcard inside a string, in characters that JSON and URLs leave as they are.
    const toText = (hint?: unknown): string => (hint === 'number' ? refuse() : `~any${number}~`)
    const proxy: object = new Proxy(
      {},
      {
        get(_target, property) {
          if (property === Symbol.toPrimitive || property === 'toString' || property === 'toJSON') return toText
          if (typeof property === 'symbol') return refuse()
          // After `m.account` the rule reads `m.account.id`: now the id has to be in the result.
          unseen.delete(number)
          return property === 'map' ? (each: (item: object) => unknown) => [each(wildcard())] : wildcard()
        },
        has: refuse,
        ownKeys: refuse,
        getOwnPropertyDescriptor: refuse,
        getPrototypeOf: refuse,
        set: refuse,
      },
    )
    unseen.add(number)
    numbers.set(proxy, number)
    return proxy
  }

  /** The wildcards that a value holds. */
  const wildcardsIn = (value: unknown): readonly number[] => {
    if (typeof value === 'string') return [...value.matchAll(/~any(\d+)~/gi)].map(([, number]) => Number(number))
    if (typeof value !== 'object' || value === null) return []
    const number = numbers.get(value)
    return number === undefined ? Object.values(value).flatMap(wildcardsIn) : [number]
  }

  const metadata = wildcard()
  unseen.clear()
  return {
    metadata,
    isWild: (part: string) => wildcardsIn(part).length > 0,
    /** Whether something was read that is not in the result. */
    misses(result: unknown): boolean {
      for (const number of wildcardsIn(result)) unseen.delete(number)
      return unseen.size > 0
    },
  }
}
