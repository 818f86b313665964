import type { HubEnvironment } from '../platform/environment.js'
import { type EventPair, type HubMessage, writeEvents } from '../wire/protocol.js'
import type { TabRegistry } from './tab-registry.js'

/** Milliseconds between the batches of a burst. */
export const BATCH_INTERVAL_MS = 20

/** Runs something after about so many milliseconds; the answer cancels it. */
export type BatchTimer = (ms: number, run: () => void) => () => void

/**
 * Turns events into batches: the first one after a pause goes out at once, a burst as one message per tab per batch,
 * with only what that tab asked for. What all subscribers of the multicast ask for is said to them once.
 */
export function createOutbox(
  tabs: TabRegistry,
  clock: HubEnvironment['clock'],
  pace: BatchTimer,
  seq: () => number,
  multicast: (message: HubMessage) => void,
) {
  let waiting: EventPair[] = []
  let pausing: (() => void) | undefined
  let posted = 0

  function post(): void {
    pausing?.()
    pausing = undefined
    if (waiting.length === 0) return
    posted = clock.now()
    const events = waiting
    waiting = []
    const names = [...new Set(events.map(([name]) => name))]
    const all = writeEvents(events)
    const subscribers = tabs.all().filter((tab) => tab.subscribed)
    const isForAll =
      subscribers.length > 1 && subscribers.every(({ wanted }) => names.every((name) => wanted.has(name)))
    if (isForAll) multicast({ kind: 'events', seq: seq(), events: all })
    for (const tab of tabs.all()) {
      if (isForAll && tab.subscribed) continue
      const wanted = names.filter((name) => tab.wanted.has(name))
      if (wanted.length === 0) continue
      const text = wanted.length === names.length ? all : writeEvents(events.filter(([name]) => tab.wanted.has(name)))
      tab.endpoint.postMessage({ kind: 'events', seq: seq(), events: text })
    }
  }

  return {
    add(pair: EventPair): void {
      waiting.push(pair)
      const rest = posted + BATCH_INTERVAL_MS - clock.now()
      // More than all of it: the clock was set back. A late timer, of a leader that was hidden just now, is not waited for.
      if (rest > 0 && rest <= BATCH_INTERVAL_MS) pausing ??= pace(rest, post)
      else post()
    },
    /** Sends what waits now: before a tab joins, and before anything that must come after these events. */
    post,
    close: () => pausing?.(),
  }
}
