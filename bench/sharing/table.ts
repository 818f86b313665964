/** The results as Markdown. */
import type { Figure } from './figures.js'
import { type Measure, RULES, type Rule, WORK_TABS } from './measures.js'
import { DEBOUNCED, FLOOR, isPartyline, RECIPE } from './subjects.js'

const FAILED = 'did not finish'
/** What is the same on every host stands in the worker's column, if there is one. */
const [WORKER, ANY] = ['partyline, shared-worker', 'partyline, any host']

export function table(all: readonly Figure[], about: string, bound: number): string {
  const names = [...new Set(all.map(({ subject }) => subject))]
  const subjects = names.includes(WORKER) ? names.filter((name) => name !== ANY) : names
  const rows = (Object.keys(RULES) as Measure[]).flatMap((measure) => {
    const own = all.filter((figure) => figure.measure === measure)
    return [...new Set(own.map(({ tabs }) => tabs))].map((tabs) => {
      const { unit, digits, target = '' }: Rule = RULES[measure]
      const group = own.filter((figure) => figure.tabs === tabs)
      const cells = subjects.map((subject) => {
        const figure = group.find((one) => one.subject === subject || (subject === WORKER && one.subject === ANY))
        return figure ? cell(figure, digits) : ''
      })
      return [
        `${measure}${unit && ` (${unit})`}`,
        measure.startsWith('flush') ? '' : String(tabs),
        ...cells,
        target,
        targetMet(group),
      ]
    })
  })
  const header = ['measure', 'tabs', ...subjects, 'target', 'met']
  const rule = header.map((_title, column) => (column > 0 && column <= subjects.length + 1 ? '---:' : '---'))
  const lines = [header, rule, ...rows].map((line) => `| ${line.join(' | ')} |`)
  return `${lines.join('\n')}

In brackets: times the floor's. Burst: 5,000 events to 20 tabs, one of which is visible, two affected active queries; its
recipe is the one with the debounce. Did not finish: not within ${bound / 1_000} s. ${about}.
`
}

/** What the README shows: the work at twenty tabs, without the fine print. */
export function summary(all: readonly Figure[], about: string): string {
  const columns = [RECIPE, DEBOUNCED, 'partyline, shared-worker', 'partyline, leader-tab', FLOOR]
  const rows = (Object.keys(RULES) as Measure[])
    .filter((measure) => !measure.startsWith('flush'))
    .flatMap((measure) => {
      const { unit, digits }: Rule = RULES[measure]
      const own = all.filter((figure) => figure.measure === measure && figure.tabs === WORK_TABS)
      if (own.length === 0) return []
      const cells = columns.map((subject) => {
        const figure = own.find((one) => one.subject === subject)
        return figure ? (figure.value === null ? FAILED : figure.value.toFixed(digits)) : ''
      })
      return [[`${measure}${unit && ` (${unit})`}`, ...cells]]
    })
  const header = [`${WORK_TABS} tabs`, 'recipe', 'recipe + debounce', 'partyline', 'in a leader tab', 'floor']
  const rule = header.map((_title, column) => (column > 0 ? '---:' : '---'))
  const lines = [header, rule, ...rows].map((line) => `| ${line.join(' | ')} |`)
  return `${lines.join('\n')}\n\n${about}.`
}

function cell({ value, vsFloor, subject }: Figure, digits: number): string {
  if (value === null) return FAILED
  const shown = value.toFixed(digits)
  return vsFloor === null || subject === 'floor' ? shown : `${shown} (${vsFloor.toFixed(vsFloor < 10 ? 2 : 0)})`
}

/** Whether the target is met, for each host of Partyline; one word if they agree. */
function targetMet(group: readonly Figure[]): string {
  const judged = group.filter(({ subject, met }) => isPartyline(subject) && met !== undefined)
  const words = judged.map(({ met }) => (met ? 'met' : '**MISSED**'))
  if (new Set(words).size <= 1) return words[0] ?? 'quoted'
  return judged.map(({ subject }, index) => `${subject.replace('partyline, ', '')}: ${words[index]}`).join('; ')
}
