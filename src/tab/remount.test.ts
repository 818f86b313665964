import { notifyManager, QueryClient, QueryObserver } from '@tanstack/react-query'
import { expect, it } from 'vitest'
import { createTestBrowser, type TestTab } from '../testing/index.js'

// One page, several sessions of one identity, one after the other.

notifyManager.setScheduler(queueMicrotask)

function openApp(tab: TestTab) {
  const queryClient = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } })
  const line = tab.createPartyline({
    url: 'https://api.example.com',
    invalidates: { noted: { touches: ['notes'], targets: (_note: { n: number }) => [['notes']] } },
  })
  let fetches = 0
  new QueryObserver(queryClient, { queryKey: ['notes'], queryFn: async () => ++fetches }).subscribe(() => undefined)
  const heard: number[] = []
  line.on('noted', ({ n }) => heard.push(n))
  return { line, heard, fetches: () => fetches, mount: (identity = 'ann') => line.mount({ queryClient, identity }) }
}

it.each(['nobody', 'another user'])(
  'handlers hear each event once though the page was mounted for %s meanwhile',
  async (who) => {
    const browser = createTestBrowser()
    const emit = (n: number) => browser.server.emit('ann', 'noted', { n })
    // The hub vouches for all since before the second page began to load.
    openApp(browser.openTab()).mount()
    await browser.settle()
    const app = openApp(browser.openTab())
    const unmount = app.mount()
    await browser.settle()
    emit(1)
    await browser.settle()
    // The session ends before the debounced refetch.
    emit(2)
    await browser.pass(30)
    expect(app.heard).toEqual([1, 2])
    unmount()
    const unmountOther = who === 'nobody' ? () => undefined : app.mount('bob')
    await browser.pass(100)
    emit(3)
    await browser.pass(100)
    unmountOther()
    const fetches = app.fetches()
    app.mount()
    await browser.settle()
    emit(4)
    await browser.settle()
    expect(app.heard).toEqual([1, 2, 3, 4])
    // Once for all that may have been missed, 2 and 3 among it, and once for 4.
    expect(app.fetches()).toBe(fetches + 2)
  },
)

it('handlers hear each event once though a session meets the hub that its sign-out is about to end', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const browser = createTestBrowser({
      seed,
      sharedWorker: false,
      webLocks: false,
      broadcastChannel: false,
      quiet: true,
    })
    await browser.pass(60_000)
    const app = openApp(browser.openTab())
    app.mount()
    await browser.settle()
    browser.server.emit('ann', 'noted', { n: 1 })
    await browser.settle()
    app.line.signOut()
    app.mount()
    await browser.settle()
    browser.server.emit('ann', 'noted', { n: 2 })
    await browser.settle()
    expect(app.heard).toEqual([1, 2])
  }
})
