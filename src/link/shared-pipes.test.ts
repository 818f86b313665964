import { notifyManager, QueryClient } from '@tanstack/react-query'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryBrowser } from '../../test/browser.js'
import { createPartyline } from '../tab/create-partyline.js'
import { createTestBrowser } from '../testing/test-browser.js'

// What other scripts of this origin can hear, and which tabs share a hub.

const inTab = vi.hoisted(() => ({ open: undefined as unknown }))
vi.mock('../transport/socket-io.js', () => ({
  openSocketIo: (...args: unknown[]) => (inTab.open as (...all: unknown[]) => unknown)(...args),
}))

beforeAll(async () => {
  notifyManager.setScheduler(queueMicrotask)
  await import('../tab/session.js')
  await import('../hub/tab-hub.js')
  await import('../election/heartbeat-elector.js')
})
beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

describe.each([true, false])('what goes over channels (Web Locks: %s)', (webLocks) => {
  it('holds neither the identity, nor the address, nor credentials', async () => {
    const posted: unknown[] = []
    const browser = createMemoryBrowser({
      webLocks,
      route(deliver, { channel, message }) {
        posted.push([channel, message])
        queueMicrotask(deliver)
      },
    })
    inTab.open = browser.transport.open
    const open = () => {
      const { environment, crash } = browser.tab()
      const line = createPartyline({ url: 'https://secret.example/room', invalidates: { a: ['a'] } }, environment)
      line.on('a' as never, () => undefined)
      line.mount({ queryClient: new QueryClient(), identity: 'ann@example.org', auth: () => ({ token: 'hush' }) })
      return { line, crash }
    }
    const pass = async (ms: number) => {
      await vi.advanceTimersByTimeAsync(ms)
      await vi.dynamicImportSettled()
    }
    const tabs = [open(), open(), open()]
    await pass(5_000)
    browser.transport.last.handlers.onUp(false)
    browser.transport.last.handlers.onEvent('_line', { quietForMs: 0 })
    await pass(1_000)
    browser.transport.last.handlers.onEvent('a', { n: 1 })
    await pass(1_000)
    expect(tabs.map(({ line }) => line.status.tabs)).toEqual([3, 3, 3])
    tabs.find(({ line }) => line.status.role === 'leader')?.crash()
    await pass(15_000)
    tabs.find(({ line }) => line.status.role === 'follower')?.line.signOut()
    await pass(5_000)
    expect(posted.length).toBeGreaterThan(10)
    expect(JSON.stringify(posted)).not.toMatch(/ann@|example\.org|secret\.example|hush/)
  })
})

describe.each([true, false])('two apps of one origin (SharedWorker: %s)', (sharedWorker) => {
  it('with another path share no hub', async () => {
    vi.useRealTimers()
    const browser = createTestBrowser({ sharedWorker })
    const open = (path: string) => {
      const line = browser.openTab().createPartyline<{ changed: object }>({
        invalidates: { changed: ['thing'] },
        socket: { path },
      })
      line.mount({ queryClient: new QueryClient(), identity: 'ann', auth: () => ({}) })
      return line
    }
    const one = open('/shop/socket.io')
    await browser.pass(3_000)
    const other = open('/admin/socket.io')
    await browser.pass(60_000)
    expect([one, other].map(({ status }) => [status.name, status.tabs])).toEqual([
      ['connected', 1],
      ['connected', 1],
    ])
    expect(one.status.epoch).not.toBe(other.status.epoch)
    expect(browser.server.sockets()).toHaveLength(2)
  })
})
