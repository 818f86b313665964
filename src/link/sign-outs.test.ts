import { notifyManager, QueryClient } from '@tanstack/react-query'
import { beforeAll, describe, expect, it } from 'vitest'
import '../hub/tab-hub.js'
import '../tab/session.js'
import { createTestBrowser, type TestBrowserOptions } from '../testing/test-browser.js'

// A sign-out reaches every tab, whatever becomes of the hub in that moment.

beforeAll(() => notifyManager.setScheduler(queueMicrotask))

function setUp(options: TestBrowserOptions) {
  const browser = createTestBrowser(options)
  const open = () => {
    const tab = browser.openTab()
    const queryClient = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity } } })
    const line = tab.createPartyline<{ changed: object }>({ invalidates: { changed: ['thing'] } })
    const heard: unknown[] = []
    line.on('changed', (metadata) => heard.push(metadata))
    const mount = () => line.mount({ queryClient, identity: 'ann', auth: () => ({ token: 'x' }) })
    mount()
    return { tab, line, mount, heard, name: () => line.status.name }
  }
  return { ...browser, open, sockets: () => browser.server.sockets().length }
}

const SEEDS = Array.from({ length: 10 }, (_, index) => index + 1)

describe.each([
  { webLocks: true, sharedWorker: true },
  { webLocks: true, sharedWorker: false },
  { webLocks: false, sharedWorker: true },
  { webLocks: false, sharedWorker: false },
])('a sign-out ($webLocks, $sharedWorker)', (powers) => {
  it('reaches the other tabs when the hub dies in that moment', async () => {
    for (const seed of SEEDS) {
      const { open, pass, killWorkers, sockets } = setUp({ ...powers, seed })
      const tabs = [open(), open(), open()]
      await pass(10_000)
      const leader = tabs.find(({ line }) => line.status.role === 'leader')
      const [first, ...others] = tabs.filter((tab) => tab !== leader)
      if (leader) leader.tab.crash()
      else killWorkers()
      first?.line.signOut()
      await pass(3_000)
      expect([seed, ...others.map(({ name }) => name())]).toEqual([seed, ...others.map(() => 'signed-out')])
      expect(first?.name()).toBe('signed-out')
      await pass(30_000)
      expect([seed, sockets()]).toEqual([seed, 0])
    }
  })

  it('is found by a tab that was frozen, also when the hub that knew of it is gone', async () => {
    for (const seed of SEEDS) {
      const { open, pass, killWorkers, sockets } = setUp({ ...powers, seed })
      const frozen = open()
      const other = open()
      await pass(10_000)
      frozen.tab.freeze()
      await pass(5_000)
      other.line.signOut()
      await pass(10_000)
      other.tab.crash()
      killWorkers()
      await pass(60_000)
      frozen.tab.resume()
      await pass(10_000)
      expect([seed, frozen.name(), sockets()]).toEqual([seed, 'signed-out', 0])
    }
  })

  it('does not end the session that the same user begins at once', async () => {
    for (const seed of [...SEEDS, ...SEEDS.map((one) => one + 100)]) {
      const { open, pass, server } = setUp({ ...powers, seed })
      const { line, mount, name, heard } = open()
      await pass(10_000)
      line.signOut()
      mount()
      await pass(60_000)
      expect([seed, name()]).toEqual([seed, 'connected'])
      server.emit('ann', 'changed', {})
      await pass(1_000)
      expect([seed, heard.length]).toEqual([seed, 1])
    }
  })

  it('ends the sessions of the other tabs also when its own begins again at once', async () => {
    for (const seed of SEEDS) {
      const { open, pass } = setUp({ ...powers, seed })
      const tabs = [open(), open()]
      await pass(10_000)
      tabs[0]?.line.signOut()
      tabs[0]?.mount()
      await pass(60_000)
      expect([seed, ...tabs.map(({ name }) => name())]).toEqual([seed, 'connected', 'signed-out'])
    }
  })
})
