/** Whole flushes of one tab with many cached queries: events in, marks and receipts out. In this process, with real timers. */
import { setTimeout as sleep } from 'node:timers/promises'
import { QueryClient } from '@tanstack/react-query'
import { createInvalidator } from '../../src/invalidation/invalidator.js'
import { compileRule } from '../../src/invalidation/rule.js'
import type { QueryKey } from '../../src/invalidation/target.js'
import { createMemoryBrowser } from '../../test/browser.js'
import { createSimpleLogicalClock } from '../../test/simple-logical-clock.js'

export const QUERIES = 10_000
export const EVENTS = 500
const DEBOUNCE_MS = 10

export interface FlushCase {
  readonly key: (n: number) => QueryKey
  readonly rule: unknown
}

/** 500 scoped targets on one head, and every query names a value of them. */
export const SCOPED: FlushCase = {
  key: (n) => ['row', { id: n % EVENTS, page: n }],
  rule: { touches: ['row'], targets: (m: { n: number }) => [{ queryKey: ['row'], scope: { id: m.n } }] },
}

/** Milliseconds of CPU that this process has used, with what the engine's own threads do for it. Other processes do not count. */
export function cpuTime(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

/** A tab whose flushes are timed, task by task. */
export function openTab(key: (n: number) => QueryKey, rule: unknown) {
  const client = new QueryClient({ defaultOptions: { queries: { gcTime: 1e9, staleTime: 1e9, retry: false } } })
  for (let n = 0; n < QUERIES; n++) client.setQueryData(key(n), n)
  const { environment } = createMemoryBrowser().tab()
  const tasks: number[] = []
  /** Runs as a task of its own, and takes its time. */
  const timed = (run: () => void) => () => {
    const began = cpuTime()
    run()
    tasks.push(cpuTime() - began)
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

export interface FlushTimes {
  /** Of one `invalidateQueries` that marks as many queries, in milliseconds of CPU. */
  readonly bare: number
  readonly whole: number
  readonly longestTask: number
}

export async function timeFlush({ key, rule }: FlushCase): Promise<FlushTimes> {
  const plain = openTab(key, [])
  const began = cpuTime()
  void plain.client.invalidateQueries({ queryKey: key(0).slice(0, 1) })
  const bare = cpuTime() - began
  plain.invalidator.close()
  plain.client.clear()
  const tab = openTab(key, rule)
  await tab.flush()
  tab.invalidator.close()
  tab.client.clear()
  return { bare, whole: tab.tasks.reduce((sum, task) => sum + task, 0), longestTask: Math.max(...tab.tasks) }
}
