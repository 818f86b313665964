import type { Machine } from '../../src/testing/machine.js'

type Handler = (...args: unknown[]) => void

/**
 * Puts the simulated time under the global timers, because TanStack Query takes those. It is a heap and nothing else: the fake
 * timers of a test runner take a millisecond of real time for each. Returns the way to put the real ones back.
 */
export function installClock({ time, now }: Machine): () => void {
  const { setTimeout, clearTimeout, setInterval, clearInterval } = globalThis
  const real = { now: Date.now, globals: { setTimeout, clearTimeout, setInterval, clearInterval } }
  const running = new Map<number, () => void>()
  let ids = 0

  const set = (handler: Handler, ms = 0, ...args: unknown[]): number => {
    const id = ++ids
    const run = () => {
      running.delete(id)
      handler(...args)
    }
    running.set(id, time.after(ms, run))
    return id
  }
  const clear = (id: number | undefined): void => {
    if (id === undefined) return
    running.get(id)?.()
    running.delete(id)
  }
  const setRepeated = (handler: Handler, ms = 0): number => {
    const id = ++ids
    const again = () => {
      running.set(id, time.after(Math.max(ms, 1), again))
      handler()
    }
    running.set(id, time.after(Math.max(ms, 1), again))
    return id
  }
  Object.assign(globalThis, { setTimeout: set, clearTimeout: clear, setInterval: setRepeated, clearInterval: clear })
  Date.now = now
  return () => {
    for (const cancel of running.values()) cancel()
    Object.assign(globalThis, real.globals)
    Date.now = real.now
  }
}
