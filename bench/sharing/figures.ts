/** What is quoted of the samples. */
import { quantile } from '../failover/figures.js'
import { type Measure, RULES, type Rule } from './rules.js'
import { floorOf, isPartyline } from './subjects.js'

export interface Sample {
  readonly measure: Measure
  readonly subject: string
  readonly tabs: number
  /** Those of one round stood beside each other. */
  readonly round: number
  /** Undefined: did not finish. */
  readonly value: number | undefined
  /** What the value may be at most, where that depends on the sample. */
  readonly limit?: number
}

/** One line of bench/results.json. */
export interface Figure {
  readonly part: string
  readonly measure: Measure
  readonly subject: string
  readonly tabs: number
  readonly rounds: number
  /** The median of the rounds; null: did not finish. */
  readonly value: number | null
  /** Of the rounds. */
  readonly lowest: number | null
  readonly highest: number | null
  readonly unit: string
  /** The median of the rounds' ratios to the floor; null where one of the two is missing, or the floor's is nothing. */
  readonly vsFloor: number | null
  /** The same to the recipe; to the one with debounce for the burst, which the plain one does not finish. */
  readonly vsRecipe: number | null
  /** For Partyline, where there is one. */
  readonly target?: string
  readonly met?: boolean
}

/** Three digits that count. */
const tidy = (value: number): number => Number(value.toPrecision(3))

const orNull = (value: number | undefined): number | null => (value === undefined ? null : tidy(value))

const medianOf = (values: readonly number[]): number | undefined =>
  values.length > 0 ? quantile(values, 0.5) : undefined

export function figures(part: string, samples: readonly Sample[]): Figure[] {
  const groups = new Map<string, Sample[]>()
  for (const sample of samples) {
    const id = `${sample.measure}/${sample.tabs}/${sample.subject}`
    groups.set(id, [...(groups.get(id) ?? []), sample])
  }
  /** The median of each round, for one round may have several samples. */
  function roundsOf(measure: Measure, tabs: number, subject: string): ReadonlyMap<number, number> {
    const own = (groups.get(`${measure}/${tabs}/${subject}`) ?? []).filter(({ value }) => value !== undefined)
    return new Map(
      own.map(({ round }) => {
        const values = own.filter((one) => one.round === round).map(({ value }) => value as number)
        return [round, medianOf(values) as number]
      }),
    )
  }
  return [...groups.values()].map((group): Figure => {
    const [{ measure, tabs, subject }] = group as [Sample]
    const rule: Rule = RULES[measure]
    const own = roundsOf(measure, tabs, subject)
    const hasFailed = group.some(({ value }) => value === undefined)
    const values = hasFailed ? [] : [...own.values()]
    const value = medianOf(values)
    const versus = (other: string | undefined) => {
      if (other === undefined || value === undefined) return undefined
      const theirs = roundsOf(measure, tabs, other)
      return medianOf([...own].flatMap(([round, mine]) => (theirs.get(round) ? [mine / (theirs.get(round) ?? 1)] : [])))
    }
    const vsFloor = versus(floorOf(subject))
    const vsRecipe = subject === rule.recipe ? undefined : versus(rule.recipe)
    const limit = medianOf(group.flatMap(({ limit }) => (limit === undefined ? [] : [limit])))
    const met = value === undefined ? false : rule.met?.({ value, subject, tabs, vsFloor, vsRecipe, limit })
    return {
      part,
      measure,
      subject,
      tabs,
      rounds: values.length,
      value: orNull(value),
      lowest: values.length > 0 ? tidy(Math.min(...values)) : null,
      highest: values.length > 0 ? tidy(Math.max(...values)) : null,
      unit: rule.unit,
      vsFloor: orNull(vsFloor),
      vsRecipe: orNull(vsRecipe),
      ...(isPartyline(subject) && rule.target && met !== undefined && { target: rule.target, met }),
    }
  })
}
