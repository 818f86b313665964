import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { HubInspection } from '../wire/hub-calls.js'
import type { SessionInside } from './context.js'
import { createHubRecords } from './hub-records.js'

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

/** A hub that answers when the test says so, with all of its records whatever it is asked. */
function setUp() {
  const asked: number[] = []
  const told: string[] = []
  let answers: ((hub: HubInspection | undefined) => void)[] = []
  const session = {
    link: {
      inspect: (after: number) => {
        asked.push(after)
        return new Promise((resolve) => answers.push(resolve))
      },
    },
  } as unknown as SessionInside
  const records = createHubRecords({
    powers: {
      clock: { now: () => Date.now(), monotonic: () => Date.now() },
      timers: {
        after(ms, run) {
          const timer = setTimeout(run, ms)
          return () => clearTimeout(timer)
        },
      },
    },
    inside: () => session,
    isWanted: () => true,
    onRecord: (record) => told.push(`${record.step} ${record.at}`),
  })
  const hub = (epoch: string, steps: readonly string[]) =>
    ({
      epoch,
      records: steps.map((step, index) => ({ n: index + 1, ageMs: 10, kind: 'hub', step })),
    }) as unknown as HubInspection
  const answer = async (value: HubInspection | undefined) => {
    const waiting = answers
    answers = []
    for (const resolve of waiting) resolve(value)
    await vi.advanceTimersByTimeAsync(0)
  }
  return { records, asked, told, hub, answer }
}

it('tells each record once, whatever the hub gives, and each of another hub', async () => {
  const { records, asked, told, hub, answer } = setUp()
  records.start()
  await answer(hub('one', ['a', 'b']))
  await vi.advanceTimersByTimeAsync(1_000)
  await answer(hub('one', ['a', 'b', 'c']))
  expect(told).toEqual(['a 999990', 'b 999990', 'c 1000990'])
  await vi.advanceTimersByTimeAsync(1_000)
  // It was asked for what follows the third, and has only two.
  await answer(hub('two', []))
  await answer(hub('two', ['d', 'e']))
  expect(asked).toEqual([0, 2, 3, 0])
  expect(told.slice(3)).toEqual(['d 1001990', 'e 1001990'])
  records.stop()
  await vi.advanceTimersByTimeAsync(5_000)
  expect(asked.length).toBe(4)
})

it('asks once at a time, and tells nothing of an identity that has ended meanwhile', async () => {
  const { records, asked, told, hub, answer } = setUp()
  records.start()
  const pulled = records.pull()
  await vi.advanceTimersByTimeAsync(5_000)
  expect(asked).toEqual([0])
  records.forget()
  await answer(hub('one', ['a']))
  expect(await pulled).toBeUndefined()
  expect(told).toEqual([])
})
