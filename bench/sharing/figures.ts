/** What is quoted of the samples. */
import { quantile } from '../failover/figures.js'
import { type Measure, RULES, type Rule, type Sample } from './measures.js'
import { FLOOR, isPartyline } from './subjects.js'

/** One line of bench/results.json. */
export interface Figure {
  readonly measure: Measure
  readonly subject: string
  readonly tabs: number
  /** The median; null: did not finish. */
  readonly value: number | null
  readonly unit: string
  /** In units of the floor's; null where one of the two is missing, or the floor's is nothing. */
  readonly vsFloor: number | null
  /** In units of the recipe's; of the one with debounce for the burst, which the plain one does not finish. */
  readonly vsRecipe: number | null
  /** For Partyline, where there is one. */
  readonly target?: string
  readonly met?: boolean
}

/** Three digits that count. */
const tidy = (value: number): number => Number(value.toPrecision(3))

const orNull = (value: number | undefined): number | null => (value === undefined ? null : tidy(value))

export function figures(samples: readonly Sample[]): Figure[] {
  const groups = new Map<string, Sample[]>()
  for (const sample of samples) {
    const id = `${sample.measure}/${sample.tabs}/${sample.subject}`
    groups.set(id, [...(groups.get(id) ?? []), sample])
  }
  const medianOf = (measure: Measure, tabs: number, subject: string): number | undefined => {
    const values = (groups.get(`${measure}/${tabs}/${subject}`) ?? []).map(({ value }) => value)
    const known = values.filter((value) => value !== undefined)
    return known.length > 0 && known.length === values.length ? quantile(known, 0.5) : undefined
  }
  return [...groups.values()].map(([first, ...others]): Figure => {
    if (!first) throw new Error('no samples')
    const { measure, tabs, subject } = first
    const rule: Rule = RULES[measure]
    const value = medianOf(measure, tabs, subject)
    const versus = (other: string) => {
      const theirs = medianOf(measure, tabs, other)
      return value === undefined || !theirs ? undefined : value / theirs
    }
    const vsFloor = versus(FLOOR)
    const vsRecipe = versus(rule.recipe)
    const limits = [first, ...others].map(({ limit }) => limit).filter((limit) => limit !== undefined)
    const limit = limits.length > 0 ? quantile(limits, 0.5) : undefined
    const met = value === undefined ? false : rule.met?.({ value, subject, tabs, vsFloor, vsRecipe, limit })
    return {
      measure,
      subject,
      tabs,
      value: orNull(value),
      unit: rule.unit,
      vsFloor: orNull(vsFloor),
      vsRecipe: orNull(vsRecipe),
      ...(isPartyline(subject) && rule.target && { target: rule.target, ...(met !== undefined && { met }) }),
    }
  })
}
