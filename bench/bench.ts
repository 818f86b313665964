/**
 * What sharing a connection costs and saves, beside the usual recipe, other libraries and bare floors: `npm run bench [-- --quick]`.
 * Everything of a round stands side by side in one browser, measure by measure. Each part writes its figures when it is done, into
 * results.json, results.md and results.svg in bench/ (or `--out <folder>`), docs/performance.md and the README. `--part tabs,first`
 * takes these parts alone. `--quick` is 20 tabs and the subjects that the targets compare. With it, or with `--only`, `--tabs` or
 * `--times`, nothing is written but to `--out`. A missed target fails nothing; the bench fails only when it can't measure.
 */
import { cpus, loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { chromium } from 'playwright'
import { findBrowser } from '../scripts/browser.js'
import { writeScale } from './scale.js'
import { buildSite } from './sharing/build-site.js'
import { launch } from './sharing/devtools.js'
import { figures, type Sample } from './sharing/figures.js'
import { Fleet } from './sharing/fleet.js'
import { measureFlush } from './sharing/flush.js'
import {
  type Effort,
  measureBurst,
  measureEvent,
  measureHeap,
  measureIdleCpu,
  measureLatency,
  measureWindows,
  type Values,
  WINDOWS,
} from './sharing/measures.js'
import { writePage, writePart } from './sharing/results.js'
import { WORK_TABS } from './sharing/rules.js'
import { startServer } from './sharing/server.js'
import { MAIN, OTHERS, RECIPE, SHARING, type Subject, TRANSPORTS } from './sharing/subjects.js'
import { table } from './sharing/table.js'
import { createClock } from './site/clock.js'

const HERE = fileURLToPath(new URL('.', import.meta.url))
/** In the order in which they run. `rare`: counts, which are the same every time, and what takes longest. */
const PARTS = ['flush', 'first', 'tabs', 'many', 'rare'] as const
type Part = (typeof PARTS)[number]

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    times: { type: 'string' },
    tabs: { type: 'string' },
    only: { type: 'string' },
    part: { type: 'string' },
    out: { type: 'string' },
  },
})
const { quick } = options
const isWhole = !quick && [options.times, options.tabs, options.only].every((option) => option === undefined)
const out = options.out ?? (isWhole ? HERE : undefined)
const wanted = (options.part ?? (quick ? 'flush,first,tabs' : PARTS.join())).split(',')
const parts = PARTS.filter((part) => wanted.includes(part))
if (parts.length !== wanted.length) throw new Error(`the parts are ${PARTS.join(', ')}`)

/** How often each part is measured. The other subjects, and 50 tabs, are there in the first rounds alone. */
const rounds = quick
  ? { flush: 5, first: 5, main: 1, others: 0, many: 0, tries: 3 }
  : { flush: 21, first: 12, main: 5, others: 3, many: 3, tries: 2 }
if (options.times) Object.assign(rounds, { main: Number(options.times), others: Number(options.times), many: 1 })
const sizes = (options.tabs ?? (quick ? `${WORK_TABS}` : `1,5,${WORK_TABS}`)).split(',').map(Number)
const MANY = 50
const effort: Effort = quick ? { ticks: 25, heaps: 4, bound: 20_000 } : { ticks: 40, heaps: 8, bound: 20_000 }
const IDLE_MS = 30_000
/** Longer than the jitter of the resync that may follow a first connection, and than any wait of a fetch. */
const SETTLED_MS = 5_000
/** Within 10 s of its welcome, a tab that follows a leader loads the code of a takeover. */
const IDLE_AFTER_MS = 12_000
/** The most tabs that are open at once. Each is a process. */
const MAX_TABS = 120

const words = (options.only ?? '').split(',')
const chosen = (subjects: readonly Subject[]) =>
  subjects.filter(({ name }) => words.some((word) => name.includes(word)))
/** From one round to the next the order rotates, so that no subject is always the first. */
const rotated = (subjects: readonly Subject[], round: number) =>
  subjects.map((_subject, turn) => subjects[(turn + round) % subjects.length] as Subject)

const samples: Sample[] = []

function add({ subject }: { readonly subject: string }, tabs: number, round: number, values: Values, limit?: number) {
  for (const [measure, value] of Object.entries(values) as [Sample['measure'], number | undefined][]) {
    samples.push({ measure, subject, tabs, round, value, ...(limit !== undefined && { limit }) })
  }
}

const open = (subject: Subject, tabs: number, windows = false) =>
  Fleet.open(browser, server, subject, tabs, createClock(), windows)

/** The fleets of several subjects at once. */
async function measureTabs(group: readonly Subject[], tabs: number, round: number): Promise<void> {
  const fleets: Fleet[] = []
  for (const subject of group) {
    const fleet = await open(subject, tabs)
    add(fleet, tabs, round, {
      'sockets at the server': fleet.run.sockets.size,
      'opened at once -> all attached': fleet.opening,
    })
    fleets.push(fleet)
  }
  const latencies = await measureLatency(fleets, server, effort)
  for (const [index, fleet] of fleets.entries()) add(fleet, tabs, round, latencies[index] ?? {})
  if (tabs === WORK_TABS) await measureWork(fleets, round)
  for (let turn = 0; tabs < MANY && turn < rounds.tries; turn++) {
    for (const fleet of fleets) {
      const at = quick ? round + turn : round
      add(fleet, tabs, at, { 'a tab opens while the hub is up: script start -> attached': await fleet.openOne() })
    }
  }
  for (const fleet of fleets) await fleet.close()
  process.stdout.write('.')
}

async function measureWork(fleets: readonly Fleet[], round: number): Promise<void> {
  for (const fleet of fleets) {
    await fleet.rest()
    add(fleet, WORK_TABS, round, await measureEvent(fleet, server))
    add(fleet, WORK_TABS, round, await measureHeap(fleet, server, effort, !fleet.subject.match(/alive|WebSocket|SSE/)))
  }
  for (let turn = 0; turn < (quick ? 3 : 1); turn++) {
    for (const fleet of fleets) {
      // Without a debounce it does not finish, and drowns the machine meanwhile.
      if (fleet.subject === RECIPE) continue
      const { values, limit } = await measureBurst(fleet, browser, server, effort)
      if (Object.values(values).includes(undefined)) throw new Error(`${fleet.subject} does not finish the burst`)
      add(fleet, WORK_TABS, round + turn, values, limit)
    }
  }
}

/** Groups that fit into the machine. */
async function measureGroups(subjects: readonly Subject[], tabs: number, round: number): Promise<void> {
  const size = Math.max(1, Math.floor(MAX_TABS / tabs))
  const order = rotated(subjects, round)
  for (let from = 0; from < order.length; from += size) await measureTabs(order.slice(from, from + size), tabs, round)
}

const measure: Record<Part, () => Promise<void>> = {
  async flush() {
    samples.push(...(await measureFlush(rounds.flush)))
  },
  async first() {
    for (let round = 0; round < rounds.first; round++) {
      for (const subject of rotated(chosen(MAIN), round)) {
        const fleet = await open(subject, 1)
        add(fleet, 1, round, { 'the first tab: script start -> connected': fleet.first })
        await fleet.close()
      }
    }
  },
  async tabs() {
    for (let round = 0; round < rounds.main; round++) {
      for (const tabs of sizes) {
        await measureGroups(chosen(MAIN), tabs, round)
        if (round >= rounds.others) continue
        await measureGroups(chosen([...OTHERS, ...(tabs === WORK_TABS ? TRANSPORTS : [])]), tabs, round)
      }
    }
  },
  async many() {
    for (let round = 0; round < rounds.many; round++) await measureGroups(chosen(MAIN), MANY, round)
  },
  async rare() {
    for (const subject of chosen([...MAIN, ...OTHERS, SHARING])) {
      const fleet = await open(subject, WINDOWS, true)
      await fleet.quiet(SETTLED_MS)
      add(fleet, WINDOWS, 0, await measureWindows(fleet, server))
      await fleet.close()
    }
    for (const subject of chosen(MAIN)) {
      const fleet = await open(subject, WORK_TABS)
      await fleet.quiet(IDLE_AFTER_MS)
      add(fleet, WORK_TABS, 0, await measureIdleCpu(fleet, browser, IDLE_MS))
      if (subject.name === RECIPE) {
        add(fleet, WORK_TABS, 0, (await measureBurst(fleet, browser, server, effort)).values)
        await renewBrowser()
      } else await fleet.close()
    }
  },
}

/** Overloaded tabs would go on working while the next subject is measured. */
async function renewBrowser(): Promise<void> {
  await browser.close()
  browser = await launch(executablePath)
}

const WHAT: Record<Part, string> = {
  flush: `${rounds.flush} rounds, of whole flushes 9 at most`,
  first: `${rounds.first} rounds of one new browser profile each`,
  tabs: `${rounds.main} rounds, other libraries, the debounced recipe, WebSocket and SSE in ${rounds.others} of them`,
  many: `${rounds.many} rounds of ${MANY} tabs`,
  rare: `once: windows, idle CPU over ${IDLE_MS / 1_000} s, the plain recipe's burst, for ${effort.bound / 1_000} s at most`,
}

const { executablePath = chromium.executablePath() } = findBrowser()
const site = await buildSite()
const server = await startServer(site.folder)
let browser = await launch(executablePath)
const all = []
const abouts = []
try {
  // The first start of each subject reads from the disk, so it is not measured.
  const warm = quick ? MAIN : [...MAIN, ...OTHERS, ...TRANSPORTS]
  if (parts.some((part) => part !== 'flush')) for (const subject of chosen(warm)) await (await open(subject, 1)).close()
  for (const part of parts) {
    samples.length = 0
    const began = performance.now()
    await measure[part]()
    const seconds = ((performance.now() - began) / 1_000).toFixed(0)
    const load = loadavg().map((one) => one.toFixed(1))
    const machine = `${browser.version}, ${cpus().length} cores, Node ${process.versions.node}, load ${load.join(' ')}`
    const about = `${part}: ${WHAT[part]}. ${seconds} s. ${machine}${quick ? ' (--quick)' : ''}.`
    const own = figures(part, samples)
    all.push(...own)
    abouts.push(about)
    if (out !== undefined) writePart(out, PARTS, part, own, about)
    if (isWhole && out === HERE) {
      writePage()
      if (part === 'tabs') writeScale()
    }
    console.log(`\n${about}`)
  }
} finally {
  await browser.close()
  await server.close()
  site.remove()
}
console.log(`\n${table(all, abouts)}`)
if (out !== undefined) console.log(`written to ${out}results.{json,md,svg}`)
