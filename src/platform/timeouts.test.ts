import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { commonEnvironment } from './environment.js'
import { afterSilence } from './timeouts.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function setUp() {
  let heardAt = 0
  const run = vi.fn()
  const stop = afterSilence(commonEnvironment(), () => heardAt, 1_000, run)
  const hear = () => {
    heardAt = Date.now()
  }
  return { run, stop, hear }
}
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

it('calls back once, when nothing has come for so long', async () => {
  const { run } = setUp()
  await pass(999)
  expect(run).not.toHaveBeenCalled()
  await pass(2)
  expect(run).toHaveBeenCalledOnce()
  await pass(10_000)
  expect(run).toHaveBeenCalledOnce()
  expect(vi.getTimerCount()).toBe(0)
})

it('waits for as long as something comes', async () => {
  const { run, hear } = setUp()
  for (let second = 0; second < 20; second++) {
    await pass(900)
    hear()
  }
  expect(run).not.toHaveBeenCalled()
  // Counted from what came last, not from when it was looked.
  await pass(999)
  expect(run).not.toHaveBeenCalled()
  await pass(2)
  expect(run).toHaveBeenCalledOnce()
})

it('is not kept waiting by a clock that was set back', async () => {
  const { run, hear } = setUp()
  hear()
  vi.setSystemTime(Date.now() - 3_600_000)
  await pass(1_001)
  expect(run).toHaveBeenCalledOnce()
})

it('first hears what came while the thread was busy', async () => {
  const { run, hear } = setUp()
  // It stands in line behind the timer that is overdue.
  setTimeout(hear, 1_000)
  vi.advanceTimersByTime(1_000)
  await pass(500)
  expect(run).not.toHaveBeenCalled()
})

it('can be called off at any time', async () => {
  for (const ms of [0, 500, 1_000]) {
    const { run, stop } = setUp()
    vi.advanceTimersByTime(ms)
    stop()
    await pass(5_000)
    expect(run).not.toHaveBeenCalled()
  }
})
