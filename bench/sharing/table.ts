/** The results as Markdown. */
import type { Figure } from './figures.js'
import { BURST, type Measure, RULES, type Rule, WORK_TABS } from './rules.js'
import { ANY_HOST, DEBOUNCED, FLOOR, isFloor, isPartyline, LEADER, LEADER_FLOOR, RECIPE, WORKER } from './subjects.js'

const FAILED = 'did not finish'
const MEASURES = Object.keys(RULES) as Measure[]

/** A row for each measure and number of tabs, a column for each subject. */
export function table(all: readonly Figure[], abouts: readonly string[]): string {
  const names = [...new Set(all.map(({ subject }) => subject))]
  const subjects = names.includes(WORKER) ? names.filter((name) => name !== ANY_HOST) : names
  const rows = MEASURES.flatMap((measure) => {
    const own = all.filter((figure) => figure.measure === measure)
    return [...new Set(own.map(({ tabs }) => tabs))]
      .sort((one, other) => one - other)
      .map((tabs) => {
        const { unit, digits, target = '' }: Rule = RULES[measure]
        const group = own.filter((figure) => figure.tabs === tabs)
        const cells = subjects.map((subject) => {
          // What is the same on every host stands in the worker's column.
          const figure = group.find(
            (one) => one.subject === subject || (subject === WORKER && one.subject === ANY_HOST),
          )
          return figure ? cell(figure, digits) : ''
        })
        return [
          `${measure}${unit && ` (${unit})`}`,
          measure.startsWith('flush') ? '' : String(tabs),
          ...cells,
          target,
          verdict(group),
        ]
      })
  })
  const header = ['measure', 'tabs', ...subjects, 'target', 'met']
  const rule = header.map((_title, column) => (column > 0 && column <= subjects.length + 1 ? '---:' : '---'))
  const lines = [header, rule, ...rows].map((line) => `| ${line.join(' | ')} |`)
  return `${lines.join('\n')}

Medians of the rounds. In brackets: the lowest and the highest round, and after \`x\` the median of the rounds' ratios to the floor. The floor
of a leader tab is the bare leader, that of all others the bare worker. A target is met when the median is. Burst: ${BURST.toLocaleString('en')} events
to ${WORK_TABS} tabs, one of which is visible, two affected active queries. Its recipe is the one with the debounce.

${abouts.map((about) => `- ${about}`).join('\n')}
`
}

/** What the page of figures shows: the work at twenty tabs, with the verdicts. */
export function summary(all: readonly Figure[], abouts: readonly string[]): string {
  const columns = [RECIPE, DEBOUNCED, FLOOR, WORKER, LEADER_FLOOR, LEADER]
  const rows = MEASURES.flatMap((measure) => {
    const { unit, digits, target = '' }: Rule = RULES[measure]
    const ofMeasure = all.filter((figure) => figure.measure === measure)
    const most = Math.min(WORK_TABS, Math.max(...ofMeasure.map(({ tabs }) => tabs)))
    const own = ofMeasure.filter(({ tabs }) => tabs === most)
    if (own.length === 0) return []
    const cells = columns.map((subject) => {
      const figure = own.find((one) => one.subject === subject || (subject === WORKER && one.subject === ANY_HOST))
      return figure ? (figure.value === null ? FAILED : `${figure.value.toFixed(digits)}${ratio(figure)}`) : ''
    })
    return [[`${measure}${unit && ` (${unit})`}`, ...cells, target, verdict(own)]]
  })
  const header = [
    `${WORK_TABS} tabs`,
    'recipe',
    'recipe + debounce',
    'bare worker',
    'partyline',
    'bare leader',
    'in a leader tab',
    'target',
    '',
  ]
  const rule = header.map((_title, column) => (column > 0 && column <= columns.length ? '---:' : '---'))
  const lines = [header, rule, ...rows].map((line) => `| ${line.join(' | ')} |`)
  return `${lines.join('\n')}\n\n${abouts.map((about) => `- ${about}`).join('\n')}`
}

const README_ROWS: readonly (readonly [measure: Measure, title: string])[] = [
  ['sockets at the server', 'connections at your server'],
  ['one event: requests per affected query', 'requests per query after an event, one tab visible'],
  ['burst: main thread CPU, per tab', `CPU of a tab in a burst of ${BURST.toLocaleString('en')} events`],
]

/** What the README shows. */
export function brief(all: readonly Figure[]): string {
  const rows = README_ROWS.map(([measure, title]) => {
    const { recipe, unit }: Rule = RULES[measure]
    const cells = [recipe, WORKER].map((subject) => {
      const figure = all.find((one) => one.measure === measure && one.subject === subject && one.tabs === WORK_TABS)
      return figure?.value === undefined || figure.value === null ? '' : `${figure.value} ${unit}`.trim()
    })
    return `| ${[title, ...cells].join(' | ')} |`
  })
  return [`| ${WORK_TABS} tabs | socket per tab | Partyline |`, '|---|---:|---:|', ...rows].join('\n')
}

const times = (value: number): string => value.toFixed(value < 10 ? 2 : 0)

const ratio = ({ vsFloor, subject }: Figure): string =>
  vsFloor === null || isFloor(subject) || !isPartyline(subject) ? '' : ` (x ${times(vsFloor)})`

function cell({ value, vsFloor, subject, lowest, highest, rounds }: Figure, digits: number): string {
  if (value === null) return FAILED
  const shown = value.toFixed(digits)
  const spread =
    rounds > 1 && lowest !== highest ? [`${lowest?.toFixed(digits) ?? ''}–${highest?.toFixed(digits) ?? ''}`] : []
  const versus = vsFloor === null || isFloor(subject) ? [] : [`x ${times(vsFloor)}`]
  const notes = [...spread, ...versus]
  return notes.length > 0 ? `${shown} (${notes.join(', ')})` : shown
}

/** Whether the target is met, for each host of Partyline; one word if they agree. */
function verdict(group: readonly Figure[]): string {
  const judged = group.filter(({ subject, met }) => isPartyline(subject) && met !== undefined)
  const words = judged.map(({ met }) => (met ? 'met' : '**MISSED**'))
  if (new Set(words).size <= 1) return words[0] ?? 'quoted'
  return judged.map(({ subject }, index) => `${subject.replace('partyline, ', '')}: ${words[index]}`).join(', ')
}
