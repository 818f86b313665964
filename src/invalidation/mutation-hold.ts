import type { TabEnvironment } from '../platform/page.js'
import type { QueryClientSlice } from './query-client.js'

/**
 * Holds jobs back while a mutation runs, since a refetch could overwrite its optimistic state with older data. It holds
 * them for at most `maxHoldMs`.
 */
export function createMutationHold(
  client: QueryClientSlice,
  timers: Pick<TabEnvironment['timers'], 'after'>,
  maxHoldMs: number,
) {
  const held = new Set<() => void>()
  let stop: (() => void) | undefined

  function cancel(): void {
    stop?.()
    stop = undefined
    held.clear()
  }

  function release(): void {
    const jobs = [...held]
    cancel()
    for (const job of jobs) job()
  }

  return {
    /** A job that is held already is not held twice. */
    run(job: () => void): void {
      if (!stop && client.isMutating() === 0) {
        job()
        return
      }
      held.add(job)
      if (stop) return
      const cancelTimer = timers.after(maxHoldMs, release)
      const unsubscribe = client.getMutationCache().subscribe(() => {
        if (client.isMutating() === 0) release()
      })
      stop = () => {
        cancelTimer()
        unsubscribe()
      }
    },
    cancel,
  }
}
