import { listen } from '../endpoint.js'
import type { Environment } from '../environment.js'

/** So many turns of the event loop let through what waits in a burst; where nothing waits they take no time worth the name. */
const TURNS = 8

/**
 * The time between a burst's batches. In a hidden page it is counted in turns of the event loop: there a timer comes once a
 * second or even once a minute (https://developer.chrome.com/blog/timer-throttling-in-chrome-88), and the last events of a
 * burst would keep every tab waiting for it. Messages are not slowed.
 */
export function createPace({ page, timers, openPipe }: Pick<Environment, 'page' | 'timers' | 'openPipe'>) {
  return (ms: number, run: () => void): (() => void) => {
    if (page.isVisible()) return timers.after(ms, run)
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
