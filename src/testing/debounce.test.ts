import * as fc from 'fast-check'
import lodashDebounce from 'lodash-es/debounce.js'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Debounced } from '../platform/page.js'
import { createDebounce } from './debounce.js'

const START = 1_000_000
beforeEach(() => void vi.useFakeTimers({ now: START }))
afterEach(() => void vi.useRealTimers())

type Step =
  | { readonly do: 'call' | 'cancel'; readonly afterMs: number }
  /** The clock moves and no timer runs: what a late timer sees, or a clock that was set. */
  | { readonly do: 'jump'; readonly afterMs: number; readonly byMs: number }

const afterMs = fc.oneof(fc.constant(0), fc.nat(30), fc.nat(300))
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant('call' as const), afterMs }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), afterMs }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('jump' as const), afterMs, byMs: fc.integer({ min: -400, max: 400 }) }),
  },
)

/** Plays the steps; returns when `run` was called, in milliseconds since the start. Jumps of the clock do not count. */
function play(steps: readonly Step[], create: (run: () => void) => Debounced): number[] {
  vi.setSystemTime(START)
  const began = performance.now()
  const calls: number[] = []
  const debounced = create(() => calls.push(performance.now() - began))
  for (const one of steps) {
    vi.advanceTimersByTime(one.afterMs)
    if (one.do === 'jump') vi.setSystemTime(Date.now() + one.byMs)
    else if (one.do === 'call') debounced()
    else debounced.cancel()
  }
  vi.advanceTimersByTime(5_000)
  return calls
}

const simulated = createDebounce(
  () => Date.now(),
  (ms, run) => {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
)

it('the simulated debounce runs exactly when that of lodash does, whatever is called, cancelled and delayed', () => {
  let ran = 0
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100 }),
      fc.integer({ min: 0, max: 500 }),
      fc.array(step, { maxLength: 40, size: 'max' }),
      (wait, maxWait, steps) => {
        const expected = play(steps, (run) => lodashDebounce(run, wait, { maxWait }))
        ran += expected.length
        expect(play(steps, (run) => simulated(run, wait, maxWait))).toEqual(expected)
      },
    ),
    { numRuns: 2_000 },
  )
  // Without a run there would be nothing to compare.
  expect(ran).toBeGreaterThan(2_000)
})
