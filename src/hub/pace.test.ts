import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createFakeBrowser } from '../testing/fake-browser.js'
import { createPace } from './pace.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function setUp() {
  const { environment, page } = createFakeBrowser().tab()
  const openPipe = vi.fn(environment.openPipe)
  const pace = createPace({ ...environment, openPipe })
  const run = vi.fn()
  return { page, pace, run, pipes: () => openPipe.mock.results.map(({ value }) => value) }
}

it('is a timer in a page that is looked at', async () => {
  const { pace, run, pipes } = setUp()
  pace(20, run)
  await vi.advanceTimersByTimeAsync(19)
  expect(run).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(1)
  expect(run).toHaveBeenCalledOnce()
  pace(20, run)()
  await vi.advanceTimersByTimeAsync(100)
  expect(run).toHaveBeenCalledOnce()
  expect(pipes()).toEqual([])
})

it('needs no timer in a hidden one, and keeps no pipe', async () => {
  const { page, pace, run, pipes } = setUp()
  page.hide()
  pace(20, run)
  // It is no task of its own.
  expect(run).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(0)
  expect(run).toHaveBeenCalledOnce()
  const stop = pace(20, run)
  stop()
  await vi.advanceTimersByTimeAsync(100)
  expect(run).toHaveBeenCalledOnce()
  expect(pipes().flatMap(({ port1, port2 }) => [port1.isOpen(), port2.isOpen()])).toEqual([false, false, false, false])
})
