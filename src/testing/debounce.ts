import type { Debounced, Timers } from '../platform/page.js'

/** lodash's `debounce` (trailing edge, `maxWait`) over given timers, since lodash's own are the machine's. */
export function createDebounce(now: () => number, after: Timers['after']): Timers['debounce'] {
  return (run, wait, maxWait) => {
    let called: number | undefined
    let invoked = 0
    let pending = false
    let stop: (() => void) | undefined

    const isDue = (time: number) =>
      called === undefined || time - called >= wait || time < called || time - invoked >= maxWait

    function invoke(time: number): void {
      pending = false
      invoked = time
      run()
    }

    function expire(): void {
      const time = now()
      if (isDue(time)) {
        stop = undefined
        called = undefined
        if (pending) invoke(time)
        return
      }
      stop = after(Math.min(wait - (time - (called ?? time)), maxWait - (time - invoked)), expire)
    }

    function debounced(): void {
      const time = now()
      const due = isDue(time)
      called = time
      pending = true
      if (!stop) invoked = time
      else if (!due) return
      else stop()
      const late = stop !== undefined
      stop = after(wait, expire)
      // The timer is late, as those of a hidden page are: lodash does not wait for it.
      if (late) invoke(time)
    }

    return Object.assign(debounced, {
      cancel() {
        stop?.()
        stop = undefined
        called = undefined
        pending = false
      },
    }) satisfies Debounced
  }
}
