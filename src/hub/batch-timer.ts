import type { HubEnvironment } from '../platform/environment.js'
import { type Endpoint, listen } from '../wire/endpoint.js'
import { BATCH_INTERVAL_MS, type BatchTimer } from './outbox.js'

/** A wait in turns of the event loop has so many: they let through the events of a burst that are queued, and take no time otherwise. */
const TURNS_PER_WAIT = 8
/** In the long run waits in turns are as frequent as timers would be. Before that, so much of their time may be saved at once. */
const MAX_SAVED_MS = 2_000

/** The part of a page's environment that a worker does not have. */
export interface PagePowers extends Pick<HubEnvironment, 'clock' | 'timers'> {
  readonly page: { isVisible(): boolean }
  readonly openPipe: () => { readonly port1: Endpoint; readonly port2: Endpoint }
}

/**
 * The time between a burst's batches. A hidden page counts it in turns of the event loop: its timers run once a second or even
 * once a minute (https://developer.chrome.com/blog/timer-throttling-in-chrome-88), and every tab would wait that long for the
 * last events of a burst. Messages are not throttled. A stream that does not end is left to the timer, and to the events
 * themselves: in turns it would be a message for each event.
 */
export function createBatchTimer({ clock, page, timers, openPipe }: PagePowers): BatchTimer {
  /** When timers would have ended all the waits that were counted in turns. Milliseconds since the Unix epoch. */
  let dueAt = 0

  return (ms, run) => {
    const now = clock.now()
    // The clock may have been set back.
    dueAt = Math.min(dueAt, now + MAX_SAVED_MS + BATCH_INTERVAL_MS)
    if (page.isVisible() || dueAt - now > MAX_SAVED_MS) return timers.after(ms, run)
    // A whole interval is charged, even if part of it is over: otherwise events at half that rate would be a message each, too.
    dueAt = Math.max(dueAt, now) + Math.ceil(ms / BATCH_INTERVAL_MS) * BATCH_INTERVAL_MS
    const { port1, port2 } = openPipe()
    const stop = () => {
      port1.close()
      port2.close()
    }
    let turns = 0
    listen(port2, () => {
      turns++
      if (turns < TURNS_PER_WAIT) return port1.postMessage(0)
      stop()
      run()
    })
    port1.postMessage(0)
    return stop
  }
}
