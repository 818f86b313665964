import { expect, it } from 'vitest'
import { createBackOff } from './back-off.js'

it.each([
  ['from nothing to twice the longest delay', {}, 100, 20_000],
  ['of the app’s own', { reconnectionDelayMax: 5_000 }, 100, 10_000],
  ['not at all, if the app says so', { randomizationFactor: 0 }, 10_000, 10_000],
])('in a long outage each wait is drawn again: %s', (_, socket, least, most) => {
  const { lost } = createBackOff(socket, Math.random)
  const waits = Array.from({ length: 500 }, () => lost(12)).sort((a, b) => a - b)
  expect(waits[0]).toBeGreaterThanOrEqual(least)
  expect(waits.at(-1)).toBeLessThanOrEqual(most)
  expect(waits[0]).toBeLessThan(least + (most - least) / 20 + 1)
  expect(waits.at(-1)).toBeGreaterThan(most - (most - least) / 20 - 1)
  // The middle one is about in the middle.
  expect(Math.abs((waits[250] as number) - (least + most) / 2)).toBeLessThanOrEqual((most - least) / 8)
})

it('waits longer from one attempt to the next', () => {
  const { lost, refused, noCredentials } = createBackOff({}, () => 0.25)
  const first = (pause: (before: number) => number, count: number) => Array.from({ length: count }, (_, n) => pause(n))
  expect(first(lost, 6)).toEqual([500, 1_000, 2_000, 4_000, 5_000, 5_000])
  expect(first(refused, 9)).toEqual([125, 250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000])
  expect(first(noCredentials, 8)).toEqual([125, 250, 500, 1_000, 2_000, 4_000, 7_500, 7_500])
})

it('draws every pause, however long, and is never without one', () => {
  for (const draw of [0, 1]) {
    const { lost, refused, noCredentials, nudged } = createBackOff({ reconnectionDelay: 0 }, () => draw)
    for (const before of [0, 1, 50, 5_000])
      expect([lost(before), refused(before), noCredentials(before), nudged()].every((ms) => ms >= 100)).toBe(true)
    expect(refused(5_000)).toBe(draw === 0 ? 100 : 60_000)
  }
})

it('takes nonsense for the default', () => {
  const socket = { reconnectionDelay: -5, reconnectionDelayMax: Number.NaN, randomizationFactor: 'much' }
  expect(createBackOff(socket, () => 0.5).lost(20)).toBe(10_000)
})
