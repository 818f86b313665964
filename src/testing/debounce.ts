import type { Debounced, Timers } from '../platform/page.js'

/**
 * lodash's `debounce` (trailing edge, `maxWait`) over given timers, since lodash's own are the machine's. A property test
 * holds it to lodash's, whose oddities it has to have.
 */
export function createDebounce(now: () => number, after: Timers['after']): Timers['debounce'] {
  return (run, wait, maxWait) => {
    const longestWait = Math.max(wait, maxWait)
    let lastCall: number | undefined
    let lastRun = 0
    let pending = false
    let stopTimer: (() => void) | undefined

    const isDue = (time: number) =>
      lastCall === undefined || time - lastCall >= wait || time < lastCall || time - lastRun >= longestWait

    function invoke(time: number): void {
      pending = false
      lastRun = time
      run()
    }

    function expire(): void {
      const time = now()
      if (isDue(time)) {
        stopTimer = undefined
        if (pending) invoke(time)
        return
      }
      stopTimer = after(Math.min(wait - (time - (lastCall ?? time)), longestWait - (time - lastRun)), expire)
    }

    function debounced(): void {
      const time = now()
      const due = isDue(time)
      lastCall = time
      pending = true
      if (stopTimer && due) {
        // The timer is late, as those of a hidden page are: lodash does not wait for it.
        stopTimer()
        stopTimer = after(wait, expire)
        invoke(time)
        return
      }
      // Soon after a run that `maxWait` brought about, the next `maxWait` counts from that run, not from this call.
      if (due) lastRun = time
      stopTimer ??= after(wait, expire)
    }

    return Object.assign(debounced, {
      cancel() {
        stopTimer?.()
        stopTimer = undefined
        lastCall = undefined
        lastRun = 0
        pending = false
      },
    }) satisfies Debounced
  }
}
