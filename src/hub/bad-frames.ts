import type { HubEnvironment } from '../platform/environment.js'

/** The time between two gaps. It doubles while frames go on to be bad: a flood of them must not be a flood of refetches. */
const GAP_INTERVAL_MS = { first: 1_000, max: 60_000 }

export interface BadFrameHandlers {
  onReport(message: string): void
  /** Events may have been missed. */
  onGap(): void
}

/** What the server sends and nobody can read may have been events: the first is a gap at once, a flood one now and then. */
export function createBadFrames(
  { clock, timers }: Pick<HubEnvironment, 'clock' | 'timers'>,
  { onReport, onGap }: BadFrameHandlers,
) {
  const counts = new Map<string, number>()
  let intervalMs = GAP_INTERVAL_MS.first
  let gapAt = Number.NEGATIVE_INFINITY
  let cancelGap: (() => void) | undefined

  function gap(): void {
    cancelGap = undefined
    gapAt = clock.monotonic()
    onGap()
  }

  return {
    /** `what`: of a kind. */
    add(what: string): void {
      const count = (counts.get(what) ?? 0) + 1
      counts.set(what, count)
      // The 1st, 10th, 100th … of a kind.
      if (/^10*$/.test(String(count))) onReport(`a frame of the server ${what} (${count} of the kind so far)`)
      if (cancelGap) return
      const sinceMs = clock.monotonic() - gapAt
      intervalMs = sinceMs > GAP_INTERVAL_MS.max ? GAP_INTERVAL_MS.first : Math.min(GAP_INTERVAL_MS.max, 2 * intervalMs)
      if (sinceMs >= intervalMs) gap()
      else cancelGap = timers.after(intervalMs - sinceMs, gap)
    },
    close: (): void => cancelGap?.(),
  }
}
