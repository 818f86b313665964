import type { HubEnvironment } from '../src/platform/environment.js'
import { createSimulatedChannels, type Passage } from '../src/testing/simulated-channels.js'
import type { VirtualTime } from '../src/testing/virtual-time.js'

export { seededRandom } from '../src/testing/machine.js'

/** How a browser slows the timers of a tab: to once a second, to once a minute, or to that only if set by other timers. */
export type Throttle = 'none' | 'second' | 'minute' | 'nested'

/** What the channels do to messages, at random. */
export interface ChannelFaults {
  /** Milliseconds at most. Delays differ, so messages overtake each other. */
  readonly delay: number
  /** Between 0 and 1. */
  readonly duplicates: number
  readonly loss: number
}

/** Tabs in a hostile browser: it delays messages, throttles and freezes tabs, and moves the clock. */
export function createHostileTabs(time: VirtualTime, random: () => number, faults: ChannelFaults) {
  const receivers = new Map<string, (deliver: () => void) => void>()
  let current = faults
  /** Every message, once for each receiver. */
  const messages: Passage[] = []
  let tabs = 0

  const channels = createSimulatedChannels((deliver, passage) => {
    messages.push(passage)
    if (random() < current.loss) return
    const copies = random() < current.duplicates ? 2 : 1
    for (let copy = 0; copy < copies; copy++)
      time.after(random() * current.delay, () => receivers.get(passage.to)?.(deliver))
  })

  function tab() {
    const name = `tab-${++tabs}`
    const client = channels.client(name)
    let offset = 0
    let throttle: Throttle = 'none'
    let crashed = false
    let frozen = false
    /** What runs when a frozen tab thaws. */
    const timersDue: (() => void)[] = []
    const messagesDue: (() => void)[] = []
    /** How many timers in a row set each other. */
    let nesting = 0

    const receive = (deliver: () => void) => {
      if (frozen) messagesDue.push(deliver)
      else deliver()
    }
    receivers.set(name, receive)

    function after(ms: number, run: () => void): () => void {
      const level = nesting + 1
      let cancelled = false
      const fire = () => {
        if (cancelled || crashed) return
        if (frozen) {
          timersDue.push(fire)
          return
        }
        const slow = slowness(throttle, level)
        const rest = time.now() % slow
        if (slow > 1 && rest > 0) {
          cancel = time.after(slow - rest, fire)
          return
        }
        nesting = level
        run()
        nesting = 0
      }
      let cancel = time.after(ms, fire)
      return () => {
        cancelled = true
        cancel()
      }
    }

    let ids = 0
    return {
      name,
      environment: {
        clock: { now: () => Math.floor(time.now()) + offset, monotonic: () => time.now() },
        timers: { after },
        openChannel: client.openChannel,
        random,
        // Not in the order of the tabs, or the eldest would always be the smallest.
        id: () => `${Math.floor(random() * 1e9).toString(36)}-${name}-${++ids}`,
      } satisfies Partial<HubEnvironment>,
      crash(): void {
        crashed = true
        client.crash()
      },
      jump(ms: number): void {
        offset += ms
      },
      throttle(how: Throttle): void {
        throttle = how
      },
      freeze(): void {
        frozen = true
      },
      thaw(): void {
        frozen = false
        const queues = [timersDue.splice(0), messagesDue.splice(0).map((deliver) => () => receive(deliver))]
        if (random() < 0.5) queues.reverse()
        // Each a task of its own, as in a browser.
        for (const run of queues.flat()) time.after(0, run)
      },
    }
  }

  return {
    tab,
    messages,
    change(to: ChannelFaults): void {
      current = to
    },
  }
}

export type HostileTab = ReturnType<ReturnType<typeof createHostileTabs>['tab']>

/** Timers run at multiples of this (ms). */
function slowness(throttle: Throttle, nesting: number): number {
  if (throttle === 'none') return 1
  return throttle === 'minute' || (throttle === 'nested' && nesting >= 5) ? 60_000 : 1_000
}
