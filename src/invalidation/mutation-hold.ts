import type { TabEnvironment } from '../platform/page.js'
import type { QueryClientSlice } from './query-client.js'

/**
 * Puts work off while a mutation runs, since a refetch could overwrite its optimistic state with older data; for `most`
 * milliseconds at the longest.
 */
export function createMutationHold(
  client: QueryClientSlice,
  timers: Pick<TabEnvironment['timers'], 'after'>,
  most: number,
) {
  const due = new Set<() => void>()
  let stop: (() => void) | undefined

  function cancel(): void {
    stop?.()
    stop = undefined
    due.clear()
  }

  function release(): void {
    const jobs = [...due]
    cancel()
    for (const job of jobs) job()
  }

  return {
    /** The same job is put off once. */
    run(job: () => void): void {
      if (!stop && client.isMutating() === 0) {
        job()
        return
      }
      due.add(job)
      if (stop) return
      const giveUp = timers.after(most, release)
      const unsubscribe = client.getMutationCache().subscribe(() => {
        if (client.isMutating() === 0) release()
      })
      stop = () => {
        giveUp()
        unsubscribe()
      }
    },
    cancel,
  }
}
