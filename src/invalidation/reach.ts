import { EVERYTHING, type NormalTarget, nonsenseIn, normalize } from './target.js'

/**
 * What a rule's function can make stale, whatever the metadata: needed where there is no metadata, that is after a gap.
 *
 * The function is called once with a stand-in whose every field is a wildcard. Of a key, the plain strings that it
 * begins with are kept: `(m) => [['balance', m.accountId]]` reaches `['balance']`. A field that was read but is not in
 * the result may have steered it (`m.type === 'card' ? … : …`), and another value might have given other keys: then, and
 * whenever the function does anything else unusual, the answer is everything. Too wide costs a fetch, too narrow a stale
 * tab. What stays unseen: a branch in another function on a value that is in the result as well.
 */
export function reachOf(rule: (metadata: never) => unknown): readonly NormalTarget[] {
  if (STEERING.test(String(rule))) return [EVERYTHING]
  const probe = createProbe()
  try {
    const given = rule(probe.metadata as never)
    const targets = normalize(given)
    const reach = targets.map(({ queryKey }) => ({ queryKey: plainStart(queryKey, probe.isWild) }))
    const open = nonsenseIn(given).length > 0 || reach.some((target) => target.queryKey.length === 0)
    return open || probe.misses(targets) ? [EVERYTHING] : reach
  } catch {
    return [EVERYTHING]
  }
}

/**
 * A value in a variable (`({ type }) => …`) is compared without a trace, and may be in the result as well. So the source
 * is looked at. `?.` is no branch, `!0` and `!1` are what minifiers make of `true` and `false`.
 */
const STEERING = /\?(?!\.\D)|&&|\|\||==|!(?![01]\b)|\b(?:if|switch|for|while|try|typeof)\b|\[native code\]/

/** What is no plain string (`m.amount > 5`, `kinds[m.type]`) may come of a wildcard, and be something else next time. */
function plainStart(key: readonly unknown[], isWild: (part: string) => boolean): readonly unknown[] {
  const end = key.findIndex((part) => typeof part !== 'string' || isWild(part))
  return end === -1 ? key : key.slice(0, end)
}

/** A stand-in for metadata that numbers every field that is read, so that those which are not in the result stand out. */
function createProbe() {
  const unseen = new Set<number>()
  const numbers = new WeakMap<object, number>()
  let last = 0
  const refuse = (): never => {
    throw new TypeError('out of reach')
  }

  const wildcard = (): object => {
    const number = ++last
    // A wildcard inside a string; of characters that JSON and URLs leave as they are.
    const mark = (hint?: unknown): string => (hint === 'number' ? refuse() : `~any${number}~`)
    const proxy: object = new Proxy(
      {},
      {
        get(_target, property) {
          if (property === Symbol.toPrimitive || property === 'toString' || property === 'toJSON') return mark
          if (typeof property === 'symbol') return refuse()
          // Going on from `m.account` to `m.account.id`: it is the id that has to be in the result.
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
