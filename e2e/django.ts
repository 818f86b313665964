import { type BrowserContext, test as base, expect, type Page } from '@playwright/test'
// What the page offers to tests: `window.bank`.
import type {} from '../examples/django/page/src/main.js'
import { formatCents } from '../examples/django/page/src/money.js'
import { type Daphne, type Django, prepareDjango, type Settings } from '../scripts/django.js'
import { Missing, orMissing } from '../scripts/service.js'
import type { Receipt, Status } from '../src/index.js'

export type { Page }
export { expect }

declare global {
  interface Window {
    receipts: Receipt[]
  }
}

/** The counts of a process of the example (bank/testing.py). */
export interface Counts {
  readonly open: number
  readonly opened: number
  readonly authenticated: number
}
export const countsOf = async ({ url }: Daphne): Promise<Counts> =>
  (await (await fetch(`${url}/tests/counts`)).json()) as Counts

/** A browser on the example: signed in or not, with some tabs. */
export class Visitor {
  constructor(
    readonly url: string,
    readonly context: BrowserContext,
  ) {}

  /** A request as the page makes it: with the CSRF token that Django gave. */
  async request(method: string, path: string, data?: object, from = this.url) {
    const cookies = await this.context.cookies(from)
    const token = cookies.find(({ name }) => name === 'csrftoken')?.value ?? ''
    return this.context.request.fetch(from + path, { method, data, headers: { 'x-csrftoken': token } })
  }

  /** Signs the browser in, without a page. */
  async signIn(name: string): Promise<void> {
    await this.request('GET', '/api/session')
    expect((await this.request('POST', '/api/session', { name })).status()).toBe(200)
  }

  async open(path = '/', from = this.url): Promise<Page> {
    const page = await this.context.newPage()
    await page.goto(from + path)
    return page
  }

  /** Opens tabs and waits until each is connected and at rest. */
  async openTabs(count: number, path = '/', from = this.url): Promise<Page[]> {
    const pages: Page[] = []
    for (let tab = 0; tab < count; tab++) pages.push(await this.open(path, from))
    for (const page of pages) await atRest(page)
    return pages
  }

  /** Past all tabs. */
  async pay(amount: number, to: string, fromAccountId = '1', from = this.url): Promise<void> {
    const answer = await this.request('POST', '/api/payments', { fromAccountId, amount, to }, from)
    expect(answer.status(), await answer.text()).toBe(200)
  }

  async balance(accountId: string): Promise<number> {
    return (await (await this.request('GET', `/api/accounts/${accountId}/balance`)).json()).amount
  }
}

/** Connected, and nothing left to fetch: the resync of a first connection is over. */
export async function atRest(page: Page): Promise<void> {
  await page.waitForFunction(
    () => {
      const { line, queryClient } = window.bank
      const used = queryClient
        .getQueryCache()
        .getAll()
        .filter((query) => query.isActive())
      const isAtRest = used.every(
        ({ state }) => state.fetchStatus === 'idle' && state.data !== undefined && !state.isInvalidated,
      )
      const { name, lastGap, tabs, since, pending } = line.status
      // The first tab hears a moment after it is connected whether it has missed anything: half a second later at most.
      const isDecided = lastGap !== undefined || tabs > 1 || Date.now() - since > 1_000
      return name === 'connected' && isDecided && pending.count === 0 && used.length > 1 && isAtRest
    },
    undefined,
    { timeout: 90_000 },
  )
}

export const status = (page: Page): Promise<Status> => page.evaluate(() => window.bank.line.status)
export const errorCodes = (page: Page): Promise<string[]> =>
  page.evaluate(() => window.bank.errors.map(({ code }) => code))
/** From here on `window.receipts` holds what each flush did. */
export const watchReceipts = (page: Page): Promise<void> =>
  page.evaluate(() => {
    window.receipts = []
    window.bank.line.onReceipt((receipt) => window.receipts.push(receipt))
  })
/** The events that came since, without their metadata. */
export const eventsOf = (page: Page): Promise<string[]> =>
  page.evaluate(() => window.receipts.flatMap(({ events }) => events.map(({ name }) => name)))
/** From here on every GET of the page's is in the list that this gives. */
export function watchFetches(page: Page): string[] {
  const paths: string[] = []
  page.on('request', (request) => {
    const { pathname, search } = new URL(request.url())
    if (request.method() === 'GET' && pathname.startsWith('/api/')) paths.push(pathname + search)
  })
  return paths
}

/** A tab has to show what Django answers. */
export async function shows(pages: readonly Page[], visitor: Visitor, accountId = '1'): Promise<void> {
  const amount = formatCents(await visitor.balance(accountId))
  for (const page of pages) await expect(page.getByTestId(`balance-${accountId}`)).toHaveText(amount)
}

/** How many gaps there were since `watchGaps`. */
export const gapsOf = (page: Page) => page.evaluate(() => (window as unknown as { gaps: string[] }).gaps)
/** From here on `gapsOf` counts. */
export const watchGaps = (page: Page) =>
  page.evaluate(() => {
    const { line } = window.bank
    const gaps: (string | undefined)[] = []
    Object.assign(window, { gaps })
    let last = line.status.lastGap
    line.subscribe(() => {
      if (line.status.lastGap !== last) gaps.push(line.status.lastGap?.reason)
      last = line.status.lastGap
    })
  })
export const become = async (pages: readonly Page[], name: string) => {
  for (const page of pages) await expect.poll(async () => (await status(page)).name).toBe(name)
}

interface TestFixtures {
  /** Opens a process of the example; it ends with the test. */
  open(settings?: Settings, port?: number): Promise<Daphne>
  /** A browser of its own on a process; it is closed with the test. */
  visit(daphne: Daphne, name?: string): Promise<Visitor>
}

export const test = base.extend<TestFixtures, { django: Django | Missing }>({
  django: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures that are needed off this pattern.
    async ({}, use) => {
      const django = await orMissing((async () => prepareDjango())())
      await use(django)
      if (!(django instanceof Missing)) await django.stop()
    },
    { scope: 'worker', timeout: 300_000 },
  ],
  open: async ({ django }, use) => {
    if (django instanceof Missing) return test.skip(true, django.message)
    const opened: Daphne[] = []
    await use(async (settings, port) => {
      const daphne = await django.open(settings, port)
      opened.push(daphne)
      return daphne
    })
    for (const { kill } of opened) await kill()
  },
  visit: async ({ browser }, use) => {
    const contexts: BrowserContext[] = []
    await use(async ({ url }, name) => {
      const context = await browser.newContext({ reducedMotion: 'reduce' })
      contexts.push(context)
      const visitor = new Visitor(url, context)
      if (name !== undefined) await visitor.signIn(name)
      return visitor
    })
    for (const context of contexts) await context.close()
  },
})
