import { asked, byRole, connected, data, expect, open, openConnected, type Page, status, test } from './app-fixtures.js'
import type { AppServer } from './app-server.js'

/** The panel over a real line, in one of five tabs. */

const OTHERS = 4

async function openFive(page: Page, server: AppServer, host: 'shared-worker' | 'leader-tab') {
  const others: Page[] = []
  for (let tab = 0; tab < OTHERS; tab++) others.push(await openConnected(page.context(), server, { user: 'ann', host }))
  const inspected = await openConnected(page.context(), server, { user: 'ann', host, devtools: '' })
  return { inspected, others, all: [...others, inspected] }
}

const show = (page: Page, title: string) => page.getByRole('tab', { name: title }).click()
const cards = (page: Page) => page.getByRole('list', { name: 'Tabs' }).getByRole('listitem')
const simulate = async (page: Page, title: string) => {
  await show(page, 'Simulate')
  await page.getByRole('button', { name: title, exact: true }).click()
}
const fetches = (page: Page) => page.evaluate(() => window.app.fetches)

test('it shows the five tabs of a worker, and a closed one leaves', async ({ page, server }) => {
  const { inspected, others } = await openFive(page, server, 'shared-worker')
  await show(inspected, 'Tabs')
  await expect(cards(inspected)).toHaveCount(5)
  await expect(cards(inspected).getByText('this tab')).toHaveCount(1)
  await expect(cards(inspected).filter({ hasText: 'A small app' })).toHaveCount(5)
  await expect(inspected.getByRole('tabpanel')).toContainText('SharedWorker')
  await others[0]?.close()
  await expect(cards(inspected)).toHaveCount(4)
})

test('it shows who leads, and moves the leader', async ({ page, server }) => {
  const { inspected, all } = await openFive(page, server, 'leader-tab')
  await show(inspected, 'Tabs')
  await expect(cards(inspected)).toHaveCount(5)
  await expect(cards(inspected).getByText('leader', { exact: true })).toHaveCount(1)
  await expect(cards(inspected).getByText('follower', { exact: true })).toHaveCount(4)
  const { leader } = await byRole(all)
  await simulate(inspected, 'Move the leader')
  await expect.poll(async () => (await status(leader)).role).toBe('follower')
  for (const tab of all) await connected(tab)
  await show(inspected, 'Tabs')
  await expect(cards(inspected).getByText('leader', { exact: true })).toHaveCount(1)
})

test('an event of the server stands there with what it did', async ({ page, server }) => {
  const inspected = await openConnected(page.context(), server, { user: 'ann', devtools: '' })
  await show(inspected, 'Events')
  await expect(inspected.getByRole('listbox')).toBeVisible()
  // The resync of the first connection is over: a fetch that still ran would be joined.
  const owed = () => inspected.evaluate(() => window.app.line.status.pending.count + window.app.client.isFetching())
  await expect.poll(async () => (await status(inspected)).lastGap).toBeDefined()
  await expect.poll(owed).toBe(0)
  server.value = 'second'
  server.notify.user('ann', 'changed', {})
  await expect.poll(() => data(inspected)).toBe('second')
  const row = inspected.getByRole('option', { name: /changed/ })
  await expect(row).toContainText('1 refetched')
  await row.click()
  const details = inspected.getByRole('complementary', { name: 'Details' })
  await expect(details.getByRole('listitem')).toContainText("['data']")
  await expect(details).toContainText('Fetch succeeded')
  await show(inspected, 'Rules')
  await expect(inspected.getByRole('row', { name: /^changed/ })).toContainText("['data']")
  await show(inspected, 'Queries')
  await expect(inspected.getByRole('row', { name: /\['data'\]/ })).toContainText('changed')
})

test('a simulated event reaches every tab, and a gap makes every tab fetch', async ({ page, server }) => {
  const { inspected, all } = await openFive(page, server, 'shared-worker')
  const before = await Promise.all(all.map(fetches))
  await show(inspected, 'Simulate')
  await inspected.getByLabel('Event').fill('told')
  await inspected.getByLabel('Metadata').fill('{"to": "everybody"}')
  await inspected.getByRole('button', { name: 'Send', exact: true }).click()
  for (const tab of all) await expect.poll(() => tab.evaluate(() => window.app.heard)).toEqual([{ to: 'everybody' }])
  const untilOf = async (tab: Page) => (await status(tab)).lastGap?.until
  const gaps = await Promise.all(all.map(untilOf))
  await simulate(inspected, 'Gap')
  for (const [at, tab] of all.entries()) {
    await expect.poll(() => untilOf(tab)).not.toBe(gaps[at])
    await expect.poll(() => fetches(tab)).toBeGreaterThan(before[at] ?? 0)
  }
})

test('drop, reconnect and refusal do to the connection what they say', async ({ page, server }) => {
  const inspected = await openConnected(page.context(), server, { user: 'ann', devtools: '', reconnectionDelay: 50 })
  const handshakes = () => server.handshakes.length
  for (const title of ['Drop', 'Reconnect', 'Refusal']) {
    const [before, askedBefore] = [handshakes(), await asked(inspected)]
    await simulate(inspected, title)
    await expect.poll(handshakes, { message: title }).toBeGreaterThan(before)
    expect(await asked(inspected), title).toBeGreaterThan(askedBefore)
    await connected(inspected)
  }
  await show(inspected, 'Connection')
  await expect(inspected.getByRole('table')).toContainText('connected')
})

test('a report holds what is known, and no credentials', async ({ page, server }) => {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  const inspected = await openConnected(page.context(), server, { user: 'ann', token: 'ann.hunter2', devtools: '' })
  await inspected.getByRole('button', { name: 'Copy report' }).click()
  await expect(inspected.getByText('The report is in the clipboard')).toBeVisible()
  const report = await inspected.evaluate(() => navigator.clipboard.readText())
  expect(JSON.parse(report)).toMatchObject({
    identity: 'ann',
    status: { name: 'connected' },
    hub: { host: 'shared-worker' },
  })
  expect(report).not.toContain('hunter2')
})

test('it says why there is no connection, and what to do', async ({ page, server }) => {
  server.refuse = () => 'no such user'
  const inspected = await open(page.context(), server, { user: 'ann', devtools: '' })
  await expect(inspected.getByRole('status').first()).toHaveText('Unauthorized')
  await expect(inspected.getByRole('tabpanel')).toContainText('no such user')
  await show(inspected, 'Errors')
  await expect(inspected.getByRole('tabpanel')).toContainText('Check what auth gives')
})
