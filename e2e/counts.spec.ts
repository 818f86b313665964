/** The numbers of the bench that do not depend on the machine's speed: with twenty tabs, one of which is visible. */
import {
  atRest,
  type Bank,
  eventsHeard,
  expect,
  origin,
  type Page,
  paymentFlushes,
  recordReceipts,
  setVisibility,
  test,
} from './fixtures.js'

const BALANCE = '/api/accounts/11/balance'
const TRANSACTIONS = /^\/api\/transactions/
const TABS = 20
/** The longest that an event waits for its fetch (ms): the default of `debounce.maxWaitMs`. */
const MAX_WAIT = 1_000

async function openOneVisible(bank: Bank, search: string): Promise<Page> {
  await bank.signIn()
  const [shown, ...others] = await bank.openTabs(TABS, search)
  if (!shown) throw new Error('no tab')
  for (const page of others) await setVisibility(page, 'hidden')
  expect(bank.demo.stats).toMatchObject({ openSockets: 1, connections: 1 })
  bank.demo.stats.reset()
  return shown
}

for (const host of ['shared-worker', 'leader-tab']) {
  test.describe(`${TABS} tabs, one visible, ${host}`, () => {
    test('one event: one request per affected active query', async ({ bank }) => {
      const shown = await openOneVisible(bank, `?host=${host}`)
      await recordReceipts(shown)
      const payee = await bank.pay(2_345)
      await expect(shown.getByTestId('tx-row').first()).toContainText(payee)
      await atRest(shown)
      // Something else, so that "no more requests" is not just "not yet".
      bank.demo.emit('1', 'profile_updated', {})
      await expect.poll(() => bank.fetches({ path: '/api/profile' })).toHaveLength(1)
      await atRest(shown)
      const payments = await paymentFlushes(shown)
      expect(payments).toBeLessThanOrEqual(2)
      const counts = [BALANCE, TRANSACTIONS].map((path) => bank.fetches({ path }).length)
      expect(Math.min(...counts)).toBeGreaterThanOrEqual(1)
      expect(Math.max(...counts)).toBeLessThanOrEqual(payments)
      const all = counts.reduce((sum, count) => sum + count, 1)
      expect(bank.fetches()).toHaveLength(all)
      expect(bank.fetches({ tab: await origin(shown) })).toHaveLength(all)
      expect(bank.demo.stats).toMatchObject({ openSockets: 1, connections: 0 })
    })

    test('a burst of 5,000: two requests per affected query and window at most', async ({ bank }) => {
      test.setTimeout(300_000)
      const shown = await openOneVisible(bank, `?host=${host}`)
      await recordReceipts(shown)
      const start = Date.now()
      for (let event = 0; event < 5_000; event++) {
        bank.demo.emit('1', 'transaction_happened', { accountId: '11', txType: 'card', number: event })
        if (event % 50 === 0) await new Promise((resolve) => setImmediate(resolve))
      }
      // A bound, not a measure: on one core beside a busy loop this took 78 s.
      await expect.poll(() => eventsHeard(shown), { timeout: 200_000 }).toBe(5_000)
      await atRest(shown)
      const windows = Math.ceil((Date.now() - start) / MAX_WAIT)
      // However busy a leader's thread is, it does not give up its own hub: nothing is fetched for a gap.
      expect(await shown.evaluate(() => window.receipts.filter(({ cause }) => cause === 'gap'))).toEqual([])
      for (const path of [BALANCE, TRANSACTIONS]) {
        const { length } = bank.fetches({ path })
        expect(length).toBeGreaterThanOrEqual(1)
        expect(length).toBeLessThanOrEqual(2 * windows)
      }
      expect(bank.fetches()).toHaveLength(bank.fetches({ tab: await origin(shown) }).length)
      expect(bank.demo.stats).toMatchObject({ openSockets: 1, connections: 0 })
    })
  })
}

for (const host of ['shared-worker', 'leader-tab']) {
  test(`five visible windows share a fetch, ${host}`, async ({ bank }) => {
    await bank.signIn()
    const pages = await bank.openTabs(5, `?host=${host}&share`)
    for (const page of pages) {
      await atRest(page)
      await recordReceipts(page)
    }
    // The code that shares is a chunk of its own. Until a tab has loaded it, it fetches for itself.
    for (const page of pages)
      await expect
        .poll(() => {
          bank.demo.emit('1', 'loan_status_changed', { loanId: '101' })
          return page.evaluate(() => window.receipts.some(({ shared }) => shared.length > 0))
        })
        .toBe(true)
    for (const page of pages) await atRest(page)
    bank.demo.stats.reset()
    // One event each time, so one flush in each window.
    for (const [event, metadata] of [
      ['transaction_happened', { accountId: '11' }],
      ['profile_updated', {}],
    ] as const) {
      bank.demo.emit('1', event, metadata)
      for (const page of pages) {
        await page.waitForFunction(
          (name) => window.receipts.some(({ events }) => events.some((one) => one.name === name)),
          event,
        )
        await atRest(page)
      }
    }
    for (const path of [BALANCE, TRANSACTIONS, '/api/profile']) expect(bank.fetches({ path })).toHaveLength(1)
  })
}
