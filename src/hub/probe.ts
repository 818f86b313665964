import type { HubEnvironment } from '../platform/environment.js'
import { afterSilence } from '../platform/timeouts.js'

/** The server may be silent for this long after a probe, as far as this thread has time to read. */
const PROBE_SILENCE_MS = 2_500

export interface ProbeOptions {
  readonly environment: Pick<HubEnvironment, 'timers' | 'clock'>
  /** Asks the server for a sign of life; undefined when the transport can't. */
  readonly ask: () => Promise<void> | undefined
  readonly onDead: () => void
}

/**
 * Asks a live connection for a sign of life: it may be half-open, dead with no report of it for up to 45 s. Whatever comes is a
 * sign; the answer may wait behind a burst.
 */
export function createConnectionProbe({ environment, ask, onDead }: ProbeOptions) {
  const now = environment.clock.monotonic
  let received = 0
  let roundTripMs: number | undefined
  /** Set while a probe is under way. */
  let end: (() => void) | undefined

  return {
    /** The server has sent something. */
    received(): void {
      received++
    },
    /** False when the transport can't ask. */
    begin(): boolean {
      if (end) return true
      const answer = ask()
      if (!answer) return false
      const askedAt = now()
      const over = () => {
        stop()
        if (end === over) end = undefined
      }
      const dead = () => {
        over()
        onDead()
      }
      const stop = afterSilence(environment, () => received, PROBE_SILENCE_MS, dead)
      end = over
      const answered = () => {
        roundTripMs = now() - askedAt
        over()
      }
      answer.then(answered, () => undefined)
      return true
    },
    roundTripMs: () => roundTripMs,
    /** A probe of one connection says nothing of the next. */
    end(): void {
      end?.()
    },
  }
}
