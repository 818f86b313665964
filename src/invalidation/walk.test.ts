import { QueryClient } from '@tanstack/react-query'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createMemoryBrowser } from '../../test/browser.js'
import { createWalk } from './walk.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A walk over 100 items, each of which takes 1 ms. `tasks`: what each task of the main thread has done. */
function setUp() {
  let nowMs = 0
  const client = new QueryClient()
  // With an empty cache TanStack has no batch.
  client.setQueryData(['a'], 1)
  const { environment } = createMemoryBrowser().tab()
  const walk = createWalk({
    client,
    clock: { monotonic: () => nowMs },
    timers: environment.timers,
    onThrown: (thrown) => expect.fail(String(thrown)),
  })
  const items = Array.from({ length: 100 }, (_, index) => index)
  const tasks: number[][] = [[]]
  const done = vi.fn()
  const act = (item: number) => {
    nowMs++
    tasks.at(-1)?.push(item)
  }
  return {
    walk,
    items,
    tasks,
    done,
    begin: () => walk.run(items, act, done),
    async nextTask() {
      tasks.push([])
      await vi.advanceTimersToNextTimerAsync()
    },
  }
}

it('a walk over many queries is several short tasks, and does each of them once, in order', async () => {
  const { begin, nextTask, items, tasks, done } = setUp()
  begin()
  expect(tasks[0]?.length).toBeLessThan(40)
  while (done.mock.calls.length === 0) await nextTask()
  expect(tasks.length).toBeGreaterThan(2)
  expect(Math.max(...tasks.map(({ length }) => length))).toBeLessThan(40)
  expect(tasks.flat()).toEqual(items)
  expect(done).toHaveBeenCalledTimes(1)
  expect(vi.getTimerCount()).toBe(0)
})

it('a walk that is ended goes on with nothing', async () => {
  const { walk, begin, nextTask, tasks, done } = setUp()
  begin()
  walk.close()
  expect(vi.getTimerCount()).toBe(0)
  await nextTask()
  expect(tasks[1]).toEqual([])
  expect(done).not.toHaveBeenCalled()
})
