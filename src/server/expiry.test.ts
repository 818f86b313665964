import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createExpiry } from './sessions.js'

const DAY = 86_400_000

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('calls back when the time has come, and not before', () => {
  const onExpired = vi.fn()
  createExpiry(onExpired).set(Date.now() + 5_000)
  vi.advanceTimersByTime(4_999)
  expect(onExpired).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(onExpired).toHaveBeenCalledOnce()
})

it('waits longer than a timer can, with timers that each can', () => {
  const onExpired = vi.fn()
  const timers = vi.spyOn(globalThis, 'setTimeout')
  createExpiry(onExpired).set(Date.now() + 60 * DAY)
  vi.advanceTimersByTime(60 * DAY - 1)
  expect(onExpired).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(onExpired).toHaveBeenCalledOnce()
  expect(Math.max(...timers.mock.calls.map(([, ms]) => Number(ms)))).toBeLessThan(2 ** 31)
})

it('notices in less than an hour that the machine has slept', () => {
  const onExpired = vi.fn()
  createExpiry(onExpired).set(Date.now() + 2 * DAY)
  // The clock has gone on, the timers have not.
  vi.setSystemTime(Date.now() + 3 * DAY)
  vi.advanceTimersByTime(3_600_000)
  expect(onExpired).toHaveBeenCalledOnce()
})

it('can be moved, called off, and set to never', () => {
  const onExpired = vi.fn()
  const expiry = createExpiry(onExpired)
  expiry.set(Date.now() + 1_000)
  expiry.set(Date.now() + 9_000)
  vi.advanceTimersByTime(8_000)
  expiry.set(undefined)
  vi.advanceTimersByTime(DAY)
  expiry.set(Date.now() + 1_000)
  expiry.stop()
  vi.advanceTimersByTime(DAY)
  expect(onExpired).not.toHaveBeenCalled()
  expect(vi.getTimerCount()).toBe(0)
})

it('keeps no process alive', () => {
  vi.useRealTimers()
  const timers = vi.spyOn(globalThis, 'setTimeout')
  const expiry = createExpiry(() => undefined)
  expiry.set(Date.now() + 1_000)
  expect(timers.mock.results[0]?.value.hasRef()).toBe(false)
  expiry.stop()
})
