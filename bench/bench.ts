/**
 * What sharing a connection costs and saves, beside the usual recipe and a bare floor, in one run:
 * `npm run bench [-- --quick]`. Prints a table and writes results.json, results.md and results.svg into bench/, or into
 * `--out <folder>`. `--quick` is one round up to 20 tabs, without the CPU of idle tabs. `--only floor,leader` takes the subjects
 * with these words in their names. `--part connections`, `work`, `windows` or `flush` takes that part. Neither of the two writes
 * a file. A missed target fails nothing; the bench fails only when it can't measure.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { chromium } from 'playwright'
import { findBrowser } from '../scripts/browser.js'
import { buildSite } from './sharing/build-site.js'
import { chart } from './sharing/chart.js'
import { launch } from './sharing/devtools.js'
import { figures } from './sharing/figures.js'
import { Fleet } from './sharing/fleet.js'
import { measureFlush } from './sharing/flush.js'
import {
  type Effort,
  type Measure,
  measureBurst,
  measureEvent,
  measureIdle,
  measureLatency,
  measureWindows,
  type Sample,
  WINDOWS,
  WORK_TABS,
} from './sharing/measures.js'
import { startServer } from './sharing/server.js'
import { SHARING, SUBJECTS, type Subject } from './sharing/subjects.js'
import { summary, table } from './sharing/table.js'
import { createClock } from './site/clock.js'

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    times: { type: 'string' },
    tabs: { type: 'string' },
    only: { type: 'string' },
    part: { type: 'string' },
    out: { type: 'string', default: fileURLToPath(new URL('.', import.meta.url)) },
  },
})
const { quick } = options
const times = Number(options.times ?? (quick ? 1 : 3))
const sizes = (options.tabs ?? (quick ? '1,5,20' : '1,5,20,50')).split(',').map(Number)
const effort: Effort = quick
  ? { ticks: 16, idle: 0, heaps: 4, bound: 10_000 }
  : { ticks: 100, idle: 45_000, heaps: WORK_TABS, bound: 60_000 }
const words = (options.only ?? '').split(',')
const subjects = SUBJECTS.filter(({ name }) => words.some((word) => name.includes(word)))
const takes = (part: 'connections' | 'work' | 'windows' | 'flush') =>
  options.part === undefined || options.part === part

/** The most tabs that are open at once. Each is a process. */
const MAX_TABS = 120

const samples: Sample[] = []
/** Subjects that did not finish once: they are skipped, because a second failure takes as long. */
const hopeless = new Set<Subject>()

function add({ subject, tabs }: Fleet, values: Partial<Record<Measure, number | undefined>>, limit?: number): void {
  for (const [measure, value] of Object.entries(values) as [Measure, number | undefined][]) {
    samples.push({ measure, subject, tabs: tabs.length, value, ...(limit !== undefined && { limit }) })
  }
}

async function measureConnections(group: readonly Subject[], tabs: number): Promise<void> {
  const fleets: Fleet[] = []
  for (const subject of group) {
    const fleet = await Fleet.open(browser, server, subject, tabs, createClock())
    add(fleet, { 'sockets at the server': fleet.run.sockets.size, 'opened at once -> all attached': fleet.opening })
    fleets.push(fleet)
  }
  const latencies = await measureLatency(fleets, server, effort)
  for (const [index, fleet] of fleets.entries()) {
    add(fleet, latencies[index] ?? {})
    await fleet.close()
  }
}

async function measureWork(subject: Subject): Promise<void> {
  const fleet = await Fleet.open(browser, server, subject, WORK_TABS, createClock())
  await fleet.rest()
  add(fleet, await measureEvent(fleet, server))
  add(fleet, await measureIdle(fleet, browser, server, effort))
  if (!hopeless.has(subject)) {
    const { values, limit } = await measureBurst(fleet, browser, server, effort)
    add(fleet, values, limit)
    if (Object.values(values).includes(undefined)) {
      hopeless.add(subject)
      return renewBrowser()
    }
  }
  await fleet.close()
}

async function measureSharing(subject: Subject): Promise<void> {
  const fleet = await Fleet.open(browser, server, subject, WINDOWS, createClock(), true)
  await fleet.rest()
  add(fleet, await measureWindows(fleet, server))
  await fleet.close()
}

/** Overloaded tabs would go on working while the next subject is measured. */
async function renewBrowser(): Promise<void> {
  await browser.close()
  browser = await launch(executablePath)
}

const began = performance.now()
const { executablePath = chromium.executablePath() } = findBrowser()
const site = await buildSite()
const server = await startServer(site.folder)
let browser = await launch(executablePath)
try {
  // The first start of each subject reads from the disk, so it is not measured.
  for (const subject of subjects) await (await Fleet.open(browser, server, subject, 1, createClock())).close()
  for (let round = 0; round < times; round++) {
    // The order rotates, so that no subject is always the first.
    const order = subjects.map((_subject, turn) => subjects[(turn + round) % subjects.length] as Subject)
    for (const tabs of takes('connections') ? sizes : []) {
      const size = Math.max(1, Math.floor(MAX_TABS / tabs))
      for (let first = 0; first < order.length; first += size) {
        await measureConnections(order.slice(first, first + size), tabs)
        process.stdout.write('.')
      }
    }
    for (const subject of takes('work') && sizes.includes(WORK_TABS) ? order : []) {
      await measureWork(subject)
      process.stdout.write('.')
    }
    for (const subject of takes('windows') ? [...order, SHARING] : []) await measureSharing(subject)
  }
} finally {
  await browser.close()
  await server.close()
  site.remove()
}
if (takes('flush')) samples.push(...measureFlush(quick ? 3 : 21))

const all = figures(samples)
const load = loadavg().map((one) => one.toFixed(1))
const about = [
  `${browser.version}, ${cpus().length} cores, load ${load.join(' ')}, Node ${process.versions.node}.`,
  `${times} ${times === 1 ? 'round' : 'rounds'}${quick ? ' (--quick)' : ''}, ${((performance.now() - began) / 1_000).toFixed(0)} s`,
].join(' ')
const markdown = table(all, about, effort.bound)
console.log(`\n\n${markdown}`)
if (options.only === undefined && options.part === undefined) {
  writeFileSync(join(options.out, 'results.json'), `${JSON.stringify(all, null, 2)}\n`)
  writeFileSync(join(options.out, 'results.md'), markdown)
  writeFileSync(join(options.out, 'results.svg'), chart(all))
  console.log(`written to ${join(options.out, 'results.{json,md,svg}')}`)
  if (!quick) writePage()
}

/** The page of figures shows what a whole run has measured, and nothing else. */
function writePage(): void {
  const page = fileURLToPath(new URL('../docs/performance.md', import.meta.url))
  const [begin, end] = ['<!-- figures: bench/bench.ts -->', '<!-- end of the figures -->']
  const text = readFileSync(page, 'utf8')
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from === -1 || to < from) throw new Error(`the page has no place for the figures: ${begin}`)
  writeFileSync(page, `${text.slice(0, from + begin.length)}\n\n${summary(all, about)}\n\n${text.slice(to)}`)
}
