import { setTimeout as delay } from 'node:timers/promises'
import { startDemo } from '../demo/server/server.js'
import { atRest, Bank, expect, status, test } from './fixtures.js'

/** How long the server has to have sent nothing: longer than a page takes to connect, on a loaded machine too. */
const QUIET_MS = 20_000

for (const host of ['shared-worker', 'leader-tab']) {
  test(`seven queries, seven requests: nothing was sent since the page began, ${host}`, async ({ context }) => {
    test.setTimeout(300_000)
    const demo = await startDemo({ quietAfterMs: 0 })
    const bank = new Bank(demo, context)
    await bank.signIn()
    await delay(QUIET_MS)
    const page = await bank.open(`?host=${host}`)
    await atRest(page)
    // Longer than a resync is spread over.
    await delay(5_000)
    await atRest(page)
    // No event is mapped to these two, so they are never fetched again.
    const mapped = bank.fetches().filter((path) => path !== '/api/me' && path !== '/api/accounts')
    expect(mapped).toHaveLength(7)
    expect(new Set(mapped).size).toBe(7)
    expect((await status(page)).lastGap).toBeUndefined()

    // A short break, in which nothing is sent either.
    demo.stats.reset()
    await bank.context.request.post(`${demo.url}/api/demo/cut`)
    await expect.poll(() => demo.stats.connections).toBe(1)
    await delay(5_000)
    await atRest(page)
    expect(bank.fetches()).toEqual([])

    // And one in which something is.
    await bank.context.request.post(`${demo.url}/api/demo/cut`)
    await bank.pay(1_234)
    await expect(page.getByTestId('tx-row').first()).toContainText('Corner Bakery')
    await page.close()
    await demo.close()
  })
}

test('a server that has just started does not know, and what has a rule is fetched once more', async ({ context }) => {
  const demo = await startDemo()
  const bank = new Bank(demo, context)
  await bank.signIn()
  const page = await bank.open()
  await expect
    .poll(async () => (await status(page)).lastGap?.reason)
    .toBe('events before the first connection are not known')
  await expect.poll(() => bank.fetches().length).toBeGreaterThan(9)
  await page.close()
  await demo.close()
})
