import { notifyManager, QueryClient, QueryObserver } from '@tanstack/react-query'
import { beforeAll, describe, expect, it } from 'vitest'
import { createTestBrowser, type TestBrowser } from '../testing/test-browser.js'
import type { PartylineOptions } from './options.js'

// biome-ignore lint/suspicious/noExplicitAny: these tests are about any event.
type AnyEvents = any

beforeAll(() => notifyManager.setScheduler(queueMicrotask))

const URL = 'https://api.example.com'

/** A tab with an app that shows one query, and that hears of `changed`. */
function openApp(
  browser: TestBrowser,
  { auth = () => ({ token: 'x' }), identity = 'ann' }: { auth?: () => object; identity?: string } = {},
  options: Partial<PartylineOptions<AnyEvents>> = {},
) {
  const tab = browser.openTab()
  const queryClient = new QueryClient({ defaultOptions: { queries: { staleTime: Number.POSITIVE_INFINITY } } })
  const codes: string[] = []
  const line = tab.createPartyline<AnyEvents>({
    url: URL,
    invalidates: { changed: ['thing'] },
    onError: ({ code }) => codes.push(code),
    ...options,
  })
  let fetches = 0
  new QueryObserver(queryClient, { queryKey: ['thing'], queryFn: async () => ++fetches }).subscribe(() => undefined)
  const heard: unknown[] = []
  line.on('changed', (metadata: object) => heard.push(metadata))
  const mount = () => line.mount({ queryClient, identity, auth })
  const unmount = mount()
  return { tab, line, queryClient, codes, heard, mount, unmount, fetches: () => fetches }
}

/** A server that restarts; everybody connects again. */
function restart(browser: TestBrowser): void {
  browser.server.stop()
  browser.server.start()
}

it('a second mount without auth takes none away from the first, not even when it is gone again', async () => {
  const browser = createTestBrowser({ identify: ({ token }) => (token === 'good' ? 'ann' : undefined) })
  const { line, queryClient, codes } = openApp(browser, { auth: () => ({ token: 'good' }) })
  await browser.settle()
  const unmount = line.mount({ queryClient, identity: 'ann' })
  restart(browser)
  await browser.pass(60_000)
  expect(line.status.name).toBe('connected')
  unmount()
  restart(browser)
  await browser.pass(60_000)
  expect(line.status.name).toBe('connected')
  expect(codes).not.toContain('unauthorized')
})

it('a handler hears no event that is older than its subscription, though the line replays it after a nap', async () => {
  const browser = createTestBrowser()
  const [one, two] = [openApp(browser), openApp(browser)]
  await browser.pass(5_000)
  two.line.on('note', () => undefined)
  await browser.pass(1_000)
  browser.server.emit('ann', 'note', { n: 1 })
  await browser.pass(120_000)
  const heard: unknown[] = []
  one.line.on('note', ({ n }) => heard.push(n))
  await browser.pass(1_000)
  one.tab.leave()
  await browser.pass(5_000)
  browser.server.emit('ann', 'note', { n: 2 })
  await browser.pass(1_000)
  expect(one.tab.return()).toBe(true)
  await browser.pass(5_000)
  expect(heard).toEqual([2])
})

for (const webLocks of [true, false]) {
  for (const sharedWorker of [true, false]) {
    it(`signOut and mount in one tick end signed in (locks ${webLocks}, worker ${sharedWorker})`, async () => {
      for (let seed = 1; seed <= 20; seed++) {
        const browser = createTestBrowser({ seed, webLocks, sharedWorker })
        const { line, mount } = openApp(browser)
        await browser.pass(10_000)
        line.signOut()
        mount()
        await browser.pass(60_000)
        expect(`${seed} ${line.status.name}`).toBe(`${seed} connected`)
      }
    })
  }
}

describe('another user signed in', () => {
  it('a line mounted for ann delivers none of bob’s events after a reconnect', async () => {
    let cookie = 'ann'
    const browser = createTestBrowser({ identify: () => cookie })
    const { line, heard, codes } = openApp(browser, { auth: () => ({ token: cookie }) })
    await browser.settle()
    cookie = 'bob'
    browser.server.stop()
    await browser.pass(1_000)
    browser.server.start()
    await browser.pass(30_000)
    browser.server.emit('bob', 'changed', { of: 'bob' })
    await browser.settle()
    expect(heard).toEqual([])
    expect(line.status).toMatchObject({ name: 'wrong-identity', reason: expect.any(String) })
    expect(codes.filter((code) => code === 'wrong-identity')).toHaveLength(1)
  })

  it('in another tab, with the browser’s one token: both tabs hear their own user only', async () => {
    const users: Record<string, string> = { 'token-ann': 'ann', 'token-bob': 'bob' }
    const browser = createTestBrowser({ identify: ({ token }) => users[token as string] })
    let stored = 'token-ann'
    const auth = () => ({ token: stored })
    const ann = openApp(browser, { auth })
    await browser.settle()
    stored = 'token-bob'
    const bob = openApp(browser, { auth, identity: 'bob' })
    await browser.settle()
    restart(browser)
    await browser.pass(30_000)
    browser.server.emit('bob', 'changed', { of: 'bob' })
    await browser.settle()
    expect(ann.heard).toEqual([])
    expect(bob.heard).toEqual([{ of: 'bob' }])
    expect(browser.server.sockets().map(({ identity }) => identity)).toEqual(['bob'])
    // Ann signs in again.
    stored = 'token-ann'
    ann.mount()
    await browser.pass(30_000)
    expect(ann.line.status.name).toBe('connected')
  })
})

it('the leaders of seven tabs, all with expired credentials, make few handshakes; fresh ones are found', async () => {
  let attempts = 0
  const browser = createTestBrowser({
    sharedWorker: false,
    identify({ token }) {
      attempts++
      return token === 'fresh' ? 'ann' : undefined
    },
  })
  let token = 'expired'
  const apps = Array.from({ length: 7 }, (_, index) =>
    openApp(browser, { auth: () => ({ token: index === 3 ? token : 'expired' }) }),
  )
  await browser.pass(600_000)
  // Each tab by itself would make about 30, so 210. With ten seeds it was 145 to 170.
  expect(attempts).toBeGreaterThan(40)
  expect(attempts).toBeLessThan(185)
  token = 'fresh'
  await browser.pass(300_000)
  expect(apps.map(({ line }) => line.status.name)).toEqual(Array(7).fill('connected'))
})

it('ten minutes of flapping cost each query a fetch now and then', async () => {
  const browser = createTestBrowser()
  const apps = [openApp(browser), openApp(browser), openApp(browser)]
  await browser.settle()
  const fetches = () => apps.reduce((sum, app) => sum + app.fetches(), 0)
  const before = fetches()
  const until = browser.now() + 600_000
  while (browser.now() < until) {
    await browser.pass(200)
    if (browser.server.sockets().length > 0) restart(browser)
  }
  const perTab = (fetches() - before) / apps.length
  expect(perTab).toBeLessThan(30)
  const after = fetches()
  await browser.pass(120_000)
  // The last gap is made up for.
  expect(fetches()).toBeGreaterThan(after)
})
