/**
 * What a page holds after a long life: `npm run bench:soak`. 1,000 mounts and unmounts, 1,000,000 events through a hub, and an hour of 20
 * tabs at 10 events a second, played in six minutes at ten times that rate. Each on both hosts. It compares what is held after garbage
 * collection, near the beginning and at the end. Each part writes bench/soak.json and its table in docs/performance.md when it is done.
 * `--part mounts,events,hour` takes these parts alone. `--share 0.01` does that share of each, and writes nothing. About 14 minutes.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { chromium } from 'playwright'
import { findBrowser } from '../scripts/browser.js'
import { buildSite } from './sharing/build-site.js'
import { launch, type Target } from './sharing/devtools.js'
import { Fleet } from './sharing/fleet.js'
import { startServer } from './sharing/server.js'
import { createClock } from './site/clock.js'
import { writeFigures } from './write-figures.js'

const PARTS = ['mounts', 'events', 'hour'] as const
type Part = (typeof PARTS)[number]

const { values: options } = parseArgs({
  options: { part: { type: 'string', default: PARTS.join() }, share: { type: 'string', default: '1' } },
})
const wanted = options.part.split(',')
const parts = PARTS.filter((part) => wanted.includes(part))
if (parts.length !== wanted.length) throw new Error(`the parts are ${PARTS.join(', ')}`)
const share = Number(options.share)

const HOSTS = ['shared-worker', 'leader-tab'] as const
type Host = (typeof HOSTS)[number]

/**
 * Before the first look, so much more of the same has gone by: compiled code and the engine's caches grow at first. Of 200 mounts in a leader
 * tab nearly all that a heap snapshot finds more is compiled code.
 */
const WARM: Record<Part, number> = { mounts: 1, events: 0.2, hour: 0.2 }
const MOUNTS = 1_000 * share
const EVENTS = 1_000_000 * share
const BURST = 5_000
const HOUR = { tabs: 20, events: 36_000 * share, everyMs: 10, changes: 10 }
/** Flat: the heap grows by no more than this share. */
const ALLOWED = 0.05
/** What stands still for this long (ms) was lost. */
const PATIENCE_MS = 60_000

/** What pages hold together, with the heap of their worker. */
interface Held {
  readonly megabytes: number
  readonly listeners: number
  readonly ports: number
  readonly channels: number
  readonly workers: number
}

interface Row {
  readonly part: Part
  readonly host: Host
  readonly what: string
  readonly before: Held
  readonly after: Held
  readonly flat: boolean
}

async function instances(tab: Target, name: string): Promise<number> {
  const objectGroup = 'counted'
  const { result: prototype } = await tab.send<{ result: { objectId?: string } }>('Runtime.evaluate', {
    expression: `${name}.prototype`,
    objectGroup,
  })
  const { objects } = await tab.send<{ objects: { objectId?: string } }>('Runtime.queryObjects', {
    prototypeObjectId: prototype.objectId,
    objectGroup,
  })
  const { result } = await tab.send<{ result: { value: number } }>('Runtime.callFunctionOn', {
    objectId: objects.objectId,
    functionDeclaration: 'function () { return this.length }',
    returnByValue: true,
  })
  await tab.send('Runtime.releaseObjectGroup', { objectGroup })
  return result.value
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

/**
 * What a finalizer lets go of, the second collection finds. Compiled code goes only after several that found it unused: with two
 * of them, a million events left 0.3 MB that was gone after the next ones.
 */
const COLLECTIONS = 6

async function heapOf(target: Target): Promise<number> {
  for (let time = 0; time < COLLECTIONS; time++) await target.send('HeapProfiler.collectGarbage')
  return (await target.send<{ usedSize: number }>('Runtime.getHeapUsage')).usedSize
}

async function heldBy(fleet: Fleet): Promise<Held> {
  // Unmounted lines let go of their pipes within a second or two.
  await sleep(3_000)
  await fleet.rest()
  const of = async (ask: (tab: Target) => Promise<number>) => sum(await Promise.all(fleet.tabs.map(ask)))
  await Promise.all(fleet.tabs.map((tab) => tab.send('Performance.enable')))
  const heaps = await Promise.all([...fleet.tabs, ...(await fleet.workers())].map(heapOf))
  return {
    megabytes: Number((sum(heaps) / 1e6).toFixed(2)),
    listeners: await of(async (tab) => {
      const { metrics } = await tab.send<{ metrics: { name: string; value: number }[] }>('Performance.getMetrics')
      return metrics.find(({ name }) => name === 'JSEventListeners')?.value ?? Number.NaN
    }),
    ports: await of((tab) => instances(tab, 'MessagePort')),
    channels: await of((tab) => instances(tab, 'BroadcastChannel')),
    workers: await of((tab) => instances(tab, 'SharedWorker')),
  }
}

const isFlat = (before: Held, after: Held): boolean =>
  after.megabytes <= before.megabytes * (1 + ALLOWED) &&
  (['listeners', 'ports', 'channels', 'workers'] as const).every((handle) => after[handle] <= before[handle])

const open = (host: Host, tabs: number): Promise<Fleet> => {
  const path = host === 'leader-tab' ? '/soak.html?host=leader-tab&' : '/soak.html?'
  return Fleet.open(browser, server, { name: `partyline, ${host}`, path }, tabs, createClock())
}

/** Until every tab has had so many events. */
async function received(fleet: Fleet, count: number): Promise<void> {
  let last = -1
  for (let end = performance.now() + PATIENCE_MS; ; await sleep(50)) {
    const all = await fleet.each<number>('soak.received')
    if (all.every((one) => one >= count)) return
    if (sum(all) !== last) end = performance.now() + PATIENCE_MS
    last = sum(all)
    if (performance.now() > end) throw new Error(`${fleet.subject}: ${all} of ${count} events arrived`)
  }
}

async function measureMounts(fleets: readonly Fleet[], count: number): Promise<void> {
  const PIECE = 50
  for (let left = count; left > 0; left -= PIECE) {
    await Promise.all(fleets.map((fleet) => fleet.tabs[0]?.evaluate(`soak.remount(${Math.min(PIECE, left)})`)))
  }
}

async function measureEvents(fleets: readonly Fleet[], count: number): Promise<void> {
  for (const fleet of fleets) await fleet.each('soak.received = 0')
  for (let sent = 0; sent < count; sent += BURST) {
    for (const fleet of fleets) await server.change(fleet.id, Math.min(BURST, count - sent))
    await Promise.all(fleets.map((fleet) => received(fleet, Math.min(sent + BURST, count))))
  }
}

/** One event in ten makes queries stale. */
async function measureHour(fleets: readonly Fleet[], count: number): Promise<void> {
  for (const fleet of fleets) await fleet.each('soak.received = 0')
  const began = performance.now()
  for (let sent = 0; sent < count; ) {
    for (const due = (performance.now() - began) / HOUR.everyMs; sent < Math.min(due, count); sent++) {
      for (const fleet of fleets) {
        if (sent % HOUR.changes === 0) await server.change(fleet.id, 1)
        else server.tick(fleet.id)
      }
    }
    await sleep(1)
  }
  await Promise.all(fleets.map((fleet) => received(fleet, count)))
}

async function measure(part: Part): Promise<Row[]> {
  const n = (value: number) => value.toLocaleString('en')
  const WHAT: Record<Part, string> = {
    mounts: `${n(MOUNTS)} mounts and unmounts of one tab`,
    events: `${n(EVENTS)} events to 2 tabs`,
    hour: `${n(HOUR.events)} events to ${HOUR.tabs} tabs, an hour's at 10 a second, in ${((HOUR.events * HOUR.everyMs) / 60_000).toFixed(1)} min`,
  }
  const work: Record<Part, (fleets: readonly Fleet[], of: number) => Promise<void>> = {
    mounts: (fleets, of) => measureMounts(fleets, Math.ceil(MOUNTS * of)),
    events: (fleets, of) => measureEvents(fleets, Math.ceil(EVENTS * of)),
    hour: (fleets, of) => measureHour(fleets, Math.ceil(HOUR.events * of)),
  }
  const fleets: Fleet[] = []
  for (const host of HOSTS) fleets.push(await open(host, { mounts: 1, events: 2, hour: HOUR.tabs }[part]))
  await work[part](fleets, WARM[part])
  const before = []
  for (const fleet of fleets) before.push(await heldBy(fleet))
  await work[part](fleets, 1)
  const rows: Row[] = []
  for (const [index, fleet] of fleets.entries()) {
    const [was, is] = [before[index] as Held, await heldBy(fleet)]
    const host = HOSTS[index] as Host
    rows.push({ part, host, what: WHAT[part], before: was, after: is, flat: isFlat(was, is) })
    await fleet.close()
  }
  return rows
}

interface Results {
  readonly about: Readonly<Record<string, string>>
  readonly rows: readonly Row[]
}

function table({ about, rows }: Results): string {
  const handles = ({ listeners, ports, channels, workers }: Held) =>
    `${listeners} / ${ports} / ${channels} / ${workers}`
  const lines = rows.map(({ host, what, before, after, flat }) => {
    const grown = ((after.megabytes / before.megabytes - 1) * 100).toFixed(1)
    const heap = `${before.megabytes.toFixed(2)} -> ${after.megabytes.toFixed(2)} (${grown} %)`
    return `| ${what} | ${host} | ${heap} | ${handles(before)} | ${handles(after)} | ${flat ? 'met' : '**MISSED**'} |`
  })
  return `| after | host | heap of all tabs and the worker (MB) | listeners, ports, channels, workers before | after | target: the heap grows by 5 % at most, no handle more |
| --- | --- | --- | --- | --- | --- |
${lines.join('\n')}

${Object.values(about)
  .map((one) => `- ${one}`)
  .join('\n')}`
}

const { executablePath = chromium.executablePath() } = findBrowser()
const site = await buildSite()
const server = await startServer(site.folder)
const browser = await launch(executablePath)
const FILE = new URL('soak.json', import.meta.url)
const isWhole = share === 1
let results: Results = isWhole && existsSync(FILE) ? JSON.parse(readFileSync(FILE, 'utf8')) : { about: {}, rows: [] }
try {
  for (const part of parts) {
    const began = performance.now()
    const own = await measure(part)
    const seconds = ((performance.now() - began) / 1_000).toFixed(0)
    const about = `${part}: ${seconds} s. ${browser.version}, ${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}.`
    const rows = [...results.rows.filter((row) => row.part !== part), ...own]
    results = {
      about: { ...results.about, [part]: about },
      rows: PARTS.flatMap((name) => rows.filter((row) => row.part === name)),
    }
    if (isWhole) {
      writeFileSync(FILE, `${JSON.stringify(results, null, 2)}\n`)
      writeFigures('docs/performance.md', 'bench/soak.ts', table(results))
    }
    console.log(about)
  }
} finally {
  await browser.close()
  await server.close()
  site.remove()
}
console.log(table(results))
