import { expect, openConnected, type Page, status, test } from './app-fixtures.js'

// A handler in one tab of the browser, in three real tabs. Under Playwright every page is visible: visibility is acted.

declare global {
  interface Window {
    /** What ran in this tab alone, and what ran in each visible tab. */
    alone: string[]
    seenHere: string[]
  }
}

const listen = (page: Page) =>
  page.evaluate(() => {
    const { line } = window.app
    window.alone = []
    window.seenHere = []
    line.on('told', ({ to }) => window.alone.push(to), { in: 'one-tab' })
    line.on('told', ({ to }) => window.seenHere.push(to), { in: 'visible' })
  })

const look = (page: Page, state: 'visible' | 'hidden') =>
  page.evaluate((visibilityState) => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => visibilityState })
    document.dispatchEvent(new Event('visibilitychange'))
  }, state)

const alone = (page: Page) => page.evaluate(() => window.alone)
/** The hub has handled everything that a tab has said so far. */
const said = (page: Page) => page.evaluate(() => window.app.line.inspect())

for (const host of ['shared-worker', 'leader-tab'] as const) {
  test(`ten events run in exactly one of three tabs each, while tabs are hidden and closed: ${host}`, async ({
    context,
    server,
  }) => {
    const parameters = { user: 'ann', token: 'ann', host }
    const pages: Page[] = []
    for (let tab = 0; tab < 3; tab++) pages.push(await openConnected(context, server, parameters))
    for (const page of pages) await listen(page)
    for (const page of pages) await said(page)
    // In the leader tab's host, the leader stays: its end is a gap.
    const [first, second, third] = pages as [Page, Page, Page]
    const tell = (to: string) => server.notify.user('ann', 'told', { to })
    const ran: string[] = []

    await look(first, 'hidden')
    await look(second, 'hidden')
    for (const page of pages) await said(page)
    for (const event of ['1', '2', '3']) tell(event)
    await expect.poll(() => alone(third)).toEqual(['1', '2', '3'])
    ran.push(...(await alone(third)))

    await look(second, 'visible')
    await look(third, 'hidden')
    for (const page of pages) await said(page)
    for (const event of ['4', '5', '6']) tell(event)
    await expect.poll(() => alone(second)).toEqual(['4', '5', '6'])
    ran.push(...(await alone(second)))

    // The chosen one is closed. The others are hidden: the one that was visible last takes over.
    await second.close()
    await expect.poll(async () => (await status(first)).tabs).toBe(2)
    for (const event of ['7', '8', '9', '10']) tell(event)
    await expect.poll(async () => (await alone(third)).length).toBe(7)
    ran.push(...(await alone(third)).slice(3))

    expect(ran).toEqual(['1', '2', '3', '4', '5', '6', '7', '8', '9', '10'])
    expect(await alone(first)).toEqual([])
    expect(await first.evaluate(() => window.seenHere)).toEqual([])
    expect(await third.evaluate(() => window.seenHere)).toEqual(['1', '2', '3'])
  })
}
