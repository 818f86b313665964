import type { HubEnvironment } from '../platform/environment.js'
import { afterSilence } from '../platform/timeouts.js'

/** For how long (ms) the server may say nothing when it is asked for a sign of life. */
const SILENCE = 2_500

/**
 * Asks a connection that is up for a sign of life: it may be half-open, dead with nobody to say so for up to 45 s. Any event is
 * one; the answer may stand in line behind a burst.
 */
export function createProbe(
  environment: Pick<HubEnvironment, 'clock' | 'timers'>,
  ask: () => Promise<void> | undefined,
  onDead: () => void,
) {
  let heardAt = 0
  let end: (() => void) | undefined

  return {
    heard(): void {
      heardAt = environment.clock.now()
    },
    begin(): void {
      const answer = end ? undefined : ask()
      if (!answer) return
      const over = () => {
        stop()
        if (end === over) end = undefined
      }
      const dead = () => {
        over()
        onDead()
      }
      const stop = afterSilence(environment, () => heardAt, SILENCE, dead)
      end = over
      answer.then(over, () => undefined)
    },
    /** Nothing that was asked of one connection matters to the next. */
    end(): void {
      end?.()
    },
  }
}
