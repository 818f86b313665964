/** The ways to measure. */
import { quantile } from '../failover/figures.js'
import type { DevTools } from './devtools.js'
import { type Fleet, pause } from './fleet.js'
import { BURST, type Measure } from './rules.js'
import type { BenchServer } from './server.js'

/** Partyline's default: no event waits longer (ms) for its fetch. */
const MAX_WAIT = 1_000
/** Heartbeats of one socket in an hour, at Socket.IO's default of one every 25 s. */
const HEARTBEATS = 3_600 / 25
/** Timers of hidden tabs run once a second: after this long (ms) no subject waits with a fetch any more. */
const LATE = 1_400

export interface Effort {
  readonly ticks: number
  /** How many tabs' heaps are measured. */
  readonly heaps: number
  /** After this long (ms) a subject did not finish. */
  readonly bound: number
}

export type Values = Partial<Record<Measure, number | undefined>>

/** Of several fleets at once, event by event, so that a busy moment of the machine affects them all. */
export async function measureLatency(
  fleets: readonly Fleet[],
  server: BenchServer,
  { ticks }: Effort,
): Promise<Values[]> {
  await Promise.all(fleets.map((fleet) => fleet.rest()))
  for (const fleet of fleets) await fleet.each('tab.reset()')
  for (let tick = 0; tick < ticks; tick++) {
    for (let turn = 0; turn < fleets.length; turn++) {
      // Forwards and backwards, so that no fleet always follows the same other one.
      const fleet = fleets[(turn * (tick % 2 === 0 ? 1 : fleets.length - 1) + tick) % fleets.length]
      if (fleet) server.tick(fleet.id)
      await pause(12)
    }
    // Single events, each after the last one is done, and not in step with any timer.
    await pause(40 + Math.random() * 100)
  }
  await pause(100)
  return Promise.all(
    fleets.map(async (fleet): Promise<Values> => {
      const all = await fleet.each<number[]>('tab.latencies')
      if (all.some(({ length }) => length !== ticks)) {
        throw new Error(`${fleet.subject}: ticks were lost: ${all.map(({ length }) => length)} of ${ticks}`)
      }
      return { 'emit -> handler, p50': quantile(all.flat(), 0.5), 'emit -> handler, p99': quantile(all.flat(), 0.99) }
    }),
  )
}

/** Requests per active query that the event makes stale. */
function requests(fleet: Fleet): number {
  const affected = ['/api/balance/11', '/api/transactions/page-1']
  const strange = fleet.run.requests.find((path) => !affected.includes(path))
  if (strange) throw new Error(`${fleet.subject}: ${strange} was fetched, which no event had touched`)
  return fleet.run.requests.length / affected.length
}

/** All windows are visible. */
export const WINDOWS = 5

export async function measureWindows(fleet: Fleet, server: BenchServer): Promise<Values> {
  fleet.run.forget()
  await server.change(fleet.id, 1)
  await pause(LATE)
  await fleet.rest()
  return { 'one event, 5 windows: requests per query': requests(fleet) }
}

export async function measureEvent(fleet: Fleet, server: BenchServer): Promise<Values> {
  fleet.run.forget()
  await server.change(fleet.id, 1)
  await pause(LATE)
  await fleet.rest()
  return { 'one event: requests per affected query': requests(fleet) }
}

/** `hasHeartbeat`: its sockets are Socket.IO's, whose heartbeats can be counted. */
export async function measureHeap(
  fleet: Fleet,
  server: BenchServer,
  { heaps }: Effort,
  hasHeartbeat: boolean,
): Promise<Values> {
  const heapOf = async (target: Fleet['tabs'][number]) => {
    await target.send('HeapProfiler.collectGarbage')
    return (await target.send<{ usedSize: number }>('Runtime.getHeapUsage')).usedSize
  }
  const sum = async (targets: readonly Fleet['tabs'][number][]) =>
    (await Promise.all(targets.map(heapOf))).reduce((total, size) => total + size, 0)
  // The tabs share the worker's heap. The first tab, which is visible or leads, is as good as any other.
  const some = fleet.tabs.slice(0, heaps)
  const heap = (await sum(some)) / some.length + (await sum(await fleet.workers())) / fleet.tabs.length
  return {
    'idle: JS heap, per tab': heap / 1e6,
    ...(hasHeartbeat && {
      'idle: socket traffic per hour': ((await server.heartbeat(fleet.id)) * HEARTBEATS) / 1_000,
    }),
  }
}

/** Of a browser that has no other tabs. CPU time is counted in hundredths of a second, so `ms` is long. */
export async function measureIdleCpu(fleet: Fleet, browser: DevTools, ms: number): Promise<Values> {
  await pause(200)
  const before = await browser.cpuTime()
  const start = performance.now()
  await pause(ms)
  const used = (await browser.cpuTime()) - before
  const minutes = (performance.now() - start) / 60_000
  return { 'idle: CPU, per tab and minute': (used * 1_000) / minutes / fleet.tabs.length }
}

/** Gives the limit of requests as well: it depends on how long the burst took. */
export async function measureBurst(
  fleet: Fleet,
  browser: DevTools,
  server: BenchServer,
  { bound }: Effort,
): Promise<{ readonly values: Values; readonly limit?: number }> {
  /** The CPU time that a tab's main thread has used (ms). */
  const mainThread = async () => {
    const all = await Promise.all(
      fleet.tabs.map((tab) => tab.send<{ metrics: { name: string; value: number }[] }>('Performance.getMetrics')),
    )
    const seconds = all.map(({ metrics }) => metrics.find(({ name }) => name === 'ThreadTime')?.value ?? Number.NaN)
    return (seconds.reduce((total, one) => total + one, 0) / seconds.length) * 1_000
  }
  await Promise.all(fleet.tabs.map((tab) => tab.send('Performance.enable')))
  await fleet.each('tab.reset()')
  fleet.run.forget()
  const ownBefore = await mainThread()
  const cpuBefore = await browser.cpuTime()
  const start = await server.change(fleet.id, BURST)
  const reports = await fleet.run.reported('all', fleet.tabs.length, bound)
  if (!reports) {
    return {
      values: {
        'burst: all tabs have all': undefined,
        'burst: main thread CPU, per tab': undefined,
        'burst: longest task (0: none of 50 ms)': undefined,
        'burst: requests per affected query': undefined,
        'burst: CPU of the whole browser': undefined,
      },
    }
  }
  const took = Math.max(...reports.map(({ at }) => at)) - start
  await pause(LATE)
  await fleet.rest()
  const cpu = ((await browser.cpuTime()) - cpuBefore) * 1_000
  const own = (await mainThread()) - ownBefore
  const long = await fleet.each<number[]>('tab.longTasks')
  return {
    values: {
      'burst: all tabs have all': took,
      'burst: main thread CPU, per tab': own,
      'burst: longest task (0: none of 50 ms)': Math.max(0, ...long.flat()),
      'burst: requests per affected query': requests(fleet),
      'burst: CPU of the whole browser': cpu,
    },
    limit: 2 * Math.ceil(took / MAX_WAIT),
  }
}
