import type { Page } from '@playwright/test'
import { byRole, connected, expect, open, openConnected, reported, status, test } from './app-fixtures.js'

const HUB = /\/tab-hub[^/]*\.js$/
const parameters = { user: 'ann', host: 'leader-tab' }

/** The hub's code is in the page, by whatever address it was fetched from. */
const hasHub = (page: Page) =>
  page.evaluate(() =>
    performance
      .getEntriesByType('resource')
      .some((entry) => entry.name.includes('/tab-hub') && (entry as PerformanceResourceTiming).responseEnd > 0),
  )

const rolesOf = (pages: readonly Page[]) => Promise.all(pages.map(async (page) => (await status(page)).role))

async function leads(page: Page): Promise<void> {
  await connected(page)
  expect(await status(page)).toMatchObject({ host: 'leader-tab', role: 'leader' })
}

test('a follower leads by the code that it fetched before a deploy removed it', async ({ context, server }) => {
  const pages = [
    await openConnected(context, server, parameters),
    await openConnected(context, server, parameters),
    await openConnected(context, server, parameters),
  ]
  const { leader, followers } = await byRole(pages)
  for (const page of followers) await expect.poll(() => hasHub(page)).toBe(true)
  server.instead = (path) => (HUB.test(path) ? { status: 404 } : undefined)
  await leader.close()
  await expect.poll(async () => (await rolesOf(followers)).sort()).toEqual(['follower', 'leader'])
  for (const page of followers) {
    await connected(page)
    expect(await page.evaluate(() => window.app.errors)).toEqual([])
  }
  await expect.poll(() => server.users()).toEqual(['ann'])
})

for (const [what, answer] of [
  ['a 404', { status: 404, html: 'Not found' }],
  ['index.html', { status: 200, html: '<!doctype html><title>The new build</title>' }],
] as const)
  test(`code that is gone is reported once, and used when it is there again (${what})`, async ({ context, server }) => {
    const leader = await openConnected(context, server, parameters)
    server.instead = (path) => (HUB.test(path) ? answer : undefined)
    const follower = await openConnected(context, server, parameters)
    await leader.close()
    await expect.poll(() => reported(follower, 'stale-build')).toBe(1)
    server.instead = () => undefined
    await leads(follower)
    expect(await reported(follower, 'stale-build')).toBe(1)
    const next = await open(context, server, parameters)
    await connected(next)
    expect(await status(next)).toMatchObject({ role: 'follower', tabs: 2 })
  })
