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
