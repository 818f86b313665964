/** More timers than this at one moment mean that something answers itself for ever. */
const MAX_TIMERS_AT_ONCE = 10_000

/**
 * A clock that tests advance, for simulations of many thousand timers. It is some ten times as fast as the fake timers of a
 * test runner, because it is a heap and nothing else.
 */
export function createVirtualTime(startMs: number, settle: () => Promise<void> = threeTurns) {
  const heap: Timer[] = []
  let now = startMs
  let timersSet = 0

  /** Timers of the same moment run in the order in which they were set. */
  const before = (one: Timer, other: Timer) => one.at < other.at || (one.at === other.at && one.setAs < other.setAs)

  function after(ms: number, run: () => void): () => void {
    const timer: Timer = { at: now + Math.max(ms, 0), setAs: timersSet++, run }
    heap.push(timer)
    for (let index = heap.length - 1; index > 0; ) {
      const parent = (index - 1) >> 1
      if (!swapIfBefore(index, parent)) break
      index = parent
    }
    return () => {
      timer.run = undefined
    }
  }

  function pop(): Timer | undefined {
    const first = heap[0]
    const last = heap.pop()
    if (!last || last === first) return first
    heap[0] = last
    for (let index = 0; ; ) {
      const left = 2 * index + 1
      const [one, other] = [heap[left], heap[left + 1]]
      const child = one && other && before(other, one) ? left + 1 : left
      if (!swapIfBefore(child, index)) return first
      index = child
    }
  }

  function swapIfBefore(index: number, other: number): boolean {
    const [one, two] = [heap[index], heap[other]]
    if (!one || !two || !before(one, two)) return false
    heap[index] = two
    heap[other] = one
    return true
  }

  return {
    now: () => now,
    after,
    /** Lets this many milliseconds pass: runs timer after timer, lets promises settle after each, and calls `onStep`. */
    async pass(ms: number, onStep: () => void = () => undefined): Promise<void> {
      const until = now + ms
      let atThisMoment = 0
      for (let next = heap[0]; next && next.at <= until; next = heap[0]) {
        pop()
        if (!next.run) continue
        atThisMoment = next.at > now ? 0 : atThisMoment + 1
        if (atThisMoment > MAX_TIMERS_AT_ONCE) throw new Error('time stands still: something answers itself for ever')
        now = next.at
        next.run()
        await settle()
        onStep()
      }
      now = until
    },
  }
}

/** Enough for what an election does in microtasks; a whole library needs a `settle` that leaves none. */
async function threeTurns(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await undefined
}

export type VirtualTime = ReturnType<typeof createVirtualTime>

interface Timer {
  /** Milliseconds since the Unix epoch. */
  readonly at: number
  /** Its number among all timers. */
  readonly setAs: number
  /** Undefined when cancelled. */
  run: (() => void) | undefined
}
