import type { NormalTarget } from './target.js'

/** A target that is changed in place: a burst comes by here for each of its events. */
interface Collected extends NormalTarget {
  after: number
  own: number
}

interface Node {
  next?: Map<unknown, Node>
  target?: Collected
}

/** Between a key and its scope, and before an object that was made a text of. No part of a target is one of these. */
const SCOPE = Symbol('scope')
const TEXT = Symbol('text')

/**
 * Keeps each target once, however often it comes. Looked up part by part as it is, since making a text of each target
 * costs several times as much, and a burst pays that for each of its events.
 */
export function createTargetSet() {
  let root: Node = {}
  let targets: Collected[] = []

  function put({ queryKey, scope }: NormalTarget, after: number, own: number): void {
    let node = root
    for (let index = 0; index < queryKey.length; index++) node = step(node, queryKey[index])
    if (scope) {
      node = step(node, SCOPE)
      for (const field in scope) {
        // Fields that are undefined do not count.
        if (scope[field] !== undefined) node = step(step(node, field), scope[field])
      }
    }
    const same = node.target
    if (!same) {
      node.target = { queryKey, scope, after, own }
      targets.push(node.target)
      return
    }
    if (after > same.after) same.after = after
    if (own < same.own) same.own = own
  }

  return {
    /** Of equal ones the strictest counts: fetched after the last of them, set up to the first. */
    put(all: readonly NormalTarget[], after: number, own: number): void {
      for (let index = 0; index < all.length; index++) put(all[index] as NormalTarget, after, own)
    },
    /** Empties it. */
    take(): readonly NormalTarget[] {
      const taken = targets
      root = {}
      targets = []
      return taken
    },
  }
}

function step(node: Node, part: unknown): Node {
  if (typeof part === 'object' && part !== null) return step(step(node, TEXT), textOf(part))
  node.next ??= new Map()
  const known = node.next.get(part)
  if (known) return known
  const fresh: Node = {}
  node.next.set(part, fresh)
  return fresh
}

/** The same for equal objects; where two can't be told apart for sure, each is one of its own. */
function textOf(part: object): unknown {
  try {
    return JSON.stringify(part, exact)
  } catch {
    return Symbol('apart')
  }
}

/** JSON drops or blurs what it does not know; two targets must never become one by that. */
function exact(this: Record<string, unknown>, field: string, value: unknown): unknown {
  // A date, say, has become its text already.
  if (!Object.is(this[field], value)) throw new TypeError('not plain')
  const known =
    typeof value === 'string' || typeof value === 'object' || typeof value === 'boolean' || Number.isFinite(value)
  return known ? value : `\u0000${typeof value} ${String(value)}`
}
