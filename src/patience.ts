import type { HubEnvironment } from './environment-common.js'

/**
 * Calls back once nothing at all has come from the other side for `ms`: whoever speaks is alive, however long the answer
 * takes that stands in line behind a burst. The answer calls it off.
 * @param heard How many messages have come so far.
 */
export function afterSilence(
  { after }: HubEnvironment['timers'],
  heard: () => number,
  ms: number,
  run: () => void,
): () => void {
  let stop: () => void
  const wait = () => {
    const before = heard()
    stop = after(ms, () => {
      // This thread may have been busy: what has come meanwhile is heard first.
      stop = after(0, () => (heard() === before ? run() : wait()))
    })
  }
  wait()
  return () => stop()
}
