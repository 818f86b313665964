import type { StandardSchemaV1 } from '@standard-schema/spec'
import { messageOf, type Report } from '../util/errors.js'
import type { Metadata } from '../wire/protocol.js'
import { reachOf } from './reach.js'
import { invalidTargetsIn, type NormalTarget, normalize, type Targets } from './target.js'

/**
 * The targets of one event: a constant, a function of its metadata, or that function behind a Standard Schema
 * (https://standardschema.dev) that also checks the metadata at run time.
 */
export type Rule<M> =
  | Targets
  | ((metadata: M) => Targets)
  | readonly [schema: StandardSchemaV1<unknown, M>, rule: (metadata: M) => Targets]

/** A rule, ready to use. */
export interface CompiledRule {
  /**
   * The metadata as the rule's schema gives it, in a box; undefined when it is not what the schema says. Absent: no schema.
   * An event's object is validated once, however often it is parsed and resolved.
   */
  parse?(metadata: Metadata): { readonly value: unknown } | undefined
  /** The targets of this event. Invalid metadata or a faulty rule is reported, and the result is then that of `reach`. */
  resolve(metadata: Metadata | null): readonly NormalTarget[]
  /** All that the rule can reach, whatever the metadata. */
  reach(): readonly NormalTarget[]
}

type Compute = (metadata: never) => unknown

function isSchema(value: unknown): value is StandardSchemaV1 {
  return (typeof value === 'object' || typeof value === 'function') && value !== null && '~standard' in value
}

/** What a schema says of an event's metadata. */
type Check = { readonly value: unknown } | { readonly trouble: string } | { readonly thrown: unknown }

function validate(schema: StandardSchemaV1, metadata: Metadata): Check {
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
  const [schema, compute] =
    Array.isArray(rule) && isSchema(rule[0]) && typeof rule[1] === 'function'
      ? [rule[0], rule[1] as Compute]
      : [undefined, typeof rule === 'function' ? (rule as Compute) : undefined]

  if (!compute) {
    const [targets, invalid] = [normalize(rule), invalidTargetsIn(rule)]
    if (invalid.length > 0)
      report('bad-target', `the rule of '${event}' has an invalid target`, { detail: { event, invalid } })
    return { resolve: () => targets, reach: () => targets }
  }

  // Not cached: a rule may close over something that changes.
  const reach = () => reachOf(compute)

  // By the event's own object: a handler and the rule ask for the same event.
  const checks = new WeakMap<Metadata, Check>()
  const check = (by: StandardSchemaV1, metadata: Metadata): Check => {
    const checked = checks.get(metadata) ?? validate(by, metadata)
    checks.set(metadata, checked)
    return checked
  }

  const resolve = (metadata: Metadata | null): readonly NormalTarget[] => {
    // The hub has already reported metadata that is not an object.
    if (metadata === null) return reach()
    try {
      const checked = schema && check(schema, metadata)
      if (checked && 'thrown' in checked) throw checked.thrown
      if (checked && 'trouble' in checked) {
        report('bad-metadata', `metadata of '${event}': ${checked.trouble}`, { detail: { event, metadata } })
        return reach()
      }
      const given = compute((checked ? checked.value : metadata) as never)
      const targets = normalize(given)
      if (targets.length === (Array.isArray(given) ? given.length : 1)) return targets
      const invalid = invalidTargetsIn(given)
      report('bad-target', `the rule of '${event}' returned an invalid target`, {
        detail: { event, metadata, invalid },
      })
    } catch (thrown) {
      report('rule-failed', `the rule of '${event}' threw: ${messageOf(thrown)}`, {
        detail: { event, metadata },
        cause: thrown,
      })
    }
    return reach()
  }
  if (!schema) return { resolve, reach }
  const parse = (metadata: Metadata) => {
    const checked = check(schema, metadata)
    return 'value' in checked ? checked : undefined
  }
  return { parse, resolve, reach }
}
