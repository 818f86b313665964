import { atRest, expect, origin, setVisibility, test } from './fixtures.js'

const BALANCE = '/api/accounts/11/balance'
const TRANSACTIONS = /^\/api\/transactions/

test('one payment: each affected active query is fetched exactly once, the others not at all', async ({ bank }) => {
  await bank.signIn()
  const [page] = await bank.openTabs(1)
  if (!page) throw new Error('one tab')
  bank.demo.stats.reset()
  await bank.pay(1_234)
  await expect(page.getByTestId('tx-row').first()).toContainText('Corner Bakery')
  await atRest(page)
  // A second event that touches something else, so that "no more fetches" is not just "not yet".
  await bank.demo.emit('1', 'profile_updated', {})
  await expect.poll(() => bank.fetches({ path: '/api/profile' })).toHaveLength(1)
  await atRest(page)
  const paths = bank.fetches()
  expect(paths.filter((path) => path === BALANCE)).toHaveLength(1)
  expect(paths.filter((path) => TRANSACTIONS.test(path))).toHaveLength(1)
  expect(paths.filter((path) => path !== BALANCE && !TRANSACTIONS.test(path))).toEqual(['/api/profile'])
})

test('own write: the tab that saved has its answer, the others fetch', async ({ bank }) => {
  await bank.signIn()
  const [saves, looks] = await bank.openTabs(2)
  if (!saves || !looks) throw new Error('two tabs')
  const tab = await origin(saves)
  await saves.evaluate(() => {
    window.receipts = []
    window.ledger.line.onReceipt((receipt) => window.receipts.push(receipt))
  })
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
  await salaries.evaluate(() => {
    window.receipts = []
    window.ledger.line.onReceipt((receipt) => window.receipts.push(receipt))
  })
  bank.demo.stats.reset()
  await bank.pay(500)
  await expect.poll(() => bank.fetches({ tab: tabAll, path: TRANSACTIONS })).toHaveLength(1)
  await expect.poll(() => bank.fetches({ tab: tabSalaries, path: BALANCE })).toHaveLength(1)
  await expect.poll(() => salaries.evaluate(() => window.receipts.length)).toBe(1)
  const [receipt] = await salaries.evaluate(() => window.receipts)
  expect(receipt?.events.map((event) => event.name).sort()).toEqual(['balance_updated', 'transaction_happened'])
  expect(receipt?.refetched).toEqual([['balance', '11']])
  expect(receipt?.skipped).toContainEqual(['transactions', { type: 'salary', page: 1 }])
  await atRest(salaries)
  expect(bank.fetches({ tab: tabSalaries, path: /type=salary/ })).toEqual([])
})

test('hidden tabs fetch nothing until they are shown, then the active queries', async ({ bank }) => {
  await bank.signIn()
  const [shown, hidden] = await bank.openTabs(2)
  if (!shown || !hidden) throw new Error('two tabs')
  await setVisibility(hidden, 'hidden')
  const [tabShown, tabHidden] = [await origin(shown), await origin(hidden)]
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
  await expect.poll(() => bank.fetches({ tab: tabShown, path: BALANCE }).length).toBeGreaterThan(0)
  expect(bank.fetches({ tab: tabHidden })).toEqual([])

  await setVisibility(hidden, 'visible')
  await atRest(hidden)
  expect(bank.fetches({ tab: tabHidden, path: BALANCE })).toHaveLength(1)
  expect(bank.fetches({ tab: tabHidden, path: TRANSACTIONS })).toHaveLength(1)
  await expect(hidden.getByTestId('balance-11')).toHaveText((await shown.getByTestId('balance-11').textContent()) ?? '')
})

test('a burst of 500 costs each affected query at most three fetches a tab', async ({ bank }) => {
  await bank.signIn()
  const pages = await bank.openTabs(3)
  bank.demo.stats.reset()
  const answer = await bank.context.request.post(`${bank.demo.url}/api/demo/burst`, { data: { count: 500 } })
  expect(answer.ok()).toBe(true)
  await expect.poll(() => bank.demo.stats.emitted['transaction_happened']).toBe(500)
  for (const page of pages) {
    await expect(page.getByTestId('latest')).toContainText('transaction_happened')
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
  bank.demo.stats.reset()
  await bank.pay(4_242)
  const [first] = pages
  await expect.poll(() => bank.fetches({ path: BALANCE }).length).toBe(20)
  const text = await first?.getByTestId('balance-11').textContent()
  for (const page of pages) {
    await atRest(page)
    await expect(page.getByTestId('balance-11')).toHaveText(text ?? '')
  }
  expect(bank.fetches({ path: BALANCE })).toHaveLength(20)
  expect(bank.demo.stats).toMatchObject({ openSockets: 1, connections: 0 })
})
