import { chromium } from 'playwright'
import puppeteer, { type Browser, type Page } from 'puppeteer-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Demo, startDemo } from '../../demo/server/server.js'
import { BROWSER_ARGS, ensureBrowser, findBrowser } from '../../scripts/browser.js'
import { buildSite, EMPTY, WITHOUT_SHARED_WORKER } from './site.js'

// A page's life as it really is: hidden, frozen, in the back/forward cache. Playwright switches all of that off.

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

/** Goes to another page, so that this one is put into the back/forward cache; another tab pays meanwhile. */
async function awayAndBack(page: Page, meanwhile: () => Promise<void>): Promise<void> {
  await page.bringToFront()
  await page.evaluate(() => {
    Object.assign(window, { cameBack: 'no' })
    addEventListener('pageshow', (event) =>
      Object.assign(window, { cameBack: event.persisted ? 'from the cache' : 'loaded' }),
    )
  })
  await page.goto(demo.url + EMPTY)
  await meanwhile()
  await page.bringToFront()
  // Nothing may be evaluated on the way: a script that runs in a page in the cache evicts it.
  const back = new Promise((resolve) => page.once('framenavigated', resolve))
  void page.evaluate(() => history.back()).catch(() => undefined)
  await back
  expect(await page.evaluate(() => (window as { cameBack?: string }).cameBack)).toBe('from the cache')
}

describe.each([
  ['worker', '/'],
  ['leader tab', WITHOUT_SHARED_WORKER],
])('%s', (_way, path) => {
  // A message that is under way to the page in the moment when it leaves evicts it from the cache; then there is nothing to
  // come back to, and the browser loads the page anew. So it may take a second try, but it has to come back.
  it('a page comes back from the back/forward cache, and is right', { retry: 2 }, async () => {
    const leaves = await open(path)
    const stays = await open(path)
    await awayAndBack(leaves, async () => {
      await connected(stays)
      await expect.poll(async () => (await status(stays)).tabs).toBe(1)
      for (let time = 0; time < 3; time++) await payAndSee(stays)
    })
    await connected(leaves)
    await payAndSee(stays, leaves)
    await expect.poll(async () => (await status(stays)).tabs).toBe(2)
    await expect.poll(() => demo.stats.openSockets).toBe(1)
  })

  it('a frozen tab is left out, and catches up when it thaws', async () => {
    const frozen = await open(path)
    const stays = await open(path)
    await stays.bringToFront()
    const session = await frozen.createCDPSession()
    await expect.poll(() => frozen.evaluate(() => document.visibilityState)).toBe('hidden')
    await session.send('Page.setWebLifecycleState', { state: 'frozen' })
    await expect.poll(async () => (await status(stays)).tabs).toBe(1)
    await connected(stays)
    await payAndSee(stays)
    await session.send('Page.setWebLifecycleState', { state: 'active' })
    await frozen.bringToFront()
    await connected(frozen)
    await payAndSee(stays, frozen)
    await expect.poll(() => demo.stats.openSockets).toBe(1)
  })

  it('a really hidden tab fetches nothing until it is looked at', async () => {
    const hidden = await open(path)
    const shown = await open(path)
    await shown.bringToFront()
    await expect.poll(() => hidden.evaluate(() => document.visibilityState)).toBe('hidden')
    await expect.poll(() => shown.evaluate(() => window.ledger.queryClient.isFetching())).toBe(0)
    const tab = await hidden.evaluate(() => window.ledger.line.origin)
    demo.stats.reset()
    await payAndSee(shown)
    expect(demo.stats.requests.filter((request) => request.tab === tab)).toEqual([])
    await payAndSee(shown, hidden)
  })
})
