import { EVERYTHING, type NormalTarget, normalize } from './target.js'

/**
 * What a rule's function can make stale, whatever the metadata: needed where there is no metadata, that is after a gap.
 *
 * The function is called once with a stand-in whose every field is a wildcard. A key is cut at its first wildcard, so
 * `(m) => [['balance', m.accountId]]` reaches `['balance']`. A field that was read but is not in the result may have
 * steered it (`m.type === 'card' ? … : …`), and another value might have given other keys: then, and whenever the
 * function does anything else unusual, the answer is everything. Too wide costs a fetch, too narrow a stale tab.
 */
export function reachOf(rule: (metadata: never) => unknown): readonly NormalTarget[] {
  const probe = createProbe()
  try {
    const { targets, nonsense } = normalize(rule(probe.wildcard as never))
    const reach = targets.map(({ queryKey }) => ({ queryKey: cutAtWildcard(queryKey, probe.isWild) }))
    const seen = targets.reduce((sum, target) => sum + probe.count(target), 0)
    const open = nonsense.length > 0 || reach.some((target) => target.queryKey.length === 0)
    return open || probe.reads() > seen ? [EVERYTHING] : reach
  } catch {
    return [EVERYTHING]
  }
}

function cutAtWildcard(key: readonly unknown[], isWild: (part: unknown) => boolean): readonly unknown[] {
  const first = key.findIndex(isWild)
  return first === -1 ? key : key.slice(0, first)
}

const MARK = '\u0000any\u0000'

/** A stand-in for metadata that counts which of its fields were read, so that unused readings stand out. */
function createProbe() {
  let reads = 0
  const wilds = new WeakSet<object>()
  const refuse = (): never => {
    throw new TypeError('out of reach')
  }

  const wild = (isMetadata: boolean): object => {
    // Going on from `m.account` to `m.account.id` is one reading, to `m.account.kind` as well a second one.
    let passedThrough = isMetadata
    const proxy: object = new Proxy(
      {},
      {
        get(_target, property) {
          if (property === Symbol.toPrimitive || property === 'toString' || property === 'toJSON') return () => MARK
          if (typeof property === 'symbol') return refuse()
          if (passedThrough) reads++
          passedThrough = true
          if (property === 'map') return (each: (item: object) => unknown) => [each(wild(false))]
          return wild(false)
        },
        has: refuse,
        ownKeys: refuse,
        set: refuse,
        getPrototypeOf: refuse,
      },
    )
    wilds.add(proxy)
    return proxy
  }

  /** How many wildcards a value holds. */
  const count = (value: unknown): number => {
    if (typeof value === 'string') return value.split(MARK).length - 1
    if (typeof value !== 'object' || value === null) return 0
    if (wilds.has(value)) return 1
    return Object.values(value).reduce((sum: number, part) => sum + count(part), 0)
  }

  return { wildcard: wild(true), reads: () => reads, count, isWild: (part: unknown) => count(part) > 0 }
}
