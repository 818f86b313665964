import {
  type AnyNames,
  agree,
  contradicts,
  firstPart,
  type Name,
  namedBy,
  type Scopeable,
  type ScopeField,
  scopeFieldsOf,
} from './scope.js'
import { isScalar, mayBeNumber, type NormalTarget, type QueryKey, startsWith } from './target.js'
import { exactText } from './target-set.js'

/**
 * A target matches. Data that was requested after the logical timestamp `after` contains the change already; so does data
 * that the app has set between `after` and `own`.
 */
export interface Hit {
  readonly after: number
  readonly own: number
}

/** `skipped`: a target would match, but its scope contradicts the query. */
export type Match = Hit | 'skipped' | undefined

/** Scoped targets, and the strictest hit of them all. */
interface Bucket {
  readonly targets: ScopedEntry[]
  hit: Hit | undefined
}

interface ScopedEntry {
  readonly hit: Hit
  /** By the number of the field. */
  readonly names: readonly (readonly Name[] | undefined)[]
}

/** Targets by their values of one field of their scopes. */
interface FieldIndex {
  readonly number: number
  readonly path: ScopeField['path']
  readonly byName: Map<Name, Bucket>
  /** Those whose scope does not name the field. */
  readonly without: Bucket
}

interface ScopeIndex {
  readonly fields: readonly FieldIndex[]
  readonly all: Bucket
  /** What came of many targets, by the values that a query names. Most queries with many targets name the same ones. */
  readonly known: Map<string, Hit | undefined>
}

/** A query names these values for the field. */
interface Named {
  readonly field: FieldIndex
  readonly names: readonly Name[]
}

/** Targets with the same key. */
interface Group {
  readonly queryKey: QueryKey
  /** All of it is in the tree. */
  readonly isFlat: boolean
  /** The strictest hit of those without a scope. */
  open: Hit | undefined
  readonly scoped: NormalTarget[]
  /** Made when the first query matches. */
  index: ScopeIndex | undefined
}

type Path = readonly (string | number)[]

/** A tree of the values that targets have in their keys. */
interface KeyNode {
  readonly branches: { readonly path: Path; readonly byValue: Map<unknown, KeyNode> }[]
  /** By the length of a flat key, or the text of another. */
  readonly groups: Map<unknown, Group>
}

/** What else is in a key is compared only by `startsWith`. */
const MAX_LEAVES = 8
/** So many targets are compared as fast as the text of a query's values is made. */
const FEW_TARGETS = 8
const MAX_KEY_DEPTH = 3

export const isHit = (match: Match): match is Hit => typeof match === 'object'

/** Whether one target hits a query. For many queries or many targets, `createMatcher` is faster. */
export const hits = ({ queryKey, scope }: NormalTarget, query: Scopeable, any: AnyNames): boolean =>
  startsWith(query.queryKey, queryKey) && !(scope && contradicts(query, queryKey.length, scope, any))

/**
 * Compiles targets into one function per query, so that a flush walks the cache once. A query meets only the targets whose keys and
 * scopes have its values, however many there are.
 */
export function createMatcher(targets: Iterable<NormalTarget>, any: AnyNames): (query: Scopeable) => Match {
  const root: KeyNode = { branches: [], groups: new Map() }
  for (const target of targets) {
    let node = root
    for (const { path, value } of leavesOf(target.queryKey)) node = stepTo(node, path, value)
    const { queryKey } = target
    const isFlat = queryKey.length <= MAX_LEAVES && queryKey.every(isScalar)
    const id = isFlat ? queryKey.length : exactText(queryKey)
    const group = node.groups.get(id) ?? { queryKey, isFlat, open: undefined, scoped: [], index: undefined }
    node.groups.set(id, group)
    if (target.scope) group.scoped.push(target)
    else group.open = stricter(group.open, hitOf(target))
  }

  const matchAt = (node: KeyNode, query: Scopeable, before: Match): Match => {
    let match = before
    for (const group of node.groups.values()) {
      if (group.isFlat || startsWith(query.queryKey, group.queryKey))
        match = merge(match, matchGroup(group, query, any))
    }
    for (const { path, byValue } of node.branches) {
      const next = byValue.get(valueAt(query.queryKey, path))
      if (next) match = matchAt(next, query, match)
    }
    return match
  }
  return (query) => matchAt(root, query, undefined)
}

const hitOf = ({ after = Number.POSITIVE_INFINITY, own = 0 }: NormalTarget): Hit => ({ after, own })

function stricter(one: Hit | undefined, other: Hit | undefined): Hit | undefined {
  if (!one || !other) return one ?? other
  if (one.after >= other.after && one.own <= other.own) return one
  return { after: Math.max(one.after, other.after), own: Math.min(one.own, other.own) }
}

function merge(one: Match, other: Match): Match {
  if (isHit(one)) return isHit(other) ? stricter(one, other) : one
  return other ?? one
}

/** The primitive values in a target's key, and where they are. A query that matches has the same ones there. */
function leavesOf(queryKey: QueryKey): readonly { readonly path: Path; readonly value: unknown }[] {
  const leaves: { path: Path; value: unknown }[] = []
  const collect = (value: unknown, path: Path): void => {
    if (leaves.length === MAX_LEAVES) return
    if (typeof value !== 'object' || value === null) leaves.push({ path, value: leafOf(value) })
    else if (path.length === MAX_KEY_DEPTH) return
    else if (Array.isArray(value))
      for (let index = 0; index < value.length; index++) collect(value[index], [...path, index])
    else for (const [field, inner] of Object.entries(value)) collect(inner, [...path, field])
  }
  collect(queryKey, [])
  return leaves
}

/** The same for a number and its text. */
function leafOf(value: unknown): unknown {
  if (typeof value === 'number' && Number.isFinite(value)) return value
  if (!isScalar(value)) return value
  const text = String(value)
  const number = mayBeNumber(text) ? Number(text) : Number.NaN
  return Number.isFinite(number) && String(number) === text ? number : text
}

function valueAt(queryKey: QueryKey, path: Path): unknown {
  let value: unknown = queryKey
  for (const field of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Record<string | number, unknown>)[field]
  }
  return leafOf(value)
}

const isSamePath = (one: Path, other: Path): boolean =>
  one.length === other.length && one.every((field, index) => field === other[index])

function stepTo(node: KeyNode, path: Path, value: unknown): KeyNode {
  let branch = node.branches.find((one) => isSamePath(one.path, path))
  if (!branch) {
    branch = { path, byValue: new Map() }
    node.branches.push(branch)
  }
  const next = branch.byValue.get(value) ?? { branches: [], groups: new Map() }
  branch.byValue.set(value, next)
  return next
}

/** The key matches. */
function matchGroup(group: Group, query: Scopeable, any: AnyNames): Match {
  let hit = group.open
  if (group.scoped.length === 0) return hit
  group.index ??= indexScopes(group.scoped, any)
  const { fields, all, known } = group.index
  const named: Named[] = []
  let fewest = [all]
  for (const field of fields) {
    for (let at = firstPart(group.queryKey.length, field.path); at <= query.queryKey.length; at++) {
      const names = namedBy(query, at, field.path, any)
      if (!names) continue
      const one = { field, names }
      named.push(one)
      const buckets = bucketsOf(one)
      if (named.length === 1 || sizeOf(buckets) < sizeOf(fewest)) fewest = buckets
    }
  }
  // All targets of these buckets agree with the one field.
  if (named.length < 2) for (const bucket of fewest) hit = stricter(hit, bucket.hit)
  else if (sizeOf(fewest) <= FEW_TARGETS) hit = stricter(hit, strictestOf(fewest, named))
  else {
    const id = named.map(({ field, names }) => `${field.number} ${JSON.stringify(names)}`).join()
    if (!known.has(id)) known.set(id, strictestOf(fewest, named))
    hit = stricter(hit, known.get(id))
  }
  return hit ?? 'skipped'
}

/** Of those that agree with all that the query names. */
function strictestOf(buckets: readonly Bucket[], named: readonly Named[]): Hit | undefined {
  let hit: Hit | undefined
  for (const { targets } of buckets) {
    for (const target of targets) if (agreesWith(target, named)) hit = stricter(hit, target.hit)
  }
  return hit
}

function agreesWith(target: ScopedEntry, named: readonly Named[]): boolean {
  for (const { field, names } of named) {
    const wanted = target.names[field.number]
    if (wanted && !agree(wanted, names)) return false
  }
  return true
}

const sizeOf = (buckets: readonly Bucket[]): number => buckets.reduce((sum, { targets }) => sum + targets.length, 0)

/** The targets that a query may concern. */
function bucketsOf({ field: { byName, without }, names }: Named): Bucket[] {
  const buckets = [without]
  for (const name of names) {
    const bucket = byName.get(name)
    if (bucket) buckets.push(bucket)
  }
  return buckets
}

function indexScopes(targets: readonly NormalTarget[], any: AnyNames): ScopeIndex {
  const all: Bucket = { targets: [], hit: undefined }
  const fields = new Map<string, FieldIndex>()
  for (const target of targets) {
    const names: (readonly Name[] | undefined)[] = []
    for (const { path, names: some } of scopeFieldsOf(target.scope ?? {}, any))
      names[indexAt(fields, path).number] = some
    put(all, { hit: hitOf(target), names })
  }
  for (const field of fields.values()) {
    for (const target of all.targets) {
      const names = target.names[field.number]
      if (!names) put(field.without, target)
      for (const name of names ?? []) {
        const bucket = field.byName.get(name)
        if (bucket) put(bucket, target)
        else field.byName.set(name, { targets: [target], hit: target.hit })
      }
    }
  }
  return { fields: [...fields.values()], all, known: new Map() }
}

function indexAt(fields: Map<string, FieldIndex>, path: ScopeField['path']): FieldIndex {
  const id = path.join('\u0000')
  const known = fields.get(id)
  if (known) return known
  const field = { number: fields.size, path, byName: new Map(), without: { targets: [], hit: undefined } }
  fields.set(id, field)
  return field
}

function put(bucket: Bucket, target: ScopedEntry): void {
  bucket.targets.push(target)
  bucket.hit = stricter(bucket.hit, target.hit)
}
