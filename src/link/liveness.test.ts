import { expect, it, vi } from 'vitest'
import { createMemoryBrowser } from '../../test/browser.js'
import { watchHub } from './liveness.js'

it('pings at one interval, also where the browser refuses the lock while a ping is under way', async () => {
  vi.useFakeTimers()
  let refuse = (): void => undefined
  const { environment } = createMemoryBrowser().tab()
  const locks = {
    request: () =>
      new Promise<void>((_, reject) => {
        refuse = () => reject(new Error('refused'))
      }),
  }
  const life = new AbortController()
  const answers: (() => void)[] = []
  const ping = vi.fn(() => new Promise<boolean>((resolve) => void answers.push(() => resolve(true))))
  watchHub({ environment: { ...environment, locks }, lock: 'hub', ping, onLost: vi.fn(), signal: life.signal })
  await vi.advanceTimersByTimeAsync(5_000)
  expect(ping).toHaveBeenCalledOnce()
  refuse()
  await vi.advanceTimersByTimeAsync(1_000)
  answers[0]?.()
  await vi.advanceTimersByTimeAsync(5_000)
  expect(ping).toHaveBeenCalledTimes(2)
  life.abort()
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})
