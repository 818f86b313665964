import type { HubEnvironment } from '../platform/environment.js'
import { afterSilence } from '../platform/timeouts.js'

/** Calls back when nothing was received for so long; the next one replaces it. */
export function createDeadline(timers: HubEnvironment['timers']) {
  let received = 0
  let cancel = (): void => undefined
  return {
    set(ms: number, onPassed: () => void): void {
      cancel()
      cancel = afterSilence({ timers }, () => received, ms, onPassed)
    },
    /** The server has sent something. */
    received(): void {
      received++
    },
    cancel: () => cancel(),
  }
}

/** An option of the app that has to be a positive number, unless it is nonsense. */
export const positiveOr = (fallback: number, option: unknown): number =>
  typeof option === 'number' && option > 0 ? option : fallback
