/** The files that a run writes: each part replaces its own figures, and leaves those of the other parts. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeFigures } from '../write-figures.js'
import { chart } from './chart.js'
import type { Figure } from './figures.js'
import { brief, summary, table } from './table.js'

export interface Results {
  /** For each part: the machine, the rounds, how long it took. */
  readonly about: Readonly<Record<string, string>>
  readonly figures: readonly Figure[]
}

export function readResults(folder = fileURLToPath(new URL('..', import.meta.url))): Results {
  const file = join(folder, 'results.json')
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Results) : { about: {}, figures: [] }
}

/** In the order of `parts`. */
export function writePart(folder: string, parts: readonly string[], part: string, own: Figure[], about: string): void {
  const before = readResults(folder)
  const merged = [...before.figures.filter((figure) => figure.part !== part), ...own]
  const figures = parts.flatMap((name) => merged.filter((figure) => figure.part === name))
  const all = { ...before.about, [part]: about }
  const results: Results = {
    about: Object.fromEntries(parts.flatMap((name) => (all[name] ? [[name, all[name]]] : []))),
    figures,
  }
  const abouts = Object.values(results.about)
  writeFileSync(join(folder, 'results.json'), `${JSON.stringify(results, null, 2)}\n`)
  writeFileSync(join(folder, 'results.md'), table(figures, abouts))
  writeFileSync(join(folder, 'results.svg'), chart(figures))
}

/** The page of figures and the README show what whole runs have measured, and nothing else. */
export function writePage(): void {
  const { figures, about } = readResults()
  writeFigures('docs/performance.md', 'bench/bench.ts', summary(figures, Object.values(about)))
  writeFigures('README.md', 'bench/bench.ts', brief(figures))
}
