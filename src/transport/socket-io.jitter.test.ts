import { Manager } from 'socket.io-client'
import { expect, it, vi } from 'vitest'
import { openSocketIo } from './socket-io.js'

const handlers = {
  auth: () => Promise.resolve({}),
  onUp: () => undefined,
  onDown: () => undefined,
  onRefused: () => undefined,
  onTrouble: () => undefined,
  onNoCredentials: () => undefined,
  onEvent: () => undefined,
  onAlive: () => undefined,
  onBadFrame: () => undefined,
}

it.each([
  ['from nothing to twice the longest delay', {}, 0, 20_000],
  ['of the app’s own', { reconnectionDelayMax: 5_000 }, 0, 10_000],
  ['not at all, if the app says so', { randomizationFactor: 0 }, 10_000, 10_000],
])('in a long outage each wait is drawn again: %s', (_, socket, least, most) => {
  const on = vi.spyOn(Manager.prototype, 'on')
  const transport = openSocketIo({ url: 'http://127.0.0.1:9', socket, auth: undefined } as never, handlers as never)
  const manager = on.mock.contexts[0] as Manager
  const waits = Array.from({ length: 500 }, () => {
    ;(manager as unknown as { emitReserved(event: string, attempt: number): void }).emitReserved('reconnect_attempt', 9)
    const { backoff } = manager as unknown as { backoff: { attempts: number; duration(): number } }
    backoff.attempts = 12
    return backoff.duration()
  }).sort((a, b) => a - b)
  transport.close()
  on.mockRestore()
  expect(waits[0]).toBeGreaterThanOrEqual(least)
  expect(waits.at(-1)).toBeLessThanOrEqual(most)
  expect(waits[0]).toBeLessThan(least + (most - least) / 20 + 1)
  expect(waits.at(-1)).toBeGreaterThan(most - (most - least) / 20 - 1)
  // The middle one is about in the middle.
  expect(Math.abs((waits[250] as number) - (least + most) / 2)).toBeLessThanOrEqual((most - least) / 8)
})
