/** What is quoted of the samples, and how it is shown. */

export type Target =
  /** The median, in units of the floor's median of the same measure. */
  | { readonly ratio: number }
  /** The slowest of all samples: who waits does not wait for a median. */
  | { readonly ms: number }

export interface Samples {
  readonly measure: string
  readonly subject: string
  readonly ms: readonly number[]
  readonly target?: Target
}

/** One line of bench/failover.json. */
export interface Figure {
  readonly measure: string
  readonly subject: string
  readonly value: number
  readonly unit: 'ms'
  readonly vsFloor: number
}

const round = (value: number, digits: number) => Number(value.toFixed(digits))

/** The smallest value that is not below this share of the samples. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]
  if (value === undefined) throw new Error('no samples')
  return value
}

const QUOTED = { median: 0.5, p90: 0.9, slowest: 1 } as const
type Quoted = keyof typeof QUOTED

function figure(one: Samples, floor: Samples, quoted: Quoted): Figure {
  const value = quantile(one.ms, QUOTED[quoted])
  const vsFloor = round(value / quantile(floor.ms, QUOTED[quoted]), 2)
  return { measure: `${one.measure}: ${quoted}`, subject: one.subject, value: round(value, 1), unit: 'ms', vsFloor }
}

/** The first of a measure's samples are its floor's. */
export function figures(all: readonly Samples[]): Figure[] {
  const kinds: readonly Quoted[] = ['median', 'p90', 'slowest']
  return all.flatMap((one) => kinds.map((kind) => figure(one, floorOf(one, all), kind)))
}

const floorOf = (one: Samples, all: readonly Samples[]): Samples =>
  all.find(({ measure }) => measure === one.measure) ?? one

function targetMet({ ms, target }: Samples, ratio: number): string {
  if (!target) return ''
  if ('ratio' in target) return `<= ${target.ratio} x floor: ${ratio <= target.ratio ? 'met' : 'MISSED'}`
  return `all <= ${target.ms} ms: ${quantile(ms, 1) <= target.ms ? 'met' : 'MISSED'}`
}

const HEADER = ['measure', 'subject', 'median ms', 'p90', 'slowest', 'x floor', 'target']
/** Of those columns. */
const isNumber = (column: number) => column >= 2 && column <= 5

const rowsOf = (all: readonly Samples[]): readonly (readonly string[])[] =>
  all.map((one) => {
    const [median, p90, slowest] = figures([floorOf(one, all), one]).slice(-3)
    if (!median || !p90 || !slowest) throw new Error('no figures')
    const same = floorOf(one, all) === one
    return [
      one.measure,
      one.subject,
      ...[median, p90, slowest].map(({ value }) => value.toFixed(0)),
      same ? '' : median.vsFloor.toFixed(2),
      targetMet(one, median.vsFloor),
    ]
  })

export function markdown(all: readonly Samples[]): string {
  const rule = HEADER.map((_title, column) => (isNumber(column) ? '---:' : '---'))
  return [HEADER, rule, ...rowsOf(all)].map((line) => `| ${line.join(' | ')} |`).join('\n')
}

/** For a terminal. */
export function table(all: readonly Samples[]): string {
  const lines = [HEADER, ...rowsOf(all)]
  const widths = HEADER.map((_title, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)))
  return lines
    .map((line) =>
      line
        .map((cell, column) => {
          const width = widths[column] ?? 0
          return isNumber(column) ? cell.padStart(width) : cell.padEnd(width)
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
