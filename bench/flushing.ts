/**
 * What a flush costs the main thread of a tab with 10,000 cached queries: `npm run bench:flushing`. Whole flushes of 500 events, with
 * marks and all, against one bare `invalidateQueries` of TanStack Query; the longest task; and 200 components that are mounted while
 * so many queries owe a fetch. Interleaved, medians of the rounds. Ends within two minutes.
 */
import { cpus, loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { QueryClient, QueryObserver } from '@tanstack/react-query'
import { createInvalidator } from '../src/invalidation/invalidator.js'
import { compileRule } from '../src/invalidation/rule.js'
import type { QueryKey } from '../src/invalidation/target.js'
import { createMemoryBrowser } from '../test/browser.js'
import { createSimpleLogicalClock } from '../test/simple-logical-clock.js'

const QUERIES = 10_000
const EVENTS = 500
const MOUNTS = 200
const ROUNDS = 7
const DEBOUNCE_MS = 10

const FLUSHES: Record<string, { readonly key: (n: number) => QueryKey; readonly rule: unknown }> = {
  'one key for all': { key: (n) => ['row', n], rule: ['row'] },
  'a scope that no query names': {
    key: (n) => ['row', n],
    rule: { touches: ['row'], targets: (m: { n: number }) => [{ queryKey: ['row'], scope: { id: m.n } }] },
  },
  'a scope that each query names': {
    key: (n) => ['row', { id: n }],
    rule: { touches: ['row'], targets: (m: { n: number }) => [{ queryKey: ['row'], scope: { id: m.n } }] },
  },
  'a key for each event': {
    key: (n) => ['row', n],
    rule: { touches: ['row'], targets: (m: { n: number }) => [['row', m.n]] },
  },
}

const median = (values: number[]) => [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0
const ms = (value: number) => `${value.toFixed(1)} ms`

function openTab(key: (n: number) => QueryKey, rule: unknown) {
  const client = new QueryClient({ defaultOptions: { queries: { gcTime: 1e9, staleTime: 1e9, retry: false } } })
  for (let n = 0; n < QUERIES; n++) client.setQueryData(key(n), n)
  const { environment } = createMemoryBrowser().tab()
  const tasks: number[] = []
  /** Runs as a task of its own, and takes its time. */
  const timed = (run: () => void) => () => {
    const began = performance.now()
    run()
    tasks.push(performance.now() - began)
  }
  const after = (delayMs: number, run: () => void) => {
    const timer = setTimeout(timed(run), delayMs)
    return () => clearTimeout(timer)
  }
  let cancel: () => void = () => undefined
  const debounce = (run: () => void, waitMs: number) =>
    Object.assign(
      () => {
        cancel()
        cancel = after(waitMs, run)
      },
      { cancel: () => cancel() },
    )
  let receipts = 0
  const invalidator = createInvalidator({
    client,
    rules: new Map([['changed', compileRule('changed', rule, (_code, message) => console.error(message))]]),
    debounce: { waitMs: DEBOUNCE_MS, maxWaitMs: 1_000 },
    jitterMs: 0,
    restartFetchAfterMs: 10_000,
    logicalClock: createSimpleLogicalClock(),
    environment: {
      ...environment,
      clock: {
        now: () => Date.now(),
        monotonic: () => performance.now(),
        origin: Date.now() - performance.now(),
      },
      timers: { after, debounce },
      random: () => 0,
    },
    onReceipt: () => receipts++,
    // A session listens.
    onPending: () => undefined,
    // So that each flush ends with a receipt.
    isWatched: () => true,
  })
  async function flush(): Promise<void> {
    tasks.length = 0
    const before = receipts
    invalidator.push(Array.from({ length: EVENTS }, (_, n) => ['changed', { n }] as const))
    while (receipts === before) await sleep(1)
  }
  return { client, invalidator, tasks, flush }
}

async function measureFlushes(): Promise<void> {
  console.log(`flush of ${EVENTS} events on ${QUERIES} queries | CPU | of a bare pass | longest task`)
  for (const [name, { key, rule }] of Object.entries(FLUSHES)) {
    const bare: number[] = []
    const whole: number[] = []
    const longest: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const plain = openTab(key, [])
      const began = performance.now()
      void plain.client.invalidateQueries({ queryKey: ['row'] })
      bare.push(performance.now() - began)
      plain.invalidator.close()
      const tab = openTab(key, rule)
      await tab.flush()
      whole.push(tab.tasks.reduce((sum, task) => sum + task, 0))
      longest.push(Math.max(...tab.tasks))
      tab.invalidator.close()
    }
    const ratio = (median(whole) / median(bare)).toFixed(2)
    console.log(`${name} | ${ms(median(whole))} | ${ratio} of ${ms(median(bare))} | ${ms(median(longest))}`)
  }
}

/** One component after the other uses a query that comes with data of its own. */
async function measureInitialData(): Promise<void> {
  const totals: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const tab = openTab((n) => ['row', n], ['row'])
    let total = 0
    for (let n = 0; n < MOUNTS; n++) {
      const began = performance.now()
      const queryKey = ['row', 'seeded', n]
      const observer = new QueryObserver(tab.client, { queryKey, queryFn: () => n, initialData: n })
      observer.subscribe(() => undefined)
      await Promise.resolve()
      await Promise.resolve()
      total += performance.now() - began
      await sleep(0)
    }
    totals.push(total)
    tab.invalidator.close()
    tab.client.clear()
  }
  console.log(`the same with initialData, among ${QUERIES} cached | ${ms(median(totals))}`)
}

async function measureMounts(): Promise<void> {
  console.log(`${MOUNTS} components are mounted one by one, while so many queries owe a fetch | total`)
  for (const owing of [0, 1_000, QUERIES]) {
    const totals: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const tab = openTab((n) => [n < owing ? 'row' : 'other', n], ['row'])
      await tab.flush()
      let total = 0
      for (let n = 0; n < MOUNTS; n++) {
        const began = performance.now()
        const queryKey = [n < owing ? 'row' : 'other', n]
        new QueryObserver(tab.client, { queryKey, queryFn: () => n, refetchOnMount: false }).subscribe(() => undefined)
        await Promise.resolve()
        await Promise.resolve()
        total += performance.now() - began
        await sleep(0)
      }
      totals.push(total)
      tab.invalidator.close()
      tab.client.clear()
    }
    console.log(`${owing} | ${ms(median(totals))}`)
  }
}

const [load] = loadavg()
console.log(`${cpus().length} cores, load ${load?.toFixed(1)}, medians of ${ROUNDS}`)
await measureFlushes()
await measureMounts()
await measureInitialData()
// The queries' own timers would keep the process.
process.exit(0)
