import { setTimeout as sleep } from 'node:timers/promises'
import { startDemo } from '../demo/server/server.js'
import { freePort } from '../scripts/service.js'
import { atRest, Bank, expect, origin, status, test } from './fixtures.js'
import { startProxy } from './proxy.js'

/** A probe that has no answer after 2.5 s replaces the socket. */
const PROBE_ENDED_MS = 4_000

test('a cut connection reconnects by itself, and only mapped queries are resynced', async ({ bank }) => {
  await bank.signIn()
  const pages = await bank.openTabs(3)
  bank.demo.stats.reset()
  await bank.context.request.post(`${bank.demo.url}/api/demo/cut`)
  await expect.poll(() => bank.demo.stats.connections).toBe(1)
  for (const page of pages) {
    await expect.poll(async () => (await status(page)).lastGap?.reason).toBe('the connection was lost and made again')
    const tab = await origin(page)
    // Every active mapped query, once; no event is mapped to the accounts' names.
    await expect.poll(() => bank.fetches({ tab, path: '/api/loans' })).toHaveLength(1)
    await atRest(page)
    expect(bank.fetches({ tab, path: '/api/profile' })).toHaveLength(1)
    expect(bank.fetches({ tab, path: '/api/accounts' })).toEqual([])
  }
})

test('restart the server: every tab shows what happened meanwhile, over one new socket', async ({ bank, context }) => {
  const { database, sessions } = bank.demo
  const first = await startDemo({ port: await freePort(), database, sessions })
  const own = new Bank(first, context)
  await own.signIn()
  const pages = await own.openTabs(4)
  const before = await pages[0]?.getByTestId('balance-11').textContent()
  await first.close()
  for (const page of pages) await expect.poll(async () => (await status(page)).name).toBe('disconnected')

  // While the browser is cut off, money moves: through another process on the same database.
  await bank.signIn()
  const payee = await bank.pay(777)

  const second = await startDemo({ port: first.port, database, sessions })
  try {
    for (const page of pages) {
      await expect.poll(async () => (await status(page)).name).toBe('connected')
      await expect(page.getByTestId('balance-11')).not.toHaveText(before ?? '')
      await expect(page.getByTestId('tx-row').first()).toContainText(payee)
    }
    const [shown] = await Promise.all(pages.map((page) => page.getByTestId('balance-11').textContent()))
    for (const page of pages) await expect(page.getByTestId('balance-11')).toHaveText(shown ?? '')
    expect(second.stats).toMatchObject({ openSockets: 1, connections: 1 })
  } finally {
    await context.close()
    await second.close()
  }
})

test('a half-open socket is found when the network changes, not by a heartbeat 45 s later', async ({ context }) => {
  const demo = await startDemo()
  const proxy = await startProxy(demo)
  try {
    const bank = new Bank({ ...demo, url: proxy.url }, context)
    await bank.signIn()
    const [page] = await bank.openTabs(1)
    if (!page) throw new Error('one tab')
    // The demo's panel asks the hub twice in four seconds how it is, and so makes it look after its socket.
    await page.evaluate(() => void Object.assign(window.ledger.line, { inspect: () => new Promise(() => undefined) }))
    await page.evaluate(() => window.dispatchEvent(new Event('online')))
    await atRest(page)
    // The server answers: nothing is replaced.
    await sleep(PROBE_ENDED_MS)
    expect(demo.stats.connections).toBe(1)
    proxy.strand()
    const payee = await bank.pay(313)
    await page.evaluate(() => window.dispatchEvent(new Event('online')))
    await expect.poll(() => demo.stats.connections, { timeout: 20_000 }).toBe(2)
    await expect(page.getByTestId('tx-row').first()).toContainText(payee)
    expect((await status(page)).lastGap?.reason).toBe('the connection was lost and made again')
  } finally {
    await context.close()
    await proxy.close()
    await demo.close()
  }
})

test('a worker that is killed is replaced, and nothing is missed', async ({ bank, browser }) => {
  await bank.signIn()
  const pages = await bank.openTabs(3)
  const epoch = (await status(pages[0] as never)).epoch
  const session = await browser.newBrowserCDPSession()
  const { targetInfos } = await session.send('Target.getTargets')
  const worker = targetInfos.find((target) => target.type === 'shared_worker' && target.url.startsWith(bank.demo.url))
  expect(worker).toBeDefined()
  await session.send('Target.closeTarget', { targetId: worker?.targetId ?? '' })
  const payee = await bank.pay(909)
  for (const page of pages) {
    await expect.poll(async () => (await status(page)).epoch).not.toBe(epoch)
    await expect.poll(async () => (await status(page)).name).toBe('connected')
    await expect(page.getByTestId('tx-row').first()).toContainText(payee)
    await atRest(page)
  }
  await expect.poll(() => bank.demo.stats.openSockets).toBe(1)
})
