import { expect } from 'vitest'
import { type Demo, startDemo } from '../../demo/server/server.js'
// What the page offers to tests: `window.ledger`.
import type {} from '../../demo/src/main.js'
import type { Status } from '../../src/index.js'
import type { Driver, Tab } from './driver.js'
import { BANK, buildSite, EMPTY } from './site.js'

/** The account that pays, and what it is called in the app's cache and in its API. */
const ACCOUNT = '11'
const BALANCE_PATH = `/api/accounts/${ACCOUNT}/balance`

/** The bank, a real server with a real database, and one browser in which somebody has signed in. */
export interface Bank {
  readonly demo: Demo
  readonly driver: Driver
  /** Opens tabs and waits until each is connected and at rest. */
  openTabs(count: number, page?: string): Promise<Tab[]>
  /** Makes a payment over REST and waits until each tab has fetched the new balance by itself. */
  payAndSee(tabs: readonly Tab[]): Promise<void>
  /** Closes all tabs of the app and waits until the server has no socket left. */
  closeTabs(): Promise<void>
  close(): Promise<void>
}

export const status = (tab: Tab): Promise<Status> => tab.evaluate(() => window.ledger.line.status)
export const errorCodes = (tab: Tab): Promise<string[]> =>
  tab.evaluate(() => window.ledger.errors.map((error) => error.code))

export async function openBank(launch: () => Promise<Driver>): Promise<Bank> {
  const undo: (() => unknown)[] = []
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    const site = buildSite()
    undo.push(site.remove)
    const demo = await startDemo({ staticDir: site.folder })
    undo.push(demo.close)
    const driver = await launch()
    undo.push(driver.quit)
    return { ...(await enter(demo, driver)), close }
  } catch (error) {
    await close()
    throw error
  }
}

async function enter(demo: Demo, driver: Driver): Promise<Omit<Bank, 'close'>> {
  const { stats } = demo
  /** A tab without the app, so it is not counted. */
  const outside = await driver.open(demo.url + EMPTY)
  const opened = new Set<Tab>()
  let cents = 100

  const request = (method: string, path: string, body?: object) =>
    outside.evaluate(
      async (method, path, body) => {
        const headers = { 'content-type': 'application/json' }
        const response = await fetch(path, { method, headers, body: body ? JSON.stringify(body) : null })
        if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
        return response.json() as Promise<unknown>
      },
      method,
      path,
      body ?? null,
    )
  await request('POST', '/api/session', { userId: '1' })

  return {
    demo,
    driver,
    async openTabs(count, page = BANK) {
      const tabs: Tab[] = []
      for (let left = count; left > 0; left--) {
        const opening = await driver.open(demo.url + page)
        const tab: Tab = {
          ...opening,
          async close() {
            opened.delete(tab)
            await opening.close()
          },
        }
        opened.add(tab)
        tabs.push(tab)
      }
      for (const tab of tabs) await atRest(tab)
      return tabs
    },
    async payAndSee(tabs) {
      const earlier = stats.requests.length
      // Never the same amount twice, so that every balance is a new one.
      cents += 1
      await request('POST', '/api/payments', { fromAccountId: ACCOUNT, amount: cents, counterparty: 'Corner Bakery' })
      const balance = await request('GET', BALANCE_PATH)
      for (const tab of tabs) {
        const origin = await tab.evaluate(() => window.ledger.line.origin)
        await expect.poll(() => balanceIn(tab), { message: 'the balance that a tab shows' }).toEqual(balance)
        const fetched = stats.requests.slice(earlier).filter(({ tab, path }) => tab === origin && path === BALANCE_PATH)
        expect(fetched.length, 'fetches of the balance by a tab').toBeGreaterThanOrEqual(1)
      }
    },
    async closeTabs() {
      for (const tab of [...opened]) await tab.close()
      // A hub may keep its socket for a while after the last tab; the next test counts from none.
      await expect.poll(() => stats.openSockets, { message: 'sockets without a tab' }).toBe(0)
    },
  }
}

const balanceIn = (tab: Tab) =>
  tab.evaluate((account) => window.ledger.queryClient.getQueryData(['balance', account]) ?? null, ACCOUNT)

/** Visible, connected, and nothing left to fetch: the resync of a first connection is over. */
async function atRest(tab: Tab): Promise<void> {
  const look = () =>
    tab.evaluate(() => {
      const { line, queryClient } = window.ledger
      const used = queryClient
        .getQueryCache()
        .getAll()
        .filter((query) => query.isActive())
      const { name, lastGap, since, pending } = line.status
      return {
        visibility: document.visibilityState,
        line: name,
        // The first tab hears a moment after it is connected whether it has missed anything: half a second later at most.
        decided: lastGap !== undefined || Date.now() - since > 1_000,
        pending: pending.count,
        fetching: queryClient.isFetching(),
        fresh: used.length > 0 && used.every(({ state }) => state.data !== undefined && !state.isInvalidated),
      }
    })
  await expect
    .poll(look, { message: 'a tab at rest' })
    .toEqual({ visibility: 'visible', line: 'connected', decided: true, pending: 0, fetching: 0, fresh: true })
}
