import { balanceOf } from '../demo/server/bank.js'
import { formatCents } from '../demo/src/money.js'
import { atRest, eventsHeard, expect, origin, paymentFlushes, recordReceipts, setVisibility, test } from './fixtures.js'

const BALANCE = '/api/accounts/11/balance'
const TRANSACTIONS = /^\/api\/transactions/

/** Each of a payment's two events touches the query. A fetch that began after the second event had come covers that one, too. */
function expectOncePerFlush(fetches: number, flushes: number): void {
  expect(flushes).toBeLessThanOrEqual(2)
  expect(fetches).toBeGreaterThanOrEqual(1)
  expect(fetches).toBeLessThanOrEqual(flushes)
}

test('one payment: each affected active query is fetched once a flush, the others not at all', async ({ bank }) => {
  await bank.signIn()
  const [page] = await bank.openTabs(1)
  if (!page) throw new Error('one tab')
  await recordReceipts(page)
  bank.demo.stats.reset()
  const payee = await bank.pay(1_234)
  await expect(page.getByTestId('tx-row').first()).toContainText(payee)
  await expect.poll(() => eventsHeard(page)).toBe(2)
  await atRest(page)
  // A second event that touches something else, so that "no more fetches" is not just "not yet".
  await bank.demo.emit('1', 'profile_updated', {})
  await expect.poll(() => bank.fetches({ path: '/api/profile' })).toHaveLength(1)
  await atRest(page)
  const paths = bank.fetches()
  expectOncePerFlush(paths.filter((path) => path === BALANCE).length, await paymentFlushes(page))
  expect(paths.filter((path) => TRANSACTIONS.test(path))).toHaveLength(1)
  expect(paths.filter((path) => path !== BALANCE && !TRANSACTIONS.test(path))).toEqual(['/api/profile'])
})

test('own write: the tab that saved has its answer, the others fetch', async ({ bank }) => {
  await bank.signIn()
  const [saves, looks] = await bank.openTabs(2)
  if (!saves || !looks) throw new Error('two tabs')
  const tab = await origin(saves)
  await recordReceipts(saves)
  bank.demo.stats.reset()
  await saves.getByTestId('profile-edit').click()
  await saves.getByTestId('profile-name-input').fill('Ann of Two Tabs')
  await saves.getByTestId('profile-save').click()
  await expect(looks.getByTestId('profile-name')).toHaveText('Ann of Two Tabs')
  await expect.poll(() => saves.evaluate(() => window.receipts.map(({ covered }) => covered))).toEqual([[['profile']]])
  await atRest(saves)
  expect(bank.fetches({ path: '/api/profile' }).length).toBe(1)
  expect(bank.fetches({ tab, path: '/api/profile' })).toEqual([])
  await expect(saves.getByTestId('profile-name')).toHaveText('Ann of Two Tabs')
  // A change by another tab is fetched as usual.
  bank.demo.emit('1', 'profile_updated', { _line: { origin: `${tab}.1000` } })
  await expect.poll(() => bank.fetches({ tab, path: '/api/profile' })).toHaveLength(1)
})

test('a query whose key contradicts the scope is left alone, in its own tab too', async ({ bank }) => {
  await bank.signIn()
  const [all, salaries] = await bank.openTabs(2)
  if (!all || !salaries) throw new Error('two tabs')
  await salaries.getByTestId('filter-type').selectOption('salary')
  await atRest(salaries)
  const [tabAll, tabSalaries] = [await origin(all), await origin(salaries)]
  await recordReceipts(salaries)
  bank.demo.stats.reset()
  await bank.pay(500)
  await expect.poll(() => bank.fetches({ tab: tabAll, path: TRANSACTIONS })).toHaveLength(1)
  await expect.poll(() => eventsHeard(salaries)).toBe(2)
  await atRest(salaries)
  const receipts = await salaries.evaluate(() => window.receipts.filter(({ cause }) => cause === 'events'))
  const names = receipts.flatMap(({ events }) => events.map((event) => event.name))
  expect(names.sort()).toEqual(['balance_updated', 'transaction_happened'])
  for (const { refetched, joined, covered } of receipts)
    expect([...refetched, ...joined, ...covered]).toEqual([['balance', '11']])
  expect(receipts.flatMap(({ skipped }) => skipped)).toContainEqual(['transactions', { type: 'salary', page: 1 }])
  expect(bank.fetches({ tab: tabSalaries, path: /type=salary/ })).toEqual([])
})

test('hidden tabs fetch nothing until they are shown, then the active queries', async ({ bank }) => {
  await bank.signIn()
  const [shown, hidden] = await bank.openTabs(2)
  if (!shown || !hidden) throw new Error('two tabs')
  await setVisibility(hidden, 'hidden')
  const [tabShown, tabHidden] = [await origin(shown), await origin(hidden)]
  for (const page of [shown, hidden]) await recordReceipts(page)
  bank.demo.stats.reset()
  for (let payment = 0; payment < 3; payment++) await bank.pay(100 + payment)
  const isMarked = () =>
    hidden.evaluate(() =>
      window.ledger.queryClient
        .getQueryCache()
        .getAll()
        .some((query) => query.queryKey[0] === 'transactions' && query.state.isInvalidated),
    )
  await expect.poll(isMarked).toBe(true)
  for (const page of [shown, hidden]) await expect.poll(() => eventsHeard(page)).toBe(6)
  await expect.poll(() => bank.fetches({ tab: tabShown, path: BALANCE }).length).toBeGreaterThan(0)
  expect(bank.fetches({ tab: tabHidden })).toEqual([])

  await setVisibility(hidden, 'visible')
  await atRest(hidden)
  expect(bank.fetches({ tab: tabHidden, path: BALANCE })).toHaveLength(1)
  expect(bank.fetches({ tab: tabHidden, path: TRANSACTIONS })).toHaveLength(1)
  await atRest(shown)
  const { amount } = await balanceOf(bank.demo.database.query, '1', '11')
  for (const page of [shown, hidden]) await expect(page.getByTestId('balance-11')).toHaveText(formatCents(amount))
})

test('a burst of 500 costs each affected query at most three fetches a tab', async ({ bank }) => {
  await bank.signIn()
  const pages = await bank.openTabs(3)
  for (const page of pages) await recordReceipts(page)
  bank.demo.stats.reset()
  const answer = await bank.context.request.post(`${bank.demo.url}/api/demo/burst`, { data: { count: 500 } })
  expect(answer.ok()).toBe(true)
  await expect.poll(() => bank.demo.stats.emitted['transaction_happened']).toBe(500)
  for (const page of pages) {
    await expect.poll(() => eventsHeard(page)).toBe(501)
    await atRest(page)
  }
  const balance = await (await bank.context.request.get(`${bank.demo.url}/api/accounts/11/balance`)).json()
  for (const page of pages) {
    const cached = () =>
      page.evaluate(
        () =>
          window.ledger.queryClient
            .getQueryCache()
            .getAll()
            .find((query) => query.queryKey[0] === 'balance' && query.queryKey[1] === '11')?.state.data,
      )
    await expect.poll(cached).toEqual(balance)
    const tab = await origin(page)
    for (const path of [BALANCE, TRANSACTIONS]) {
      const count = bank.fetches({ tab, path }).length
      expect(count).toBeGreaterThanOrEqual(1)
      expect(count).toBeLessThanOrEqual(3)
    }
  }
  expect(bank.demo.stats.openSockets).toBe(1)
})

test('a change in one tab is live in twenty', async ({ bank }) => {
  await bank.signIn()
  const pages = await bank.openTabs(20)
  for (const page of pages) await recordReceipts(page)
  bank.demo.stats.reset()
  await bank.pay(4_242)
  for (const page of pages) {
    await expect.poll(() => eventsHeard(page)).toBe(2)
    await atRest(page)
  }
  const { amount } = await balanceOf(bank.demo.database.query, '1', '11')
  for (const page of pages) {
    await expect(page.getByTestId('balance-11')).toHaveText(formatCents(amount))
    expectOncePerFlush(bank.fetches({ tab: await origin(page), path: BALANCE }).length, await paymentFlushes(page))
  }
  expect(bank.demo.stats).toMatchObject({ openSockets: 1, connections: 0 })
})
