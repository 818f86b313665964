import { seededRandom } from './seeded-random.js'
import { createVirtualTime } from './virtual-time.js'

/** When a simulated world begins, unless it is told. Milliseconds since the Unix epoch. */
const BEGIN = 1_700_000_000_000

// Taken now: a test runner's fake clock may replace it later.
const { setImmediate: whenDone = (run: () => void) => void setTimeout(run, 0) } = globalThis as {
  setImmediate?: (run: () => void) => unknown
}

/** Lets every promise that can settle do so: what comes next is another task of the event loop. */
const settle = (): Promise<void> => new Promise((resolve) => whenDone(resolve))

/** What all pages, workers and the server have in common: one clock, one seed, and a machine that may sleep. */
export function createMachine(seed: number, begin = BEGIN) {
  const time = createVirtualTime(begin, settle)
  let streams = 0
  let slept = 0
  let wakesAt = begin
  let tasks = 0

  return {
    time,
    settle,
    now: () => Math.floor(time.now()),
    /** A source of chance of its own, so that one part that asks more often does not change the luck of all others. */
    chance: () => seededRandom(seed * 7919 + ++streams * 104_729),
    isAsleep: () => time.now() < wakesAt,
    /** Until the machine wakes, in milliseconds. */
    untilAwake: () => Math.max(0, wakesAt - time.now()),
    /** How long it has slept in all, in milliseconds: by so much timers are late. */
    slept: () => slept,
    sleep(ms: number): void {
      slept += ms
      wakesAt = time.now() + ms
    },
    count: () => ++tasks,
    tasks: () => tasks,
  }
}

export type Machine = ReturnType<typeof createMachine>
