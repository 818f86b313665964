import { notifyManager, QueryClient, QueryObserver } from '@tanstack/react-query'
import { describe, expect, it } from 'vitest'
import { createTestBrowser, type TestBrowser } from '../testing/index.js'

// Whole tabs, the real library in each, over a server in memory that says for how long it has sent nothing.

notifyManager.setScheduler(queueMicrotask)

function openApp(browser: TestBrowser, topic?: string) {
  const queryClient = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } })
  const line = browser.openTab().createPartyline({
    url: 'https://api.example.com',
    invalidates: { task_changed: ['task'] },
  })
  let fetches = 0
  const observer = new QueryObserver(queryClient, { queryKey: ['task'], queryFn: async () => ++fetches })
  observer.subscribe(() => undefined)
  line.mount({ queryClient, identity: 'ann' })
  if (topic) line.topic(topic)
  return { line, fetches: () => fetches, gap: () => line.status.lastGap?.reason }
}

/** Its server has been up, and sent nothing, for a while. */
async function openBrowser(options: Parameters<typeof createTestBrowser>[0] = {}) {
  const browser = createTestBrowser({ quiet: true, ...options })
  await browser.pass(60_000)
  return browser
}

describe.each([{ sharedWorker: true }, { sharedWorker: false }])('where nothing was sent (%j)', (has) => {
  it('the first load costs each query one fetch, in the tabs that follow as well', async () => {
    const browser = await openBrowser(has)
    const apps = [openApp(browser), openApp(browser)]
    await browser.settle()
    expect(apps.map((app) => [app.line.status.name, app.fetches(), app.gap()])).toEqual(
      Array(2).fill(['connected', 1, undefined]),
    )
    browser.server.emit('ann', 'task_changed')
    await browser.settle()
    expect(apps.map((app) => app.fetches())).toEqual([2, 2])
  })

  it('a break costs nothing', async () => {
    const browser = await openBrowser(has)
    const app = openApp(browser)
    await browser.pass(60_000)
    browser.network.cut()
    await browser.pass(5_000)
    browser.network.restore()
    await browser.settle()
    expect([app.line.status.name, app.fetches(), app.gap()]).toEqual(['connected', 1, undefined])
  })

  it('a topic that is joined costs nothing', async () => {
    const browser = await openBrowser(has)
    const app = openApp(browser, 'p')
    await browser.settle()
    expect([app.fetches(), app.gap()]).toEqual([1, undefined])
  })
})

describe('where something was sent', () => {
  it('a moment before the page began, the first load is in doubt', async () => {
    const browser = await openBrowser()
    browser.server.emit('ann', 'task_changed')
    const app = openApp(browser)
    await browser.settle()
    expect([app.fetches(), app.gap()]).toEqual([2, 'events before the first connection are not known'])
  })

  it('to somebody else, it is not', async () => {
    const browser = await openBrowser()
    browser.server.emit('bob', 'task_changed')
    browser.server.topic('q', 'task_changed')
    const app = openApp(browser, 'p')
    await browser.settle()
    expect([app.fetches(), app.gap()]).toEqual([1, undefined])
  })

  it('in the break, it is fetched', async () => {
    const browser = await openBrowser()
    const app = openApp(browser)
    await browser.pass(60_000)
    browser.network.cut()
    browser.server.emit('ann', 'task_changed')
    await browser.pass(5_000)
    browser.network.restore()
    await browser.settle()
    expect([app.fetches(), app.gap()]).toEqual([2, 'the connection was lost and made again'])
  })

  it('to a topic, what was fetched before the join is fetched', async () => {
    const browser = await openBrowser()
    browser.server.topic('p', 'task_changed')
    const app = openApp(browser, 'p')
    await browser.settle()
    expect([app.fetches(), app.gap()]).toEqual([2, undefined])
  })

  it('before a server that has just started: nobody knows', async () => {
    const browser = await openBrowser()
    const app = openApp(browser)
    await browser.pass(60_000)
    browser.server.stop()
    await browser.pass(1_000)
    browser.server.start()
    await browser.pass(60_000)
    expect([app.fetches(), app.gap()]).toEqual([2, 'the connection was lost and made again'])
  })
})

it('a gap that a tab was owed when it left is still owed when it is back, though nothing was sent since', async () => {
  const browser = await openBrowser()
  const tab = browser.openTab()
  const line = tab.createPartyline({ url: 'https://api.example.com', invalidates: { task_changed: ['task'] } })
  const queryClient = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } })
  let fetches = 0
  new QueryObserver(queryClient, { queryKey: ['task'], queryFn: async () => ++fetches }).subscribe(() => undefined)
  // It also loads its code.
  await browser.pass(10_000)
  browser.server.emit('ann', 'task_changed')
  const other = openApp(browser)
  await browser.pass(60_000)
  browser.network.cut()
  await browser.pass(100)
  // The hub has no connection, and a history that is younger than this page.
  line.mount({ queryClient, identity: 'ann' })
  await browser.pass(500)
  expect([line.status.host, line.status.name, line.status.tabs]).toEqual(['shared-worker', 'disconnected', 2])
  tab.leave()
  await browser.pass(100)
  browser.network.restore()
  await browser.pass(60_000)
  expect([other.line.status.name, other.gap(), fetches]).toEqual([
    'connected',
    'events before the first connection are not known',
    1,
  ])
  expect(tab.return()).toBe(true)
  await browser.settle()
  expect([line.status.name, fetches]).toEqual(['connected', 2])
})
