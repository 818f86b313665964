import type { StandardSchemaV1 } from '@standard-schema/spec'
import { messageOf, type Report } from '../util/errors.js'
import type { Metadata } from '../wire/protocol.js'
import {
  EVERYTHING,
  invalidTargetsIn,
  listOf,
  MAX_DEPTH,
  type NormalTarget,
  normalize,
  type QueryKey,
  remedyFor,
  startsWith,
  type Targets,
  type Touch,
} from './target.js'

declare const process: { env: { NODE_ENV?: string } }

export type { StandardSchemaV1 }

/** Targets with all that is known of them before an event comes. */
export interface DeclaredRule<M> {
  /**
   * The query key prefixes that the rule can reach: what is refetched after a gap, when nobody knows which events were missed.
   * A target outside of them is reported, and refetched all the same.
   * @default the targets themselves if they are a list; every query if they are a function
   */
  readonly touches?: readonly Touch[]
  /** A Standard Schema (https://standardschema.dev) that checks the metadata once for each event, and gives the function its type. */
  readonly schema?: StandardSchemaV1<unknown, M>
  /**
   * Refetches once more, this many milliseconds after the first time: for data that is read from a replica or a cache which may not
   * have the change yet.
   * @default 0
   */
  readonly againMs?: number
  /** The targets of an event: a list, or a function of its metadata, called once for each event. */
  readonly targets: Targets | ((metadata: M) => Targets)
}

/**
 * The queries that an event makes stale: targets, or `{ touches, targets, schema }`, or a function of the metadata.
 * After a gap, a function stands for every query.
 */
export type Rule<M> = Targets | ((metadata: M) => Targets) | DeclaredRule<M>

/** A rule, ready to use. */
export interface CompiledRule {
  /**
   * The metadata as the rule's schema gives it, in a box. Undefined if the schema refuses it. Absent: no schema. An
   * event's object is validated once, however often it is parsed and resolved.
   */
  parse?(metadata: Metadata): { readonly value: unknown } | undefined
  /**
   * The targets of this event. Invalid metadata or a faulty rule is reported, and the result is then that of `reach`. A
   * function that counts events may be put around it.
   */
  resolve(metadata: Metadata | null): readonly NormalTarget[]
  /** So long after the fetches of an event, they are made once more. Milliseconds. */
  readonly againMs: number
  /** All that the rule can reach, as far as it is known by now. A target outside of its `touches` widens it. */
  reach(): readonly NormalTarget[]
}

type Compute = (metadata: never) => unknown

/** What a schema says of an event's metadata. */
type Check = { readonly value: unknown } | { readonly trouble: string } | { readonly thrown: unknown }

export function validate(schema: StandardSchemaV1, metadata: unknown): Check {
  try {
    const result = schema['~standard'].validate(metadata)
    if (result instanceof Promise) {
      result.catch(() => undefined)
      return { trouble: 'its schema is asynchronous' }
    }
    if (result.issues) return { trouble: result.issues.map((issue) => issue.message).join('; ') }
    return { value: result.value }
  } catch (thrown) {
    return { thrown }
  }
}

/** Never throws: a faulty rule is reported, and stands for all that it can reach. */
export function compileRule(event: string, rule: unknown, report: Report): CompiledRule {
  const { schema, targets, againMs = 0, ...declared } = partsOf(rule)
  const compute = typeof targets === 'function' ? (targets as Compute) : undefined
  const said = (code: Parameters<Report>[0], message: string, detail?: Record<string, unknown>, cause?: unknown) =>
    report(code, `the rule of '${event}' ${message}`, { detail: { event, ...detail }, cause })

  /** What can be used of the targets. All that is wrong is reported. */
  const usable = (given: unknown, metadata?: Metadata): readonly NormalTarget[] => {
    const sound = normalize(given)
    if (isWhole(sound, given)) return sound
    const invalid = invalidTargetsIn(given)
    const what = `gave ${inWords(invalid[0])}, which is no target: ${remedyFor(given, invalid)}`
    said('bad-target', what, { metadata, invalid })
    // A field too many makes a target no narrower.
    return normalize(given, true)
  }

  const constant = compute ? [] : usable(targets)
  let touches = declared.touches === undefined ? undefined : usable(declared.touches)
  // In doubt it is everything: a part of what was meant would be too little.
  if (touches && !isWhole(touches, declared.touches)) touches = undefined
  const reach = createReach(touches ?? (compute ? undefined : constant), said)
  if (touches) reach.include(constant)
  let hint: ReturnType<typeof createTouchHints> | undefined
  const repetitions = createRepetitions()

  // By the event's own object: a handler and the rule ask for the same event.
  const checks = new WeakMap<Metadata, Check>()
  const check = (by: StandardSchemaV1, metadata: Metadata): Check => {
    const checked = checks.get(metadata) ?? validate(by, metadata)
    checks.set(metadata, checked)
    return checked
  }

  const resolve = (metadata: Metadata | null): readonly NormalTarget[] => {
    // The hub has already reported metadata that is not an object.
    if (metadata === null) return reach.all()
    try {
      const checked = schema && check(schema, metadata)
      if (checked && 'thrown' in checked) throw checked.thrown
      if (checked && 'trouble' in checked) {
        report('bad-metadata', `metadata of '${event}': ${checked.trouble}`, { detail: { event, metadata } })
        return reach.all()
      }
      if (!compute) return constant
      const given = compute((checked ? checked.value : metadata) as never)
      const known = repetitions.find(given)
      if (known) return known
      const found = usable(given, metadata)
      let isSaid = false
      try {
        // Bundlers replace the whole of `process.env.NODE_ENV`, and drop the hints from what they build for production.
        if (process.env.NODE_ENV !== 'production' && isWhole(found, given)) {
          hint ??= createTouchHints(reach, said)
          isSaid = hint(given, found, metadata)
        }
      } catch {
        // No bundler and no `process`: no hints.
      }
      reach.include(found, metadata, isSaid)
      return isWhole(found, given) ? repetitions.remember(given, found) : reach.all()
    } catch (thrown) {
      said('rule-failed', `threw: ${messageOf(thrown)}`, { metadata }, thrown)
    }
    return reach.all()
  }
  const isDuration = typeof againMs === 'number' && againMs >= 0 && Number.isFinite(againMs)
  if (!isDuration) said('bad-option', 'has an againMs that is no number of milliseconds', { option: 'againMs' })
  const compiled = { resolve, reach: reach.all, againMs: isDuration ? againMs : 0 }
  if (!schema) return compiled
  const parse = (metadata: Metadata) => {
    const checked = check(schema, metadata)
    return 'value' in checked ? checked : undefined
  }
  return { ...compiled, parse }
}

interface RuleParts {
  readonly touches?: unknown
  readonly schema?: StandardSchemaV1
  readonly againMs?: unknown
  readonly targets: unknown
}

const partsOf = (rule: unknown): RuleParts =>
  typeof rule === 'object' && rule !== null && 'targets' in rule ? (rule as RuleParts) : { targets: rule }

/** After so many events in a row with other targets than the one before, most are not compared for a while. */
const MAX_CHANGES = 4
const COMPARED_EVERY = 64

/** The targets of the event before: a burst is often about one thing, and then most of the work for each event is the same. */
function createRepetitions() {
  /** A copy of what the rule gave, which the app can't change, and its targets. */
  let last: { readonly given: unknown; readonly targets: readonly NormalTarget[] } | undefined
  let changes = 0

  return {
    /** Undefined if the event before had others. */
    find(given: unknown): readonly NormalTarget[] | undefined {
      if (!last || !isSame(given, last.given)) return undefined
      changes = 0
      return last.targets
    },
    /** Gives the targets, maybe in another list. */
    remember(given: unknown, targets: readonly NormalTarget[]): readonly NormalTarget[] {
      changes++
      last = undefined
      if (changes >= MAX_CHANGES && changes % COMPARED_EVERY !== 0) return targets
      const copy = copyOf(given)
      const own = copy === undefined ? [] : normalize(copy)
      // Not where some are no targets: that is said each time.
      if (own.length !== targets.length) return targets
      last = { given: copy, targets: own }
      return own
    },
  }
}

/** Another object may hold what is not in its fields, such as a date. */
const hasOnlyFields = (value: object): boolean =>
  Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype

/** Undefined if not all of it is plain. */
function copyOf(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (depth > MAX_DEPTH || !hasOnlyFields(value)) return undefined
  const copy: Record<string, unknown> = Array.isArray(value) ? ([] as never) : {}
  for (const field in value) {
    const part = (value as Record<string, unknown>)[field]
    const copied = copyOf(part, depth + 1)
    if (copied === undefined && part !== undefined) return undefined
    copy[field] = copied
  }
  return copy
}

/** Equal, part by part. */
function isSame(one: unknown, other: unknown): boolean {
  if (typeof one !== 'object' || one === null) return one === other
  if (typeof other !== 'object' || other === null || !hasOnlyFields(one)) return false
  if (Array.isArray(one) !== Array.isArray(other)) return false
  if (Array.isArray(one)) {
    const same = other as unknown[]
    if (one.length !== same.length) return false
    for (let index = 0; index < one.length; index++) if (!isSame(one[index], same[index])) return false
    return true
  }
  const [fields, others] = [one as Record<string, unknown>, other as Record<string, unknown>]
  for (const field in fields) if (!isSame(fields[field], others[field])) return false
  for (const field in others) if (!(field in fields)) return false
  return true
}

const isWhole = (targets: readonly NormalTarget[], given: unknown): boolean => targets.length === listOf(given).length

type Say = (
  code: 'outside-touches' | 'no-touches' | 'bad-target',
  message: string,
  detail?: Record<string, unknown>,
) => void

/** What a rule can reach. `touches`: what it declares. Undefined stands for everything. */
function createReach(touches: readonly NormalTarget[] | undefined, say: Say) {
  let all = touches ?? [EVERYTHING]

  /** By index, like the callers of it: this runs for each event of a burst. */
  function covers(key: QueryKey): boolean {
    for (let index = 0; index < all.length; index++) if (startsWith(key, all[index]?.queryKey)) return true
    return false
  }

  return {
    isDeclared: touches !== undefined,
    all: () => all,
    /** Widens it by what is outside. `isSaid`: the reason has been told in better words. */
    include(targets: readonly NormalTarget[], metadata?: Metadata, isSaid?: boolean): void {
      for (let index = 0; index < targets.length; index++) {
        const { queryKey } = targets[index] as NormalTarget
        if (covers(queryKey)) continue
        // The whole head: of a function that leaves what it has declared, nothing else is known.
        all = [...all, { queryKey: queryKey.slice(0, 1) }]
        if (isSaid) continue
        const line = lineFor(all.map((one) => one.queryKey))
        const gave = `gave ${inWords(queryKey)}, which is outside of its touches. Write ${line}`
        say('outside-touches', gave, { metadata, queryKey })
      }
    },
  }
}

/** A longer value is cut off. */
const MAX_WORDS_CHARACTERS = 120

/** As a developer would write it. */
export const inWords = (value: unknown): string => {
  try {
    // JSON would make null of both.
    const json = JSON.stringify(value, (_field, part) => (part === undefined || Number.isNaN(part) ? `${part}` : part))
    const words = (json ?? String(value)).replace(/"(NaN|undefined)"/g, '$1').replaceAll('"', "'")
    return words.length > MAX_WORDS_CHARACTERS ? `${words.slice(0, MAX_WORDS_CHARACTERS)}...` : words
  } catch {
    return '[...]'
  }
}

/** The line to write: a key of one string is that string. */
function lineFor(keys: readonly QueryKey[]): string {
  const texts = keys.map((key) => inWords(key.length === 1 && typeof key[0] === 'string' ? key[0] : key))
  return `touches: [${[...new Set(texts)].join(', ')}]`
}

/** What is said in development alone, once for each rule. Gives whether its list of targets was meant as a key. */
function createTouchHints(reach: { readonly isDeclared: boolean }, say: Say) {
  let toSayTouches = !reach.isDeclared
  let toSayKey = true

  return (given: unknown, targets: readonly NormalTarget[], metadata: Metadata): boolean => {
    const values = Object.values(metadata).map(String)
    const [head, ...others] = Array.isArray(given) ? given : []
    const data = others.find((one) => typeof one === 'string' && values.includes(one))
    if (typeof head === 'string' && data !== undefined) {
      if (toSayKey) {
        say('bad-target', `gave the targets '${head}' and '${data}', and ${remedyFor(given, [])}`, { metadata })
      }
      toSayKey = false
      return true
    }
    if (toSayTouches && targets.length > 0) {
      toSayTouches = false
      const line = lineFor(targets.map(({ queryKey }) => queryKey.slice(0, 1)))
      say(
        'no-touches',
        `is a function without touches: after a gap it stands for every query. Write { ${line}, targets: (m) => ... }, with the first part of every key that it can give`,
      )
    }
    return false
  }
}
