import type { NormalTarget } from './target.js'

/** A target that is changed in place: this code runs for each event of a burst. */
interface Collected extends NormalTarget {
  after: number
  own: number
  againMs: number
  events: number[]
}

interface TargetNode {
  next?: Map<unknown, TargetNode>
  target?: Collected
}

/** Separates a key from its scope, and precedes the text of an object. No part of a target equals one of these. */
const SCOPE = Symbol('scope')
const TEXT = Symbol('text')

/**
 * Keeps each target once, however often it is put. It compares part by part: serializing each target would cost several times
 * as much, for each event of a burst.
 */
export function createTargetSet() {
  let root: TargetNode = {}
  let targets: Collected[] = []
  /** What was put before, and where: the events of a burst often have the same targets. */
  let last: readonly NormalTarget[] | undefined
  const lastCollected: Collected[] = []

  function collectedOf({ queryKey, scope }: NormalTarget, after: number, own: number): Collected {
    let node = root
    for (let index = 0; index < queryKey.length; index++) node = step(node, queryKey[index])
    if (scope) {
      node = step(node, SCOPE)
      for (const field in scope) {
        // Fields that are undefined do not count.
        if (scope[field] !== undefined) node = step(step(node, field), scope[field])
      }
    }
    if (!node.target) {
      node.target = { queryKey, scope, after, own, againMs: 0, events: [] }
      targets.push(node.target)
    }
    return node.target
  }

  function put(same: Collected, after: number, own: number, againMs: number, event: number): void {
    same.events.push(event)
    if (after > same.after) same.after = after
    if (own < same.own) same.own = own
    if (againMs > same.againMs) same.againMs = againMs
  }

  return {
    /** Of equal targets the strictest counts: data fetched after the last of them, or set up to the first. `event`: its number. */
    put(all: readonly NormalTarget[], after: number, own: number, againMs: number, event: number): void {
      const isLast = all === last
      last = all
      for (let index = 0; index < all.length; index++) {
        if (!isLast) lastCollected[index] = collectedOf(all[index] as NormalTarget, after, own)
        put(lastCollected[index] as Collected, after, own, againMs, event)
      }
    },
    /** Empties it. */
    take(): readonly NormalTarget[] {
      const taken = targets
      root = {}
      targets = []
      last = undefined
      lastCollected.length = 0
      return taken
    },
  }
}

function step(node: TargetNode, part: unknown): TargetNode {
  if (typeof part === 'object' && part !== null) return step(step(node, TEXT), exactText(part))
  node.next ??= new Map()
  const known = node.next.get(part)
  if (known) return known
  const fresh: TargetNode = {}
  node.next.set(part, fresh)
  return fresh
}

/** The same text for equal objects. An object that JSON can't represent exactly equals no other. */
export function exactText(part: object): unknown {
  try {
    return JSON.stringify(part, exactJson)
  } catch {
    return Symbol('apart')
  }
}

/** JSON drops or changes some values. That must never make two targets equal. */
function exactJson(this: Record<string, unknown>, field: string, value: unknown): unknown {
  // A date, for example, has become its text already.
  if (!Object.is(this[field], value)) throw new TypeError('not plain')
  const known =
    typeof value === 'string' || typeof value === 'object' || typeof value === 'boolean' || Number.isFinite(value)
  return known ? value : `\u0000${typeof value} ${String(value)}`
}
