import debounce from 'lodash-es/debounce.js'
import type { TabEnvironment } from '../src/platform/page.js'
import { createFakePage, type FakePage } from '../src/testing/page-events.js'
import { createFakeChannels, type Route } from '../src/testing/simulated-channels.js'
import { createFakeLocks } from '../src/testing/simulated-locks.js'
import { createPipe } from '../src/testing/simulated-pipe.js'

export { createPipe }

/**
 * The powers of a browser in memory, for tests below the browser. Timers are the global ones, so that a test runner's
 * fake clock rules them; locks, channels, pages and pipes are fakes of the narrow slices in environment.ts.
 */
export function createFakeBrowser({ webLocks = true, route }: { webLocks?: boolean; route?: Route } = {}) {
  const locks = createFakeLocks()
  const channels = createFakeChannels(route)
  let tabs = 0

  return {
    locks,
    channels,
    tab(): FakeTab {
      const name = `tab-${++tabs}`
      const page = createFakePage()
      const held = locks.client()
      const channel = channels.client(name)
      const running = new Set<ReturnType<typeof setTimeout>>()
      let ids = 0
      const environment: TabEnvironment = {
        clock: { now: () => Date.now(), origin: Date.now() },
        timers: {
          after(ms, run) {
            const timer = setTimeout(() => {
              running.delete(timer)
              run()
            }, ms)
            running.add(timer)
            return () => {
              running.delete(timer)
              clearTimeout(timer)
            }
          },
          debounce: (run, wait, maxWait) => debounce(run, wait, { maxWait }),
        },
        locks: webLocks ? held.locks : undefined,
        openChannel: channel.openChannel,
        openWebSocket: () => {
          throw new Error('no network in memory')
        },
        page: page.slice,
        openSharedWorker: undefined,
        openPipe: () => createPipe() as unknown as { port1: MessagePort; port2: MessagePort },
        random: () => 0.5,
        id: () => `${name}-id-${++ids}`,
        warn: () => undefined,
      }
      const crash = () => {
        for (const timer of running) clearTimeout(timer)
        running.clear()
        channel.crash()
        held.crash()
      }
      return { environment, page, crash }
    },
  }
}

export interface FakeTab {
  readonly environment: TabEnvironment
  readonly page: FakePage
  /** Lets go of every lock, channel and timer of this tab, as the browser does for a page that is gone. */
  crash(): void
}
