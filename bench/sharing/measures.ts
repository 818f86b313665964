/** What is measured, what of it must be reached, and the ways to measure it. */
import { quantile } from '../failover/figures.js'
import type { DevTools } from './devtools.js'
import { type Fleet, pause } from './fleet.js'
import type { BenchServer } from './server.js'
import { DEBOUNCED, RECIPE, SHARING } from './subjects.js'

export interface Rule {
  readonly unit: string
  /** The recipe that it stands beside. */
  readonly recipe: string
  /** Digits after the point. */
  readonly digits: number
  readonly target?: string
  /** Whether the target is met; undefined where that is not known. */
  met?(figures: {
    readonly subject: string
    readonly value: number
    readonly tabs: number
    readonly vsFloor: number | undefined
    readonly vsRecipe: number | undefined
    /** Of this very sample. */
    readonly limit: number | undefined
  }): boolean | undefined
}

const latency: Rule = {
  unit: 'ms',
  recipe: RECIPE,
  digits: 2,
  target: '<= 1.25 x floor; faster than the recipe from 5 tabs on',
  met: ({ tabs, vsFloor = 1, vsRecipe = 0 }) => vsFloor <= 1.25 && (tabs < 5 || vsRecipe < 1),
}
const belowRecipe = {
  recipe: RECIPE,
  target: 'below the recipe',
  met: ({ vsRecipe }: { readonly vsRecipe: number | undefined }) => (vsRecipe === undefined ? undefined : vsRecipe < 1),
}
const flush: Rule = {
  unit: 'ms',
  recipe: RECIPE,
  digits: 2,
  target: '<= 1.3 x floor',
  met: ({ vsFloor = 1 }) => vsFloor <= 1.3,
}

/** Tabs at which the work is measured; connections and latency are measured at every number. */
export const WORK_TABS = 20
export const BURST = 5_000
/** Partyline's default: no event waits longer (ms) for its fetch. */
const MAX_WAIT = 1_000
/** Heartbeats of one socket in an hour, at Socket.IO's default of one every 25 s. */
const HEARTBEATS = 3_600 / 25
/** Timers of hidden tabs run once a second: after this long (ms) no subject waits with a fetch any more. */
const LATE = 1_400

export const RULES = {
  'sockets at the server': {
    unit: '',
    recipe: RECIPE,
    digits: 0,
    target: '1',
    met: ({ value }) => value === 1,
  },
  'emit -> handler, p50': latency,
  'emit -> handler, p99': latency,
  'opened at once -> all attached': { unit: 'ms', recipe: RECIPE, digits: 0 },
  'one event: requests per affected query': {
    unit: '',
    recipe: RECIPE,
    digits: 1,
    target: '1',
    met: ({ value }) => value === 1,
  },
  'one event, 5 windows: requests per query': {
    unit: '',
    recipe: RECIPE,
    digits: 1,
    target: '1 with shareFetches',
    met: ({ value, subject }) => (subject === SHARING.name ? value === 1 : undefined),
  },
  'burst: all tabs have all': {
    unit: 'ms',
    recipe: DEBOUNCED,
    digits: 0,
    target: '<= 1.5 x floor',
    met: ({ vsFloor = 1 }) => vsFloor <= 1.5,
  },
  'burst: main thread busy, per tab': {
    unit: 'ms',
    recipe: DEBOUNCED,
    digits: 1,
    target: '<= 1/25 of recipe + debounce',
    met: ({ vsRecipe }) => (vsRecipe === undefined ? undefined : vsRecipe <= 1 / 25),
  },
  'burst: main thread CPU, per tab': { unit: 'ms', recipe: DEBOUNCED, digits: 1 },
  'burst: longest task (0: none of 50 ms)': {
    unit: 'ms',
    recipe: DEBOUNCED,
    digits: 0,
    target: '<= 50 ms',
    met: ({ value }) => value <= 50,
  },
  'burst: requests per affected query': {
    unit: '',
    recipe: DEBOUNCED,
    digits: 1,
    target: '<= 2 per second of it',
    met: ({ value, limit = 2 }) => value <= limit,
  },
  'burst: CPU of the whole browser': { unit: 'ms', recipe: DEBOUNCED, digits: 0 },
  'idle: JS heap, per tab': { unit: 'MB', digits: 2, ...belowRecipe },
  'idle: CPU, per tab and minute': { unit: 'ms', digits: 1, ...belowRecipe },
  'idle: socket traffic per hour': { unit: 'kB', digits: 1, ...belowRecipe },
  'flush of 100 targets, 100 kinds of query': flush,
  'flush of 100 targets, one kind of query': flush,
} satisfies Record<string, Rule>
export type Measure = keyof typeof RULES

export interface Sample {
  readonly measure: Measure
  readonly subject: string
  readonly tabs: number
  /** Undefined: did not finish. */
  readonly value: number | undefined
  /** What the value may be at most, where that depends on the sample. */
  readonly limit?: number
}

export interface Effort {
  readonly ticks: number
  /** How long (ms) idle tabs are measured. CPU time is counted in hundredths of a second. 0: not measured. */
  readonly idle: number
  /** How many tabs' heaps are measured. */
  readonly heaps: number
  /** After this long (ms) a subject did not finish. */
  readonly bound: number
}

type Values = Partial<Record<Measure, number | undefined>>

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

export async function measureIdle(
  fleet: Fleet,
  browser: DevTools,
  server: BenchServer,
  { idle, heaps }: Effort,
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
  const bytes = await server.heartbeat(fleet.id)
  const values: Values = {
    'idle: JS heap, per tab': heap / 1e6,
    'idle: socket traffic per hour': (bytes * HEARTBEATS) / 1_000,
  }
  if (idle === 0) return values
  await pause(200)
  const before = await browser.cpuTime()
  const start = performance.now()
  await pause(idle)
  const used = (await browser.cpuTime()) - before
  const minutes = (performance.now() - start) / 60_000
  return { ...values, 'idle: CPU, per tab and minute': (used * 1_000) / minutes / fleet.tabs.length }
}

/** Gives the limit of requests as well: it depends on how long the burst took. */
export async function measureBurst(
  fleet: Fleet,
  browser: DevTools,
  server: BenchServer,
  { bound }: Effort,
): Promise<{ readonly values: Values; readonly limit?: number }> {
  /** Of the main thread, per tab (ms): how long its tasks took, and how much CPU time they used. */
  const mainThread = async (metric: 'TaskDuration' | 'ThreadTime') => {
    const all = await Promise.all(
      fleet.tabs.map((tab) => tab.send<{ metrics: { name: string; value: number }[] }>('Performance.getMetrics')),
    )
    const seconds = all.map(({ metrics }) => metrics.find(({ name }) => name === metric)?.value ?? Number.NaN)
    return (seconds.reduce((total, one) => total + one, 0) / seconds.length) * 1_000
  }
  await Promise.all(fleet.tabs.map((tab) => tab.send('Performance.enable')))
  await fleet.each('tab.reset()')
  fleet.run.forget()
  const busyBefore = await mainThread('TaskDuration')
  const ownBefore = await mainThread('ThreadTime')
  const cpuBefore = await browser.cpuTime()
  const start = await server.change(fleet.id, BURST)
  const moments = await fleet.run.reported('all', fleet.tabs.length, bound)
  if (!moments) {
    return {
      values: {
        'burst: all tabs have all': undefined,
        'burst: main thread busy, per tab': undefined,
        'burst: main thread CPU, per tab': undefined,
        'burst: longest task (0: none of 50 ms)': undefined,
        'burst: requests per affected query': undefined,
        'burst: CPU of the whole browser': undefined,
      },
    }
  }
  const took = Math.max(...moments) - start
  await pause(LATE)
  await fleet.rest()
  const cpu = ((await browser.cpuTime()) - cpuBefore) * 1_000
  const busy = (await mainThread('TaskDuration')) - busyBefore
  const own = (await mainThread('ThreadTime')) - ownBefore
  const long = await fleet.each<number[]>('tab.longTasks')
  return {
    values: {
      'burst: all tabs have all': took,
      'burst: main thread busy, per tab': busy,
      'burst: main thread CPU, per tab': own,
      'burst: longest task (0: none of 50 ms)': Math.max(0, ...long.flat()),
      'burst: requests per affected query': requests(fleet),
      'burst: CPU of the whole browser': cpu,
    },
    limit: 2 * Math.ceil(took / MAX_WAIT),
  }
}
