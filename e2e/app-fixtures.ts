import {
  type Browser,
  type BrowserContext,
  test as base,
  type CDPSession,
  expect,
  type Frame,
  type Page,
} from '@playwright/test'
// What the page offers to tests: `window.app`.
import type {} from './app/main.js'
import { type AppServer, buildApp, startAppServer } from './app-server.js'

export type { Page }
export { expect }

type Parameters = Readonly<Record<string, string | number>>

export const address = (server: AppServer, parameters: Parameters): string =>
  `${server.url}/?${new URLSearchParams(Object.entries(parameters).map(([name, value]) => [name, String(value)]))}`

export async function open(context: BrowserContext, server: AppServer, parameters: Parameters): Promise<Page> {
  const page = await context.newPage()
  await page.goto(address(server, parameters))
  return page
}

/** Opens a tab, and waits until events flow and its data is there. */
export async function openConnected(context: BrowserContext, server: AppServer, parameters: Parameters) {
  const page = await open(context, server, parameters)
  await connected(page)
  await expect.poll(() => data(page)).toBe(server.value)
  return page
}

export const status = (page: Page | Frame) => page.evaluate(() => window.app.line.status)
export const statusName = async (page: Page | Frame): Promise<string> => (await status(page)).name
export const data = (page: Page | Frame) => page.evaluate(() => window.app.data())
export const asked = (page: Page | Frame) => page.evaluate(() => window.app.asked)
export const errorCodes = (page: Page | Frame): Promise<string[]> =>
  page.evaluate(() => window.app.errors.map(({ code }) => code))
/** How often the line has reported this. */
export const reported = async (page: Page | Frame, code: string): Promise<number> =>
  (await errorCodes(page)).filter((one) => one === code).length

/** For a message: how the line stands, unless it is connected. */
const standing = (page: Page | Frame): Promise<string> =>
  page.evaluate(() => {
    const { errors, line } = window.app
    const { name, reason, steps } = line.status
    return name === 'connected' ? name : JSON.stringify({ name, reason, steps, errors })
  })

export const connected = (page: Page | Frame) => expect.poll(() => standing(page)).toBe('connected')

/** The tabs of a leader-tab host, by their role. */
export async function byRole(pages: readonly Page[]): Promise<{ leader: Page; followers: Page[] }> {
  const roles = await Promise.all(pages.map(async (page) => (await status(page)).role))
  const leader = pages[roles.indexOf('leader')]
  if (!leader) throw new Error(`no leader among ${roles.join(', ')}`)
  return { leader, followers: pages.filter((page) => page !== leader) }
}

/** The SharedWorker of this server's pages, as a target of the browser's protocol. */
export async function findWorker(session: CDPSession, server: AppServer): Promise<string> {
  const { targetInfos } = await session.send('Target.getTargets')
  const worker = targetInfos.find(({ type, url }) => type === 'shared_worker' && url.startsWith(server.url))
  if (!worker) throw new Error('no shared worker')
  return worker.targetId
}

interface Fixtures {
  /** Fresh for every test. */
  server: AppServer
  /** For the whole browser, which alone knows of workers. */
  browserSession: CDPSession
}

export const test = base.extend<Fixtures, { folder: string }>({
  folder: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures that are needed off this pattern.
    async ({}, use) => {
      const { folder, remove } = await buildApp()
      await use(folder)
      remove()
    },
    { scope: 'worker' },
  ],
  server: async ({ folder, context }, use) => {
    const server = await startAppServer({ folder })
    await use(server)
    await context.close()
    await server.close()
  },
  browserSession: async ({ browser }: { browser: Browser }, use) => {
    const session = await browser.newBrowserCDPSession()
    await use(session)
    await session.detach()
  },
})
