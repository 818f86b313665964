/**
 * One flush of 100 targets on a cache of 10,000 queries, beside the barest predicate that finds the same ones, and beside
 * an `invalidateQueries` for each. In this process, with what ships: a flush is the same code in a tab.
 */
import { QueryClient } from '@tanstack/react-query'
import type * as Invalidator from '../../src/invalidation/invalidator.js'
import type * as Rule from '../../src/invalidation/rule.js'
import type { Sample } from './figures.js'
import type { Measure } from './rules.js'
import { ANY_HOST, FLOOR, RECIPE } from './subjects.js'
import { cpuTime, SCOPED, timeFlush } from './whole-flush.js'

const built = <M>(file: string) =>
  import(new URL(`../../dist/invalidation/${file}`, import.meta.url).href) as Promise<M>
const { createInvalidator } = await built<typeof Invalidator>('invalidator.js')
const { compileRule } = await built<typeof Rule>('rule.js')

const QUERIES = 10_000
/** Whole flushes take longer. */
const MAX_WHOLE = 9
const TARGETS = 100

type Key = readonly [kind: string, id: number]
interface Case {
  readonly measure: Measure
  readonly keys: readonly Key[]
  readonly targets: readonly Key[]
}

const CASES: readonly Case[] = [
  {
    measure: 'flush of 100 targets, 100 kinds of query',
    keys: Array.from({ length: QUERIES }, (_, index) => [`kind ${index % TARGETS}`, Math.floor(index / TARGETS)]),
    targets: Array.from({ length: TARGETS }, (_, index) => [`kind ${index}`, index]),
  },
  {
    measure: 'flush of 100 targets, one kind of query',
    keys: Array.from({ length: QUERIES }, (_, index) => ['kind', index]),
    targets: Array.from({ length: TARGETS }, (_, index) => ['kind', index * 100]),
  },
]

function filled(keys: readonly Key[]): QueryClient {
  const client = new QueryClient({ defaultOptions: { queries: { gcTime: Number.POSITIVE_INFINITY } } })
  for (const key of keys) client.setQueryData(key, { id: key[1] })
  return client
}

/** Milliseconds of CPU that `run` takes, on a cache of its own. */
function timed({ keys, targets }: Case, prepare: (client: QueryClient) => () => void): number {
  const client = filled(keys)
  const run = prepare(client)
  const start = cpuTime()
  run()
  const took = cpuTime() - start
  const stale = client
    .getQueryCache()
    .getAll()
    .filter(({ state }) => state.isInvalidated)
  if (stale.length !== targets.length) throw new Error(`${stale.length} queries are stale, not ${targets.length}`)
  return took
}

/** What one would write by hand for just these keys: one look into a table for each query. */
function bareWalk(targets: readonly Key[], client: QueryClient): () => void {
  return () => {
    const ids = new Map<unknown, Set<unknown>>()
    for (const [kind, id] of targets) ids.set(kind, (ids.get(kind) ?? new Set()).add(id))
    void client.invalidateQueries({
      predicate: ({ queryKey: [kind, id] }) => ids.get(kind)?.has(id) === true,
      refetchType: 'none',
    })
  }
}

function oneByOne(targets: readonly Key[], client: QueryClient): () => void {
  return () => {
    for (const queryKey of targets) void client.invalidateQueries({ queryKey, refetchType: 'none' })
  }
}

/** Everything is as in a tab, but for the timers: the flush is called here, so that it alone is timed. */
function flushOf(targets: readonly Key[], client: QueryClient): () => void {
  let flush: () => void = () => undefined
  const rest: (() => void)[] = []
  let receipts = 0
  const rule = compileRule(
    'changed',
    {
      touches: [...new Set(targets.map(([kind]) => kind))],
      targets: (m: { kind: string; id: number }) => [[m.kind, m.id]],
    },
    () => undefined,
  )
  const invalidator = createInvalidator({
    client: client as unknown as Invalidator.InvalidatorOptions['client'],
    rules: new Map([['changed', rule]]),
    debounce: { waitMs: 100, maxWaitMs: 1_000 },
    jitterMs: 0,
    restartFetchAfterMs: 10_000,
    logicalClock: {
      next: () => performance.now(),
      answeredAt: () => undefined,
      isUnderWay: () => false,
      lastAnswer: () => 0,
    },
    environment: {
      clock: { now: () => Date.now(), monotonic: () => performance.now(), origin: 0 },
      timers: {
        // On a busy machine the walk ends its task early: the rest follows at once.
        after: (delayMs, run) => {
          if (delayMs === 0) rest.push(run)
          return () => undefined
        },
        debounce: (run) => {
          flush = run
          return Object.assign(() => undefined, { cancel: () => undefined })
        },
      },
      page: { isVisible: () => true, on: () => () => undefined },
      random: Math.random,
    },
    onReceipt: () => void receipts++,
    isWatched: () => true,
  })
  invalidator.push(targets.map(([kind, id]) => ['changed', { kind, id }]))
  return () => {
    flush()
    for (let next = rest.shift(); next; next = rest.shift()) next()
  }
}

export async function measureFlush(times: number): Promise<Sample[]> {
  const subjects = Object.entries({ [FLOOR]: bareWalk, [RECIPE]: oneByOne, [ANY_HOST]: flushOf })
  const samples: Sample[] = []
  for (const one of CASES) {
    // The first ones are the compiler's.
    for (let round = -3; round < times; round++) {
      // The order rotates, so that no subject always collects the garbage of the same other one.
      for (let turn = 0; turn < subjects.length; turn++) {
        const [subject, prepare] = subjects[(round + 3 + turn) % subjects.length] as (typeof subjects)[number]
        const value = timed(one, (client) => prepare(one.targets, client))
        if (round >= 0) samples.push({ measure: one.measure, subject, tabs: 1, round, value })
      }
    }
  }
  for (let round = -1; round < Math.min(times, MAX_WHOLE); round++) {
    const { bare, whole, longestTask } = await timeFlush(SCOPED)
    if (round < 0) continue
    const add = (measure: Measure, subject: string, value: number) =>
      samples.push({ measure, subject, tabs: 1, round, value })
    add('flush of 500 scoped targets, 10,000 queries: CPU', FLOOR, bare)
    add('flush of 500 scoped targets, 10,000 queries: CPU', ANY_HOST, whole)
    add('flush of 500 scoped targets, 10,000 queries: longest task', ANY_HOST, longestTask)
  }
  return samples
}
