/** The results as a picture: one panel for each of the measures that say most, in light and in dark. */
import type { Figure } from './figures.js'
import { type Measure, RULES, type Rule, WORK_TABS } from './rules.js'
import { isFloor, isPartyline, MAIN, OTHERS } from './subjects.js'

const SUBJECTS = [...MAIN, ...OTHERS]

const PANELS: readonly (readonly [measure: Measure, title: string])[] = [
  ['sockets at the server', 'Sockets at the server'],
  ['one event: requests per affected query', 'REST requests per query for one event'],
  ['emit -> handler, p50', 'From emit to handler, median'],
  ['burst: all tabs have all', 'A burst of 5,000 is in every tab after'],
  ['burst: main thread CPU, per tab', "Main thread's CPU for that burst, per tab"],
  ['idle: socket traffic per hour', 'Socket traffic per hour of silence'],
]

const COLUMNS = 2
const WIDTH = 900
const MARGIN = 24
const PANEL = { width: (WIDTH - MARGIN * 3) / COLUMNS, top: 34, bottom: 22 }
const BAR = { height: 14, pitch: 21 }
const NAMES = 176
const VALUES = 92
const HEAD = 58

const escapeText = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

export function chart(all: readonly Figure[]): string {
  const panelHeight = PANEL.top + SUBJECTS.length * BAR.pitch + PANEL.bottom
  const height = HEAD + Math.ceil(PANELS.length / COLUMNS) * panelHeight
  const panels = PANELS.map(([measure, title], index) => {
    const x = MARGIN + (index % COLUMNS) * (PANEL.width + MARGIN)
    const y = HEAD + Math.floor(index / COLUMNS) * panelHeight
    return `<g transform="translate(${x} ${y})">${panel(all, measure, title)}</g>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title">
<title id="title">${WORK_TABS} tabs of one browser: Partyline beside a socket in each tab, other libraries and bare floors</title>
<style>
  text { font: 12px ui-sans-serif, system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #3d4451 }
  .heading { font-size: 16px; font-weight: 600; fill: #14171f }
  .title { font-size: 13px; font-weight: 600; fill: #14171f }
  .value { font-variant-numeric: tabular-nums }
  .ours { font-weight: 600; fill: #14171f }
  .ground { fill: #ffffff }
  .bar { fill: #a3abba }
  .bar.floor { fill: #d5dae3 }
  .bar.ours { fill: #5b3fd1 }
  .failed { fill: #b42318 }
  @media (prefers-color-scheme: dark) {
    text { fill: #b4bbc9 }
    .heading, .title, .ours { fill: #f2f4f8 }
    .ground { fill: #12151c }
    .bar { fill: #6b7485 }
    .bar.floor { fill: #3a4150 }
    .bar.ours { fill: #8b6cf0 }
    .failed { fill: #ff8a7a }
  }
</style>
<rect class="ground" width="${WIDTH}" height="${height}" rx="12"/>
<text class="heading" x="${MARGIN}" y="34">${WORK_TABS} tabs of one browser, one of them visible. Shorter is better.</text>
${panels.join('\n')}
</svg>
`
}

function panel(all: readonly Figure[], measure: Measure, title: string): string {
  const { unit, digits }: Rule = RULES[measure]
  const own = all.filter((figure) => figure.measure === measure && figure.tabs === WORK_TABS)
  const longest = Math.max(...own.map(({ value }) => value ?? 0))
  const room = PANEL.width - NAMES - VALUES
  const bars = SUBJECTS.map(({ name }, index) => {
    const figure = own.find(({ subject }) => subject === name)
    if (!figure) return ''
    const { value } = figure
    const y = PANEL.top + index * BAR.pitch
    const middle = y + BAR.height / 2 + 4
    const ours = isPartyline(name) ? ' ours' : ''
    const kind = isFloor(name) ? ' floor' : ours
    // What is next to nothing is still to be seen.
    const width = value === null ? room : value === 0 ? 0 : Math.max(2, (room * value) / longest)
    const shown =
      value === null
        ? 'did not finish'
        : value === 0
          ? 'none'
          : [value.toFixed(value < 10 ? digits : 0), unit].join(' ').trim()
    const bar =
      value === null
        ? ''
        : `<rect class="bar${kind}" x="${NAMES}" y="${y}" width="${width.toFixed(1)}" height="${BAR.height}" rx="2"/>`
    const at = NAMES + (value === null ? 0 : width) + 6
    return [
      `<text class="name${ours}" x="0" y="${middle}">${escapeText(name)}</text>`,
      bar,
      `<text class="value${ours}${value === null ? ' failed' : ''}" x="${at.toFixed(1)}" y="${middle}">${shown}</text>`,
    ].join('')
  })
  return [`<text class="title" x="0" y="20">${escapeText(title)}</text>`, ...bars].join('\n')
}
