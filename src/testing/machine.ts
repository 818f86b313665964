import { createVirtualTime } from './virtual-time.js'

/** When a simulated world begins by default, in milliseconds since the Unix epoch. */
const DEFAULT_START_MS = 1_700_000_000_000

// Taken now: a test runner's fake clock may replace it later.
const { setImmediate: whenDone = (run: () => void) => void setTimeout(run, 0) } = globalThis as {
  setImmediate?: (run: () => void) => unknown
}

/** Lets every promise that can settle do so: what comes next is another task of the event loop. */
const settle = (): Promise<void> => new Promise((resolve) => whenDone(resolve))

/** A machine is what all pages, workers and the server of a simulation share: one clock, one seed, one lid that may be closed. */
export function createMachine(seed: number, startMs = DEFAULT_START_MS) {
  const time = createVirtualTime(startMs, settle)
  let sources = 0
  let slept = 0
  let wallOffsetMs = 0
  let wakesAt = startMs
  let tasks = 0

  return {
    time,
    settle,
    /** The wall clock. */
    now: () => Math.floor(time.now() + wallOffsetMs),
    monotonic: () => time.now() - startMs,
    /** Sets the wall clock forth, or back if negative, by so many milliseconds. */
    moveWallClock(ms: number): void {
      wallOffsetMs += ms
    },
    /** A source of randomness of its own, so that a part that draws more often does not change what the others draw. */
    createRandom: () => seededRandom(seed * 7919 + ++sources * 104_729),
    isAsleep: () => time.now() < wakesAt,
    /** Until the machine wakes, in milliseconds. */
    untilAwake: () => Math.max(0, wakesAt - time.now()),
    /** Since when it has been awake. Simulated time. */
    awakeSince: () => wakesAt,
    /** How long it has slept in all, in milliseconds. Timers are late by that. */
    slept: () => slept,
    sleep(ms: number): void {
      slept += ms
      wakesAt = time.now() + ms
    },
    countTask: () => ++tasks,
    tasks: () => tasks,
  }
}

export type Machine = ReturnType<typeof createMachine>

/** Random numbers between 0 and 1 that a seed repeats (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
