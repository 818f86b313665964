/**
 * What a flush costs the main thread of a tab with 10,000 cached queries: `npm run bench:flushing`. Whole flushes of 500 events, with
 * marks and all, against one bare `invalidateQueries` of TanStack Query; the longest task; and 200 components that are mounted while
 * so many queries owe a fetch. Interleaved, medians of the rounds. Ends within two minutes.
 */
import { cpus, loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { QueryObserver } from '@tanstack/react-query'
import { EVENTS, type FlushCase, openTab, QUERIES, SCOPED, timeFlush } from './sharing/whole-flush.js'

const MOUNTS = 200
const ROUNDS = 7
/** A flush may take so many bare passes, and its longest task so many milliseconds. */
const LIMITS = { ratio: 3, taskMs: 50 }

const FLUSHES: Record<string, FlushCase> = {
  'one key for all': { key: (n) => ['row', n], rule: ['row'] },
  'a scope that no query names': {
    key: (n) => ['row', n],
    rule: { touches: ['row'], targets: (m: { n: number }) => [{ queryKey: ['row'], scope: { id: m.n } }] },
  },
  'a scope that each query names': SCOPED,
  'a key for each event': {
    key: (n) => ['row', n],
    rule: { touches: ['row'], targets: (m: { n: number }) => [['row', m.n]] },
  },
  'two fields, both named': {
    key: (n) => ['row', { id: n % 100, type: n % 7, page: n }],
    rule: {
      touches: ['row'],
      targets: (m: { n: number }) => [{ queryKey: ['row'], scope: { id: m.n, type: m.n % 5 } }],
    },
  },
  'two fields, the same account': {
    key: (n) => ['row', { account: 7, page: n }],
    rule: { touches: ['row'], targets: (m: { n: number }) => [{ queryKey: ['row'], scope: { account: 7, id: m.n } }] },
  },
  'three fields, two the same for all': {
    key: (n) => ['row', { account: 7, type: 'card', id: n }],
    rule: {
      touches: ['row'],
      targets: (m: { n: number }) => [{ queryKey: ['row'], scope: { account: 7, type: 'card', id: m.n } }],
    },
  },
  'two fields the same for all, a third not named': {
    key: (n) => ['row', { account: 7, type: 'card', page: n }],
    rule: {
      touches: ['row'],
      targets: (m: { n: number }) => [{ queryKey: ['row'], scope: { account: 7, type: 'card', id: m.n } }],
    },
  },
  'a long key': {
    key: (n) => ['a', 'b', 'c', 'd', n],
    rule: { touches: ['a'], targets: (m: { n: number }) => [['a', 'b', 'c', 'd', m.n]] },
  },
  'a field of its own for each': {
    key: (n) => ['row', { id: n }],
    rule: { touches: ['row'], targets: (m: { n: number }) => [{ queryKey: ['row'], scope: { [`f${m.n}`]: 1 } }] },
  },
}

const median = (values: number[]) => [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0
const ms = (value: number) => `${value.toFixed(1)} ms`

async function measureFlushes(): Promise<void> {
  console.log(`flush of ${EVENTS} events on ${QUERIES} queries | CPU | of a bare pass | longest task | target`)
  for (const [name, one] of Object.entries(FLUSHES)) {
    const times = []
    for (let round = 0; round < ROUNDS; round++) times.push(await timeFlush(one))
    const [bare, whole] = [median(times.map((time) => time.bare)), median(times.map((time) => time.whole))]
    const longest = median(times.map(({ longestTask }) => longestTask))
    const isMet = whole <= LIMITS.ratio * bare && longest <= LIMITS.taskMs
    console.log(
      `${name} | ${ms(whole)} | ${(whole / bare).toFixed(2)} of ${ms(bare)} | ${ms(longest)} | ${isMet ? 'met' : 'MISSED'}`,
    )
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
