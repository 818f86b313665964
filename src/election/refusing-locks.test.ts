import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryBrowser } from '../../test/browser.js'
import type { Locks } from '../platform/environment.js'
import type { LoadChunk } from '../platform/line-powers.js'
import { createElector } from './create-elector.js'
import type { Leadership } from './elector.js'

beforeAll(async () => void (await import('./heartbeat-elector.js')))
beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

const refused = () => new DOMException('The user blocks site data.', 'SecurityError')

/** Web Locks that refuse the first requests, and then are the browser's own. */
function refusing(locks: Locks | undefined, refusals: number, how: 'reject' | 'throw' = 'reject'): Locks {
  let left = refusals
  return {
    request(...request) {
      if (left-- <= 0) return locks?.request(...request) ?? Promise.reject(refused())
      if (how === 'throw') throw refused()
      return Promise.reject(refused())
    },
  }
}

async function elect(refusals: number, how?: 'reject' | 'throw', by: 'campaign' | 'steal' = 'campaign') {
  const { environment } = createMemoryBrowser().tab()
  const elector = createElector({ ...environment, locks: refusing(environment.locks, refusals, how) }, 'key')
  const life = new AbortController()
  let leadership: Leadership | undefined
  let failure: unknown
  elector[by](life.signal).then(
    (elected) => {
      leadership = elected
    },
    (thrown: unknown) => {
      failure = thrown
    },
  )
  const pass = async (ms: number) => {
    await vi.advanceTimersByTimeAsync(ms)
    await vi.dynamicImportSettled()
  }
  return { life, pass, leads: () => leadership !== undefined, failure: () => failure }
}

describe('an election whose Web Locks refuse', () => {
  it.each(['reject', 'throw'] as const)('asks again after a pause (%s)', async (how) => {
    const { pass, leads } = await elect(1, how)
    await pass(500)
    expect(leads()).toBe(false)
    await pass(1_000)
    expect(leads()).toBe(true)
  })

  it('goes on by heartbeats when they go on refusing', async () => {
    const { pass, leads } = await elect(Number.POSITIVE_INFINITY)
    await pass(3_100)
    await pass(2_000)
    expect(leads()).toBe(true)
  })

  it('goes on as a campaign when a steal is refused', async () => {
    const { pass, leads } = await elect(1, 'reject', 'steal')
    await pass(1_500)
    expect(leads()).toBe(true)
  })

  it('loads the code of heartbeats as all code is loaded, and asks for it again', async () => {
    const { environment } = createMemoryBrowser().tab()
    const asked: string[] = []
    const loadChunk: LoadChunk = async (load, name) => {
      asked.push(name)
      if (asked.length < 4) throw new TypeError('Importing a module script failed.')
      return load()
    }
    const elector = createElector({ ...environment, locks: undefined }, 'key', loadChunk)
    let leads = false
    void elector.campaign(new AbortController().signal).then(() => {
      leads = true
    })
    for (let second = 0; second < 20; second++) {
      await vi.advanceTimersByTimeAsync(1_000)
      await vi.dynamicImportSettled()
    }
    expect(asked).toEqual(Array(4).fill('createHeartbeatElector'))
    expect(leads).toBe(true)
  })

  it('ends with its own signal, also in a pause, and leaves no timer', async () => {
    const { pass, life, failure } = await elect(Number.POSITIVE_INFINITY)
    await pass(500)
    const reason = new Error('enough')
    life.abort(reason)
    await pass(0)
    expect(failure()).toBe(reason)
    expect(vi.getTimerCount()).toBe(0)
  })
})
