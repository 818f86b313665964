import type { TabEnvironment } from '../platform/page.js'

export interface PollingTimes {
  readonly downForMs: number
  readonly intervalMs: number
}

/** While the connection is down for longer than `downForMs`, polls every `intervalMs`, at moments that differ between browsers. */
export function createPolling(
  { downForMs, intervalMs }: PollingTimes,
  { timers, random }: Pick<TabEnvironment, 'timers' | 'random'>,
  poll: () => void,
) {
  let stop: (() => void) | undefined

  function wait(ms: number): void {
    stop = timers.after(ms * (1 + random() / 4), () => {
      poll()
      wait(intervalMs)
    })
  }

  return {
    down(): void {
      if (!stop) wait(downForMs)
    },
    up(): void {
      stop?.()
      stop = undefined
    },
  }
}
