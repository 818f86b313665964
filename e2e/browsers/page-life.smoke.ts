import { chromium } from 'playwright'
import puppeteer, { type Browser, type Page } from 'puppeteer-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Demo, startDemo } from '../../demo/server/server.js'
import { BROWSER_ARGS, ensureBrowser, findBrowser } from '../../scripts/browser.js'
import { BANK, buildSite, EMPTY, WITHOUT_SHARED_WORKER } from './site.js'

// A page's life as it really is: hidden, frozen, in the back/forward cache. Playwright switches all of that off.

/** How often a page is left and shown again in one test. */
const TRIPS = 3

let site: ReturnType<typeof buildSite>
let demo: Demo
let browser: Browser
let pages: Page[] = []

beforeAll(async () => {
  if (!ensureBrowser()) throw new Error('no Chromium')
  site = buildSite()
  demo = await startDemo({ staticDir: site.folder })
  browser = await puppeteer.launch({
    executablePath: findBrowser().executablePath ?? chromium.executablePath(),
    args: [...BROWSER_ARGS],
  })
  const page = await browser.newPage()
  await page.goto(demo.url + EMPTY)
  await page.evaluate(() =>
    fetch('/api/session', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ userId: '1' }),
    }),
  )
})
afterAll(async () => {
  await browser?.close()
  await demo?.close()
  site?.remove()
})
beforeEach(async () => {
  for (const page of pages) await page.close()
  pages = []
  await expect.poll(() => demo.stats.openSockets).toBe(0)
  demo.stats.reset()
})

const status = (page: Page) => page.evaluate(() => window.ledger.line.status)
const connected = (page: Page) => expect.poll(async () => (await status(page)).name).toBe('connected')

async function open(path: string): Promise<Page> {
  const page = await browser.newPage()
  pages.push(page)
  await page.goto(demo.url + path)
  await connected(page)
  return page
}

/** The next balance is in every one of these tabs. */
async function payAndSee(...tabs: Page[]): Promise<void> {
  const [first] = tabs
  await first?.evaluate(() =>
    fetch('/api/payments', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-user': '1' },
      body: JSON.stringify({ fromAccountId: '11', amount: 101, counterparty: 'Corner Bakery' }),
    }),
  )
  const balance = await first?.evaluate(async () =>
    (await fetch('/api/accounts/11/balance', { headers: { 'x-user': '1' } })).json(),
  )
  for (const tab of tabs) {
    await tab.bringToFront()
    await expect
      .poll(() => tab.evaluate(() => window.ledger.queryClient.getQueryData(['balance', '11']) ?? null))
      .toEqual(balance)
  }
}

/** What a page has counted since it was shown again. */
interface Seen {
  cameBack: 'no' | 'from the cache' | 'thawed'
  /** Gaps: how often it may have missed something. */
  gaps: number
  /** How often it fetched for that reason. */
  resyncs: number
}
type Watched = typeof window & { seen?: Seen }

const watch = (page: Page) =>
  page.evaluate(() => {
    const { line } = window.ledger
    const seen: Seen = { cameBack: 'no', gaps: 0, resyncs: 0 }
    if ((window as Watched).seen) {
      Object.assign((window as Watched).seen as Seen, seen)
      return
    }
    ;(window as Watched).seen = seen
    let { lastGap } = line.status
    line.subscribe(() => {
      if (line.status.lastGap !== lastGap) seen.gaps++
      lastGap = line.status.lastGap
    })
    line.onReceipt(({ cause, refetched }) => {
      if (cause === 'gap' && refetched.length > 0) seen.resyncs++
    })
    const back = (cameBack: Seen['cameBack']) => Object.assign(seen, { cameBack, gaps: 0, resyncs: 0 })
    addEventListener('pageshow', ({ persisted }) => persisted && back('from the cache'))
    document.addEventListener('resume', () => seen.cameBack === 'no' && back('thawed'))
  })
/** Undefined in a page that was reloaded. */
const seenIn = (page: Page) => page.evaluate(() => (window as Watched).seen)

/** Navigates to another page, so that this one enters the back/forward cache. Another tab pays meanwhile. */
async function awayAndBack(page: Page, meanwhile: () => Promise<void>): Promise<void> {
  const session = await page.createCDPSession()
  let evicted: string[] = []
  session.on('Page.backForwardCacheNotUsed', ({ notRestoredExplanations }) => {
    evicted = notRestoredExplanations.map(({ reason }) => reason)
  })
  await session.send('Page.enable')
  await page.bringToFront()
  await watch(page)
  await page.goto(demo.url + EMPTY)
  await meanwhile()
  // Both pages run in one process. Its garbage would be collected some day; it is collected now, because a finalizer that
  // runs in a page in the cache evicts the page.
  await session.send('HeapProfiler.collectGarbage')
  await page.bringToFront()
  // Nothing may be evaluated on the way: a script that runs in a page in the cache evicts it.
  const back = new Promise((resolve) => page.once('framenavigated', resolve))
  void page.evaluate(() => history.back()).catch(() => undefined)
  await back
  expect((await seenIn(page))?.cameBack, `evicted: ${evicted.join(', ')}`).toBe('from the cache')
  await session.detach()
}

/** Events that no query of this test matches, fifty a second, for as long as `run` takes. */
async function underEvents<T>(run: () => Promise<T>): Promise<T> {
  const stream = setInterval(() => demo.emit('1', 'balance_updated', { accountId: 'another' }), 20)
  try {
    return await run()
  } finally {
    clearInterval(stream)
  }
}

/** Shows the balance after a payment that it missed, with one resync at most. */
async function rightWithinOneResync(tab: Page): Promise<void> {
  await connected(tab)
  const balance = await tab.evaluate(async () =>
    (await fetch('/api/accounts/11/balance', { headers: { 'x-user': '1' } })).json(),
  )
  await expect
    .poll(() => tab.evaluate(() => window.ledger.queryClient.getQueryData(['balance', '11']) ?? null))
    .toEqual(balance)
  await expect.poll(() => tab.evaluate(() => window.ledger.queryClient.isFetching())).toBe(0)
  const { gaps, resyncs } = (await seenIn(tab)) ?? {}
  expect(gaps).toBeLessThanOrEqual(1)
  expect(resyncs).toBeLessThanOrEqual(1)
}

/** The name of a page in the browser's list of locks. */
const lockClient = (page: Page) =>
  page.evaluate(async () => {
    const { held = [] } = await navigator.locks.query()
    return held.find(({ name }) => name?.includes(window.ledger.line.origin))?.clientId
  })
/** The locks that a page holds while others wait for them. */
const waitedFor = (seenFrom: Page, client: string | undefined) =>
  seenFrom.evaluate(async (client) => {
    const { held = [], pending = [] } = await navigator.locks.query()
    const others = pending.filter(({ clientId }) => clientId !== client).map(({ name }) => name)
    return held.filter(({ clientId, name }) => clientId === client && others.includes(name)).map(({ name }) => name)
  }, client)

describe.each([
  ['worker', BANK],
  ['leader tab', WITHOUT_SHARED_WORKER],
])('%s', (_way, path) => {
  it.each(['first', 'second'])(
    'the %s tab returns from the back/forward cache, and is fresh within one resync',
    async (which) => {
      const first = await open(path)
      const second = await open(path)
      // Without a SharedWorker the first one leads.
      const [leaving, remaining] = which === 'first' ? [first, second] : [second, first]
      await underEvents(async () => {
        for (let time = 0; time < TRIPS; time++) {
          await awayAndBack(leaving, async () => {
            await expect.poll(async () => (await status(remaining)).tabs).toBe(1)
            await connected(remaining)
            for (let payment = 0; payment < 3; payment++) await payAndSee(remaining)
          })
          await rightWithinOneResync(leaving)
          await expect.poll(async () => (await status(remaining)).tabs).toBe(2)
        }
      })
      await payAndSee(remaining, leaving)
      await expect.poll(() => demo.stats.openSockets).toBe(1)
    },
  )

  it('a frozen tab is left out, and is fresh within one resync when it resumes', async () => {
    const frozen = await open(path)
    const remaining = await open(path)
    await remaining.bringToFront()
    const session = await frozen.createCDPSession()
    await expect.poll(() => frozen.evaluate(() => document.visibilityState)).toBe('hidden')
    await watch(frozen)
    const client = await lockClient(frozen)
    expect(await waitedFor(remaining, client)).not.toEqual([])
    await underEvents(async () => {
      await session.send('Page.setWebLifecycleState', { state: 'frozen' })
      await expect.poll(async () => (await status(remaining)).tabs).toBe(1)
      // No other tab or hub waits for a page that can't answer.
      await expect.poll(() => waitedFor(remaining, client)).toEqual([])
      await connected(remaining)
      await payAndSee(remaining)
      await session.send('Page.setWebLifecycleState', { state: 'active' })
      await frozen.bringToFront()
      await rightWithinOneResync(frozen)
      expect((await seenIn(frozen))?.cameBack).toBe('thawed')
    })
    await payAndSee(remaining, frozen)
    await expect.poll(() => demo.stats.openSockets).toBe(1)
  })

  it('a really hidden tab fetches nothing until it is visible', async () => {
    const hidden = await open(path)
    const shown = await open(path)
    await shown.bringToFront()
    await expect.poll(() => hidden.evaluate(() => document.visibilityState)).toBe('hidden')
    for (const page of [shown, hidden])
      await expect.poll(() => page.evaluate(() => window.ledger.queryClient.isFetching())).toBe(0)
    const tab = await hidden.evaluate(() => window.ledger.line.origin)
    demo.stats.reset()
    await payAndSee(shown)
    expect(demo.stats.requests.filter((request) => request.tab === tab)).toEqual([])
    await payAndSee(shown, hidden)
  })
})
