import { QueryClient } from '@tanstack/react-query'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryBrowser } from '../../test/browser.js'
import { createPartyline } from '../tab/create-partyline.js'
import { checkPowers } from './check-powers.js'
import type { HubEnvironment, Locks } from './environment.js'
import { tryNewLock, whenLockIsFree } from './locks.js'

const inTab = vi.hoisted(() => ({ open: undefined as unknown }))
vi.mock('../transport/socket-io.js', () => ({
  openSocketIo: (...args: unknown[]) => (inTab.open as (...all: unknown[]) => unknown)(...args),
}))

beforeAll(async () => {
  await import('../tab/session.js')
  await import('../hub/tab-hub.js')
  await import('../election/heartbeat-elector.js')
})
beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

const refusal = () => new DOMException('The operation is insecure.', 'SecurityError')

const LOCKS: Readonly<Record<string, Locks>> = {
  rejects: { request: () => Promise.reject(refusal()) },
  throws: {
    request() {
      throw refusal()
    },
  },
  hangs: { request: () => new Promise(() => undefined) },
}

const CHANNELS: Readonly<Record<string, HubEnvironment['openChannel']>> = {
  'throws when opened': () => {
    throw refusal()
  },
  'throws when it posts': () => ({
    postMessage() {
      throw refusal()
    },
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
    close: () => undefined,
  }),
}

async function settled<T>(promise: Promise<T>): Promise<T> {
  await vi.advanceTimersByTimeAsync(3_000)
  return promise
}

describe('powers that are there', () => {
  it('are kept where they work, and leave nothing behind', async () => {
    const browser = createMemoryBrowser()
    const { environment } = browser.tab()
    const checked = await settled(checkPowers(environment))
    expect([checked.locks, checked.openChannel]).toEqual([environment.locks, environment.openChannel])
    expect([browser.locks.names(), browser.channels.names(), vi.getTimerCount()]).toEqual([[], [], 0])
  })

  it.each(Object.keys(LOCKS))('are not used where a lock %s', async (how) => {
    const { environment } = createMemoryBrowser().tab()
    const checked = await settled(checkPowers({ ...environment, locks: LOCKS[how] }))
    expect(checked.locks).toBeUndefined()
    expect(vi.getTimerCount()).toBe(0)
  })

  it.each(Object.keys(CHANNELS))('are not used where a channel %s', async (how) => {
    const { environment } = createMemoryBrowser().tab()
    expect((await settled(checkPowers({ ...environment, openChannel: CHANNELS[how] }))).openChannel).toBeUndefined()
  })
})

it('leaves no channel open that throws when it posts', async () => {
  const { environment } = createMemoryBrowser().tab()
  const close = vi.fn()
  const refusing = CHANNELS['throws when it posts'] as NonNullable<HubEnvironment['openChannel']>
  const openChannel = (name: string) => ({ ...refusing(name), close })
  await settled(checkPowers({ ...environment, openChannel }))
  expect(close).toHaveBeenCalledOnce()
})

describe('a line where powers refuse', () => {
  /** A tab without a SharedWorker. */
  async function open(change: Partial<Pick<HubEnvironment, 'locks' | 'openChannel'>>) {
    const browser = createMemoryBrowser()
    inTab.open = browser.transport.open
    const codes: string[] = []
    const { environment } = browser.tab()
    const line = createPartyline(
      { invalidates: { a: ['a'] }, onError: ({ code }) => codes.push(code) },
      { ...environment, ...change },
    )
    line.mount({ queryClient: new QueryClient(), identity: 'ann' })
    for (let second = 0; second < 10 && browser.transport.opened.length === 0; second++) {
      await vi.advanceTimersByTimeAsync(1_000)
      await vi.dynamicImportSettled()
    }
    browser.transport.last.handlers.onUp(false)
    await vi.advanceTimersByTimeAsync(100)
    return { status: line.status, codes }
  }

  it.each(Object.keys(LOCKS))('goes by heartbeats where a lock %s', async (how) => {
    const { status, codes } = await open({ locks: LOCKS[how] })
    expect(status).toMatchObject({ name: 'connected', host: 'leader-tab', role: 'leader' })
    expect(codes).toEqual([])
  })

  it.each(Object.keys(CHANNELS))('has this tab alone where locks reject and a channel %s', async (how) => {
    const { status, codes } = await open({ locks: LOCKS['rejects'], openChannel: CHANNELS[how] })
    expect(status).toMatchObject({ name: 'connected', host: 'this-tab' })
    expect(codes).toEqual([])
  })
})

describe('locks that refuse later', () => {
  it.each(['rejects', 'throws'])('say so to who waits for one (%s)', async (how) => {
    const onRefused = vi.fn()
    const onFree = vi.fn()
    whenLockIsFree(LOCKS[how] as Locks, 'hub', new AbortController().signal, onFree, onRefused)
    await vi.advanceTimersByTimeAsync(0)
    expect([onFree.mock.calls.length, onRefused.mock.calls.length]).toEqual([0, 1])
  })

  it.each(Object.keys(LOCKS))('keep nobody waiting for a lock of a new name (%s)', async (how) => {
    const { environment } = createMemoryBrowser().tab()
    const held = tryNewLock({ ...environment, locks: LOCKS[how] }, 'tab', new AbortController().signal)
    expect(await settled(held)).toBeUndefined()
  })
})
