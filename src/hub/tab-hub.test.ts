import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createMemoryBrowser } from '../../test/browser.js'
import { createBatchTimer } from './tab-hub.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function setUp() {
  const { environment, page } = createMemoryBrowser().tab()
  const openPipe = vi.fn(environment.openPipe)
  const wait = createBatchTimer({ ...environment, openPipe })
  const run = vi.fn()
  /** So many waits of `ms`, one `each` so many ms: how many were over without a timer. */
  async function stream(count: number, ms: number, each: number): Promise<number> {
    let inTurns = 0
    for (let event = 0; event < count; event++) {
      const before = run.mock.calls.length
      const stop = wait(ms, run)
      await vi.advanceTimersByTimeAsync(1)
      if (run.mock.calls.length > before) inTurns++
      stop()
      await vi.advanceTimersByTimeAsync(each - 1)
    }
    return inTurns
  }
  return { page, wait, run, stream, pipes: () => openPipe.mock.results.map(({ value }) => value) }
}

it('is a timer in a visible page', async () => {
  const { wait, run, pipes } = setUp()
  wait(20, run)
  await vi.advanceTimersByTimeAsync(19)
  expect(run).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(1)
  expect(run).toHaveBeenCalledOnce()
  wait(20, run)()
  await vi.advanceTimersByTimeAsync(100)
  expect(run).toHaveBeenCalledOnce()
  expect(pipes()).toEqual([])
})

it('is left to the timer in a stream that does not end, or it would be a message for each event', async () => {
  const { page, wait, run, stream } = setUp()
  page.hide()
  const inTurns = await stream(5_000, 20, 1)
  // As many as timers would be in those seconds, and some more at their beginning.
  expect(inTurns).toBeLessThanOrEqual(5_000 / 20 + 2_000 / 20 + 1)
  expect(inTurns).toBeGreaterThanOrEqual(5_000 / 20 + 2_000 / 20 - 1)
  await vi.advanceTimersByTimeAsync(2_000)
  run.mockClear()
  wait(20, run)
  await vi.advanceTimersByTimeAsync(0)
  expect(run).toHaveBeenCalledOnce()
})

it('is left to the timer too where half of each wait is over as it begins', async () => {
  const { page, wait, run, stream } = setUp()
  page.hide()
  expect(await stream(1_000, 9, 11)).toBeLessThanOrEqual(11_000 / 20 + 2_000 / 20 + 1)
  // A clock that is set back does not bring timers for as long.
  vi.setSystemTime(Date.now() - 3_600_000)
  wait(20, run)
  await vi.advanceTimersByTimeAsync(2_100)
  run.mockClear()
  wait(20, run)
  await vi.advanceTimersByTimeAsync(0)
  expect(run).toHaveBeenCalledOnce()
})

it('needs no timer in a hidden page, and keeps no pipe', async () => {
  const { page, wait, run, pipes } = setUp()
  page.hide()
  wait(20, run)
  // It is no task of its own.
  expect(run).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(0)
  expect(run).toHaveBeenCalledOnce()
  const stop = wait(20, run)
  stop()
  await vi.advanceTimersByTimeAsync(100)
  expect(run).toHaveBeenCalledOnce()
  expect(pipes().flatMap(({ port1, port2 }) => [port1.isOpen(), port2.isOpen()])).toEqual([false, false, false, false])
})
