import type { HubEnvironment } from './environment.js'

/**
 * Calls back once nothing at all has come from the other side for `ms`: whoever speaks is alive, however long the answer
 * takes that stands in line behind a burst. The answer calls it off.
 * @param heardAt When something came last. Milliseconds since the Unix epoch.
 */
export function afterSilence(
  { clock, timers }: Pick<HubEnvironment, 'clock' | 'timers'>,
  heardAt: () => number,
  ms: number,
  run: () => void,
): () => void {
  let stop: () => void
  const wait = (rest: number) => {
    stop = timers.after(rest, () => {
      // This thread may have been busy: what has come meanwhile is heard first.
      stop = timers.after(0, look)
    })
  }
  const look = () => {
    const rest = heardAt() + ms - clock.now()
    // More than all of it: the clock was set back, and tells nothing.
    if (rest <= 0 || rest > ms) run()
    else wait(rest)
  }
  wait(ms)
  return () => stop()
}

/** A promise that did not settle in time. */
export class TimeoutError extends Error {}

/**
 * Gives what the promise gives, or rejects with a `TimeoutError` once `ms` milliseconds have passed. What comes later is
 * dropped. `after` runs something once after so many milliseconds, and gives the way to cancel it.
 */
export function withTimeout<T>(
  after: HubEnvironment['timers']['after'],
  ms: number,
  promise: Promise<T>,
  message = `no answer within ${ms} ms`,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = after(ms, () => reject(new TimeoutError(message)))
    promise.then(resolve, reject).finally(cancel)
  })
}
