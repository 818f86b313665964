import type { TabEnvironment } from '../platform/page.js'

/** Both in milliseconds. */
export interface PollingTimes {
  readonly downFor: number
  readonly interval: number
}

/** While a line is down for longer than `downFor`, polls every `interval`, at moments that differ between browsers. */
export function createPolling(
  { downFor, interval }: PollingTimes,
  { timers, random }: Pick<TabEnvironment, 'timers' | 'random'>,
  poll: () => void,
) {
  let stop: (() => void) | undefined

  function wait(ms: number): void {
    stop = timers.after(ms * (1 + random() / 4), () => {
      poll()
      wait(interval)
    })
  }

  return {
    down(): void {
      if (!stop) wait(downFor)
    },
    up(): void {
      stop?.()
      stop = undefined
    },
  }
}
