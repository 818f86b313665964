import { expect, status, test } from './fixtures.js'

for (const count of [1, 5, 20]) {
  test(`${count} tabs, one socket`, async ({ bank }) => {
    await bank.signIn()
    const pages = await bank.openTabs(count)
    expect(bank.demo.stats).toMatchObject({ openSockets: 1, connections: 1 })
    for (const page of pages) {
      await expect.poll(async () => (await status(page)).tabs).toBe(count)
      expect(await status(page)).toMatchObject({ name: 'connected', host: 'shared-worker', steps: [] })
    }
  })
}

test('nobody signed in, no socket', async ({ bank }) => {
  const page = await bank.open()
  await expect(page.getByTestId('sign-in-1')).toBeVisible()
  expect(bank.demo.stats.connections).toBe(0)
  expect((await status(page)).name).toBe('idle')
})

test('reloading the only tab three times makes one connection in all', async ({ bank }) => {
  await bank.signIn()
  const [page] = await bank.openTabs(1)
  for (let reload = 0; reload < 3; reload++) {
    await page?.reload()
    await expect.poll(() => page && status(page)).toMatchObject({ name: 'connected' })
  }
  expect(bank.demo.stats).toMatchObject({ openSockets: 1, connections: 1 })
})

test('a crashed tab is removed, and the others go on', async ({ bank }) => {
  await bank.signIn()
  const [first, second] = await bank.openTabs(2)
  if (!first || !second) throw new Error('two tabs')
  const session = await bank.context.newCDPSession(second)
  // The answer never comes: its page has crashed.
  void session.send('Page.crash').catch(() => undefined)
  await expect.poll(async () => (await status(first)).tabs).toBe(1)
  const payee = await bank.pay(150)
  await expect(first.getByTestId('tx-row').first()).toContainText(payee)
  expect(bank.demo.stats.openSockets).toBe(1)
})

test('the worker file holds socket.io-client, the page does not', async ({ bank }) => {
  const scripts: string[] = []
  bank.context.on('response', (response) => {
    if (response.request().resourceType() === 'script') scripts.push(response.url())
  })
  await bank.signIn()
  const [page] = await bank.openTabs(1)
  const pageScripts = await page?.evaluate(() =>
    performance
      .getEntriesByType('resource')
      .map((entry) => entry.name)
      .filter((name) => name.endsWith('.js')),
  )
  for (const url of new Set([...scripts, ...(pageScripts ?? [])])) {
    const code = await (await bank.context.request.get(url)).text()
    if (url.includes('worker')) expect(code).toContain('pingInterval')
    else expect(code).not.toContain('pingInterval')
  }
})
