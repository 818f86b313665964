import type { Elector } from '../election/elector.js'
import type { HubEnvironment } from '../platform/environment.js'
import { afterMessage, type PagePowers } from '../platform/timeouts.js'
import type { OpenTransport } from '../transport/transport.js'
import { BATCH_INTERVAL_MS, type BatchTimer } from './outbox.js'
import { type Served, serveHub } from './serve.js'

/** In the long run turns of the event loop are as frequent as timers would be. Before that, they may save this much time at once. */
const MAX_SAVED_MS = 2_000

/** A simulated browser (testing/) has a transport of its own, to its simulated server. */
export interface TabHubEnvironment extends HubEnvironment, PagePowers {
  readonly openTransport?: OpenTransport
}

export interface TabHubOptions {
  readonly environment: TabHubEnvironment
  readonly key: string
  readonly host: 'leader-tab' | 'this-tab'
  readonly elector: Elector
  /** The line's transport. */
  readonly open: OpenTransport
}

/** The hub that a tab runs itself. Imported lazily: most tabs run none. */
export function serveTabHub({ environment, key, host, elector, open }: TabHubOptions): Served {
  return serveHub({
    // A hub for this tab alone has no followers.
    environment: host === 'this-tab' ? { ...environment, openChannel: undefined } : environment,
    batchTimer: createBatchTimer(environment),
    key,
    host,
    open,
    elector,
  })
}

/**
 * The time between a burst's batches. A hidden page waits for a turn of the event loop instead. Its timers run once a
 * second or even once a minute (https://developer.chrome.com/blog/timer-throttling-in-chrome-88). Every tab would wait
 * that long for the last events of a burst. Messages are not throttled. In one turn the queued events of the burst come
 * in. 5,000 events to 20 tabs are 16 to 22 batches, no more than with 8 turns (measured in Chromium 156). A stream that
 * does not end is left to the timer, and to the events themselves: in turns it would be a message for each event.
 */
export function createBatchTimer({ clock, page, timers, openPipe }: TabHubEnvironment): BatchTimer {
  /** When timers would have ended all the waits that were turns. Milliseconds. */
  let dueAt = 0

  return (ms, run) => {
    const now = clock.monotonic()
    if (page.isVisible() || dueAt - now > MAX_SAVED_MS) return timers.after(ms, run)
    // A whole interval is charged, even if part of it is over: otherwise events at half that rate would be a message each, too.
    dueAt = Math.max(dueAt, now) + Math.ceil(ms / BATCH_INTERVAL_MS) * BATCH_INTERVAL_MS
    return afterMessage(openPipe, run)
  }
}
