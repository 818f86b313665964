import type { HubEnvironment } from '../platform/environment.js'
import { type Endpoint, listen } from '../wire/endpoint.js'
import { BATCH_INTERVAL_MS, type BatchTimer } from './outbox.js'

/** So many turns of the event loop let through what waits in a burst; where nothing waits they take no time worth the name. */
const TURNS = 8
/** Counted in turns, waits come at the rate of timers in the long run, and so many (ms) of them at once before that. */
const CREDIT = 2_000

/** What a page has beyond a worker. */
export interface PagePowers extends Pick<HubEnvironment, 'clock' | 'timers'> {
  readonly page: { isVisible(): boolean }
  readonly openPipe: () => { readonly port1: Endpoint; readonly port2: Endpoint }
}

/**
 * The time between a burst's batches. In a hidden page it is counted in turns of the event loop: there a timer comes once a
 * second or even once a minute (https://developer.chrome.com/blog/timer-throttling-in-chrome-88), and the last events of a
 * burst would keep every tab waiting for it. Messages are not slowed. A stream that does not end is left to the timer, and to
 * the events themselves: in turns it would be a message for each event.
 */
export function createBatchTimer({ clock, page, timers, openPipe }: PagePowers): BatchTimer {
  /** When timers would have come to an end of all the waits that were counted in turns. */
  let due = 0

  return (ms, run) => {
    const now = clock.now()
    // The clock may have been set back.
    due = Math.min(due, now + CREDIT + BATCH_INTERVAL_MS)
    if (page.isVisible() || due - now > CREDIT) return timers.after(ms, run)
    // Charged whole, even if some of it is over as it begins: events that come at half the pace are a message each, too.
    due = Math.max(due, now) + Math.ceil(ms / BATCH_INTERVAL_MS) * BATCH_INTERVAL_MS
    const { port1, port2 } = openPipe()
    const stop = () => {
      port1.close()
      port2.close()
    }
    let turns = 0
    listen(port2, () => {
      turns++
      if (turns < TURNS) return port1.postMessage(0)
      stop()
      run()
    })
    port1.postMessage(0)
    return stop
  }
}
