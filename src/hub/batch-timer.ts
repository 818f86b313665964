import type { HubEnvironment } from '../platform/environment.js'
import { type Endpoint, listen } from '../wire/endpoint.js'
import { BATCH_INTERVAL_MS, type BatchTimer } from './outbox.js'

/** In the long run turns of the event loop are as frequent as timers would be. Before that, they may save this much time at once. */
const MAX_SAVED_MS = 2_000

/** The part of a page's environment that a worker does not have. */
export interface PagePowers extends Pick<HubEnvironment, 'clock' | 'timers'> {
  readonly page: { isVisible(): boolean }
  readonly openPipe: () => { readonly port1: Endpoint; readonly port2: Endpoint }
}

/**
 * The time between a burst's batches. A hidden page waits for a turn of the event loop instead: its timers run once a second or
 * even once a minute (https://developer.chrome.com/blog/timer-throttling-in-chrome-88), and every tab would wait that long for
 * the last events of a burst. Messages are not throttled. In one turn the queued events of the burst come in: 5,000 events to
 * 20 tabs are 16 to 22 batches, no more than with 8 turns (measured in Chromium 156). A stream that does not end is left to the
 * timer, and to the events themselves: in turns it would be a message for each event.
 */
export function createBatchTimer({ clock, page, timers, openPipe }: PagePowers): BatchTimer {
  /** When timers would have ended all the waits that were turns. Milliseconds. */
  let dueAt = 0

  return (ms, run) => {
    const now = clock.monotonic()
    if (page.isVisible() || dueAt - now > MAX_SAVED_MS) return timers.after(ms, run)
    // A whole interval is charged, even if part of it is over: otherwise events at half that rate would be a message each, too.
    dueAt = Math.max(dueAt, now) + Math.ceil(ms / BATCH_INTERVAL_MS) * BATCH_INTERVAL_MS
    const { port1, port2 } = openPipe()
    const stop = () => {
      port1.close()
      port2.close()
    }
    listen(port2, () => {
      stop()
      run()
    })
    port1.postMessage(0)
    return stop
  }
}
