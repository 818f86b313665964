import type { StandardSchemaV1 } from '@standard-schema/spec'
import { messageOf, type Report } from '../util/errors.js'
import type { Metadata } from '../wire/protocol.js'
import { reachOf } from './reach.js'
import { type NormalTarget, nonsenseIn, normalize, type Targets } from './target.js'

/**
 * What one event makes stale: targets, a function of its metadata, or that function behind a Standard Schema
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
  /** What this event makes stale. Reports what is wrong with the metadata or the rule, and then answers `reach`. */
  resolve(metadata: Metadata | null): readonly NormalTarget[]
  /** What it can make stale, whatever the metadata. */
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

/** Never throws: what a rule does wrong is reported, and answered with all that the rule can reach. */
export function compileRule(event: string, rule: unknown, report: Report): CompiledRule {
  const [schema, compute] =
    Array.isArray(rule) && isSchema(rule[0]) && typeof rule[1] === 'function'
      ? [rule[0], rule[1] as Compute]
      : [undefined, typeof rule === 'function' ? (rule as Compute) : undefined]

  if (!compute) {
    const [targets, nonsense] = [normalize(rule), nonsenseIn(rule)]
    if (nonsense.length > 0)
      report('bad-target', `the rule of '${event}' has a target that is none`, { detail: { event, nonsense } })
    return { resolve: () => targets, reach: () => targets }
  }

  // Not kept: a rule may close over something that changes.
  const reach = () => reachOf(compute)

  // By the event's own object: a handler and the rule ask for the same event.
  const checks = new WeakMap<Metadata, Check>()
  const check = (by: StandardSchemaV1, metadata: Metadata): Check => {
    const checked = checks.get(metadata) ?? validate(by, metadata)
    checks.set(metadata, checked)
    return checked
  }

  const resolve = (metadata: Metadata | null): readonly NormalTarget[] => {
    // The hub has reported metadata that is no object already.
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
      const nonsense = nonsenseIn(given)
      report('bad-target', `the rule of '${event}' gave a target that is none`, {
        detail: { event, metadata, nonsense },
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
