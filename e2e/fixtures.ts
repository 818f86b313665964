import { type BrowserContext, test as base, expect, type Page } from '@playwright/test'
import { type Demo, startDemo } from '../demo/server/server.js'
// What the page offers to tests: `window.ledger`.
import type {} from '../demo/src/main.js'
import type { Receipt, Status } from '../src/index.js'

export type { Page }
export { expect }

declare global {
  interface Window {
    /** Simulates the tab's visibility: under Playwright every page is visible. */
    actVisibility(state: 'visible' | 'hidden'): void
    receipts: Receipt[]
  }
}

/** The bank's page. */
export const bankAt = (url: string, search = ''): string => `${url}/bank${search}`

let payments = 0

/** The bank: a real server with a real database, and what tests need to read from it. */
export class Bank {
  constructor(
    readonly demo: Demo,
    readonly context: BrowserContext,
  ) {}

  /** Signs the browser in, without a page. */
  async signIn(userId = '1'): Promise<void> {
    const answer = await this.context.request.post(`${this.demo.url}/api/session`, { data: { userId } })
    expect(answer.ok()).toBe(true)
  }

  async open(search = ''): Promise<Page> {
    const page = await this.context.newPage()
    await page.goto(bankAt(this.demo.url, search))
    return page
  }

  /** Opens tabs and waits until each is connected and at rest. */
  async openTabs(count: number, search = '', timeout?: number): Promise<Page[]> {
    const pages: Page[] = []
    for (let tab = 0; tab < count; tab++) pages.push(await this.open(search))
    for (const page of pages) await atRest(page, timeout)
    return pages
  }

  /** Requests since the last `stats.reset()`, by the tab that made them and by path. */
  fetches(filter: { tab?: string; path?: string | RegExp } = {}): string[] {
    const { tab, path } = filter
    return this.demo.stats.requests
      .filter((request) => request.method === 'GET')
      .filter((request) => tab === undefined || request.tab === tab)
      .map((request) => request.path)
      .filter((one) => path === undefined || (typeof path === 'string' ? one === path : path.test(one)))
  }

  /** Gives who was paid. It is another one each time: the database of a worker outlives its tests. */
  async pay(amount: number, fromAccountId = '11'): Promise<string> {
    const counterparty = `Corner Bakery ${++payments}`
    const answer = await this.context.request.post(`${this.demo.url}/api/payments`, {
      data: { fromAccountId, amount, counterparty },
    })
    expect(answer.status(), await answer.text()).toBeLessThan(300)
    return counterparty
  }
}

/** From here on the tab keeps its receipts in `window.receipts`. */
export const recordReceipts = (page: Page): Promise<void> =>
  page.evaluate(() => {
    window.receipts = []
    window.ledger.line.onReceipt((receipt) => window.receipts.push(receipt))
  })

/** How many events the tab has dealt with since `recordReceipts`. */
export const eventsHeard = (page: Page): Promise<number> =>
  page.evaluate(() => window.receipts.reduce((sum, { events }) => sum + events.length, 0))

/**
 * In how many flushes the tab has dealt with payments since `recordReceipts`. One payment is two events: on a machine that hangs
 * between them for longer than the debounce, they are two flushes, and two fetches.
 */
export const paymentFlushes = (page: Page): Promise<number> =>
  page.evaluate(
    () => window.receipts.filter(({ events }) => events.some(({ name }) => name !== 'profile_updated')).length,
  )

/** Connected, and nothing left to fetch: the resync of a first connection is over. */
export async function atRest(page: Page, timeout = 90_000): Promise<void> {
  await page.waitForFunction(
    () => {
      const { line, queryClient } = window.ledger
      const { name, lastGap, since, pending } = line.status
      // A hub says a moment after it is connected whether anything was missed: half a second later at most. Not only to its
      // first tab: on a slow machine a second one is there before the hub is connected.
      const isDecided = lastGap !== undefined || Date.now() - since > 1_000
      if (name !== 'connected' || !isDecided || pending.count > 0 || queryClient.isFetching() > 0) return false
      const used = queryClient
        .getQueryCache()
        .getAll()
        .filter((query) => query.isActive())
      // The accounts' cards, and so their queries, come one render after their list.
      const accounts = queryClient.getQueryData<readonly { id: string }[]>(['accounts']) ?? []
      const areShown = accounts.every(({ id }) =>
        used.some(({ queryKey }) => queryKey[0] === 'balance' && queryKey[1] === id),
      )
      const isFresh = used.every((query) => query.state.data !== undefined && !query.state.isInvalidated)
      return used.length > 0 && areShown && isFresh
    },
    undefined,
    { timeout },
  )
}

export const status = (page: Page): Promise<Status> => page.evaluate(() => window.ledger.line.status)
export const origin = (page: Page): Promise<string> => page.evaluate(() => window.ledger.line.origin)
export const errorCodes = (page: Page): Promise<string[]> =>
  page.evaluate(() => window.ledger.errors.map((error) => error.code))
export const setVisibility = (page: Page, state: 'visible' | 'hidden'): Promise<void> =>
  page.evaluate((to) => window.actVisibility(to), state)

interface TestFixtures {
  bank: Bank
}

export const test = base.extend<TestFixtures, { server: Demo }>({
  server: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures that are needed off this pattern.
    async ({}, use) => {
      // A test counts on a resync at each connection, however long nothing was sent. See first-load.spec.ts for the other case.
      const demo = await startDemo({ quietAfterMs: Number.POSITIVE_INFINITY })
      await use(demo)
      await demo.close()
    },
    { scope: 'worker' },
  ],
  bank: async ({ server, context }, use) => {
    await context.addInitScript(() => {
      // The tiles of the wall, which are frames, act their own.
      if (window !== window.top) return
      let state: DocumentVisibilityState = 'visible'
      Object.defineProperty(document, 'visibilityState', { get: () => state })
      Object.defineProperty(document, 'hidden', { get: () => state === 'hidden' })
      window.actVisibility = (to) => {
        state = to
        document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))
      }
    })
    Object.assign(server.faults, { refuseTokens: 0, workerMissing: false, apiDelay: 0 })
    const bank = new Bank(server, context)
    server.stats.reset()
    await use(bank)
    await context.close()
    // The hub keeps its socket for a while after the last tab; the next test counts from none.
    await expect.poll(() => server.stats.openSockets).toBe(0)
  },
})
