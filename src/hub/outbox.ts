import type { HubEnvironment } from '../environment-common.js'
import type { EventPair } from '../protocol.js'
import type { TabRegistry } from './tab-registry.js'

/** Milliseconds between the batches of a burst. */
const PACE = 20

/**
 * Turns events into batches: the first one after a pause goes out at once, a burst as one message per tab per batch,
 * with only what that tab asked for.
 */
export function createOutbox(tabs: TabRegistry, timers: HubEnvironment['timers'], seq: () => number) {
  let waiting: EventPair[] = []
  let pausing: (() => void) | undefined

  function post(): void {
    if (waiting.length === 0) return
    const events = waiting
    waiting = []
    for (const tab of tabs.all()) {
      const wanted = events.filter(([name]) => tab.wanted.has(name))
      if (wanted.length > 0) tab.endpoint.postMessage({ kind: 'events', seq: seq(), events: wanted })
    }
  }

  function pace(): void {
    pausing = timers.after(PACE, () => {
      pausing = undefined
      if (waiting.length === 0) return
      post()
      pace()
    })
  }

  return {
    add(pair: EventPair): void {
      waiting.push(pair)
      if (pausing) return
      post()
      pace()
    },
    /** Sends what waits now: before a tab joins, and before anything that must come after these events. */
    post,
    close: () => pausing?.(),
  }
}
