import { notifyManager, QueryClient } from '@tanstack/react-query'
import { beforeAll, describe, expect, it } from 'vitest'
import '../hub/tab-hub.js'
import '../tab/tab-hosts.js'
import '../tab/session.js'
import { createTestBrowser, type TestBrowserOptions } from '../testing/test-browser.js'

// A sign-out reaches every tab, whatever becomes of the hub in that moment.

beforeAll(() => notifyManager.setScheduler(queueMicrotask))

function setUp(options: TestBrowserOptions) {
  const browser = createTestBrowser(options)
  const open = (url?: () => Promise<string>) => {
    const tab = browser.openTab()
    const queryClient = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity } } })
    const line = tab.createPartyline<{ changed: object }>({
      invalidates: { changed: ['thing'] },
      ...(url && { url }),
    })
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

describe('a sign-out while a url is still asked for', () => {
  const pending = () => new Promise<string>(() => undefined)
  const given = async () => 'https://api.example'

  it('reaches that tab', async () => {
    const { open, pass } = setUp({})
    const [waiting, other] = [open(pending), open(given)]
    await pass(3_000)
    expect([waiting.name(), other.name()]).toEqual(['connecting', 'connected'])
    other.line.signOut()
    await pass(1_000)
    expect(waiting.name()).toBe('signed-out')
  })

  it('reaches that tab also when it is frozen, as soon as it is back', async () => {
    const { open, pass } = setUp({})
    const [waiting, other] = [open(pending), open(given)]
    await pass(3_000)
    waiting.tab.freeze()
    await pass(1_000)
    other.line.signOut()
    await pass(5_000)
    waiting.tab.resume()
    await pass(100)
    expect(waiting.name()).toBe('signed-out')
  })

  it('reaches the others from there, also when that tab is closed in the same moment', async () => {
    const { open, pass, sockets } = setUp({})
    const [waiting, other] = [open(pending), open(given)]
    await pass(3_000)
    waiting.line.signOut()
    waiting.tab.crash()
    await pass(1_000)
    expect(other.name()).toBe('signed-out')
    await pass(30_000)
    expect(sockets()).toBe(0)
  })

  it('does not end the session that begins in the same tick, and ends the others', async () => {
    const { open, pass } = setUp({})
    const [other, again] = [open(given), open(given)]
    again.line.signOut()
    again.mount()
    await pass(30_000)
    expect([other.name(), again.name()]).toEqual(['signed-out', 'connected'])
  })
})
