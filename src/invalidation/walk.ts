import type { TabEnvironment } from '../platform/page.js'
import type { QueryClientSlice } from './query-client.js'

/** A task of the browser's main thread may take this long (ms): a click waits for it. */
const MAX_TASK_MS = 16
/** The clock is read after so many queries. */
const STEP = 32
/** So few are dealt with directly: a batch of TanStack's walks the whole cache. */
const FEW = 8

interface WalkOptions {
  readonly client: QueryClientSlice
  readonly clock: Pick<TabEnvironment['clock'], 'monotonic'>
  readonly timers: Pick<TabEnvironment['timers'], 'after'>
  /** The app's own code threw for one of them, an `enabled` function for example. The others go on. */
  readonly onThrown: (thrown: unknown) => void
}

/** Does something with many queries, in tasks that are short, each of them one batch of TanStack's notifications. */
export function createWalk({ client, clock, timers, onThrown }: WalkOptions) {
  const cancels = new Set<() => void>()

  /** `refetchQueries` asks its predicate within a batch. Components are then rendered once, and no copy of query-core is needed. */
  function batch(run: () => void): void {
    let pending = true
    const predicate = (): boolean => {
      if (pending) {
        pending = false
        run()
      }
      return false
    }
    void client.refetchQueries({ predicate }, { cancelRefetch: false })
    if (pending) run()
  }

  function from<T>(start: number, items: readonly T[], act: (item: T) => void, done: () => void): void {
    const until = clock.monotonic() + MAX_TASK_MS
    let next = start
    const task = () => {
      do {
        try {
          act(items[next++] as T)
        } catch (thrown) {
          onThrown(thrown)
        }
      } while (next < items.length && (next % STEP !== 0 || clock.monotonic() < until))
    }
    if (items.length <= FEW) task()
    else batch(task)
    if (next >= items.length) {
      done()
      return
    }
    const cancel = timers.after(0, () => {
      cancels.delete(cancel)
      from(next, items, act, done)
    })
    cancels.add(cancel)
  }

  return {
    /** Calls `act` for each, and then `done`. */
    run<T>(items: readonly T[], act: (item: T) => void, done: () => void): void {
      if (items.length === 0) done()
      else from(0, items, act, done)
    },
    close(): void {
      for (const cancel of cancels) cancel()
      cancels.clear()
    },
  }
}

export type Walk = ReturnType<typeof createWalk>
