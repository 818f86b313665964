/**
 * The app of every page of the bench, however its events arrive: a few active queries, one more in the cache.
 * No components: rendering would cost each subject the same.
 */
import { QueryClient, QueryObserver } from '@tanstack/react-query'
import { createClock } from './clock.js'
import type { Change, Tick } from './events.js'

/** What the runner reads. */
export interface TabPage {
  /** Sets all counts to zero. */
  reset(): void
  /** Nothing is being fetched, and no active query is stale. */
  readonly isAtRest: boolean
  /** Milliseconds from emit to handler, one for each tick. */
  readonly latencies: readonly number[]
  /** Changes that the handler has received. */
  readonly received: number
  /** Durations (ms) of the tasks of the main thread that took 50 ms or more. */
  readonly longTasks: readonly number[]
  /** For messages. */
  standing(): object
}

declare global {
  /** When the page's first script ran, by `performance.now()`. */
  var began: number
  interface Window {
    tab: TabPage
  }
}

export const run = new URLSearchParams(location.search).get('run') ?? ''

let now = createClock()
let latencies: number[] = []
let longTasks: number[] = []
let received = 0

const ask = async (path: string): Promise<unknown> => (await fetch(`/api/${path}?run=${run}`)).json()
const report = (what: string) => {
  const tookMs = performance.now() - began
  void fetch(`/report?run=${run}&what=${what}&at=${now()}&took=${tookMs}`)
}

export const client = new QueryClient({
  defaultOptions: {
    queries: { staleTime: Number.POSITIVE_INFINITY, queryFn: ({ queryKey }) => ask(pathOf(queryKey)) },
  },
})

function pathOf([name, detail]: readonly unknown[]): string {
  if (typeof detail === 'string') return `${String(name)}/${detail}`
  return detail ? `${String(name)}/page-${(detail as { page: number }).page}` : String(name)
}

for (const queryKey of [['balance', '11'], ['transactions', { page: 1 }], ['profile']]) {
  new QueryObserver(client, { queryKey }).subscribe(() => undefined)
}
void client.prefetchQuery({ queryKey: ['transactions', { page: 2 }], gcTime: Number.POSITIVE_INFINITY })

/** The handlers of the events, however they arrive. */
export const handlers = {
  tick: ({ at }: Tick): void => void latencies.push(now() - at),
  changed: ({ of }: Change): void => {
    received++
    if (received === of) report('all')
  },
}

/** What a change makes stale, as TanStack Query's documentation has it. */
export function invalidate({ accountId }: Change): void {
  void client.invalidateQueries({ queryKey: ['transactions'] })
  void client.invalidateQueries({ queryKey: ['balance', accountId] })
}

/** This tab receives every event from now on. */
let isAttached = false
export function attached(): void {
  if (isAttached) return
  isAttached = true
  report('attached')
}

new PerformanceObserver((list) => longTasks.push(...list.getEntries().map(({ duration }) => duration))).observe({
  type: 'longtask',
})

window.tab = {
  reset() {
    now = createClock()
    latencies = []
    longTasks = []
    received = 0
  },
  get isAtRest() {
    const used = client
      .getQueryCache()
      .getAll()
      .filter((query) => query.isActive())
    return client.isFetching() === 0 && used.every(({ state }) => state.data !== undefined && !state.isInvalidated)
  },
  get latencies() {
    return latencies
  },
  get received() {
    return received
  },
  get longTasks() {
    return longTasks
  },
  standing: () => ({ attached: isAttached, received, visibility: document.visibilityState }),
}
