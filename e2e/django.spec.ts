import {
  countsOf,
  errorCodes,
  eventsOf,
  expect,
  type Page,
  shows,
  status,
  test,
  watchFetches,
  watchReceipts,
} from './django.js'

// The plain WebSocket transport in real tabs, against Django Channels on daphne (examples/django).

const BALANCE = '/api/accounts/1/balance'
const TRANSACTIONS = '/api/transactions?accountId=1'

async function payIn(page: Page, amount: string, to: string): Promise<void> {
  await page.getByTestId('pay-to').fill(to)
  await page.getByTestId('pay-amount').fill(amount)
  await page.getByTestId('pay-submit').click()
}

for (const [host, path] of [
  ['shared-worker', '/'],
  ['leader-tab', '/?host=leader-tab'],
] as const) {
  test(`six tabs on a ${host}: one WebSocket, and a payment in one is in all`, async ({ open, visit }) => {
    const daphne = await open()
    const ann = await visit(daphne, 'ann')
    const pages = await ann.openTabs(6, path)
    expect(await countsOf(daphne)).toEqual({ open: 1, opened: 1, authenticated: 1 })
    for (const page of pages) await expect.poll(() => status(page)).toMatchObject({ host, tabs: 6 })

    await payIn(pages[2] as Page, '12.34', 'Corner Bakery')
    for (const page of pages) {
      await expect(page.getByTestId('transactions-1').getByRole('listitem').first()).toContainText('−€12.34')
    }
    await shows(pages, ann)
    expect(await countsOf(daphne)).toMatchObject({ open: 1, opened: 1 })
    for (const page of pages) expect(await errorCodes(page)).toEqual([])
  })
}

test('own write: the tab that pays fetches nothing, the other one does', async ({ open, visit }) => {
  const ann = await visit(await open(), 'ann')
  const [pays, looks] = (await ann.openTabs(2)) as [Page, Page]
  await watchReceipts(pays)
  const [itsFetches, others] = [watchFetches(pays), watchFetches(looks)]

  await payIn(pays, '1.50', 'City Transit')
  await expect.poll(() => eventsOf(pays)).toEqual(['balance_updated', 'transaction_happened'])
  await expect.poll(() => [...others].sort()).toEqual([BALANCE, TRANSACTIONS])
  const covered = await pays.evaluate(() => window.receipts.flatMap((receipt) => receipt.covered))
  expect(covered).toEqual([
    ['balance', '1'],
    ['transactions', { accountId: '1' }],
  ])
  await shows([pays, looks], ann)
  expect(itsFetches).toEqual([])
  // A change by another tab is fetched as usual.
  await ann.pay(100, 'Oakline Records')
  await shows([pays, looks], ann)
  await expect.poll(() => [...itsFetches].sort()).toEqual([BALANCE, TRANSACTIONS])
})

test('a sign-out anywhere ends the connection, and a token that is still about opens none', async ({ open, visit }) => {
  const daphne = await open()
  const ann = await visit(daphne, 'ann')
  const pages = await ann.openTabs(3)
  const token = await (await ann.request('POST', '/api/line-token')).json()
  await ann.context.route('**/api/line-token', (route) => route.fulfill({ json: token }))
  // Not by a tab: none of them knows of it.
  await ann.request('DELETE', '/api/session')
  for (const page of pages) {
    await expect
      .poll(() => status(page), { timeout: 90_000 })
      .toMatchObject({ name: 'unauthorized', reason: 'the session has ended' })
  }
  await expect.poll(async () => (await countsOf(daphne)).open).toBe(0)
})

test('a topic is joined by all tabs over the one connection', async ({ open, visit }) => {
  const daphne = await open()
  const ann = await visit(daphne, 'ann')
  const pages = await ann.openTabs(2)
  for (const page of pages) await watchReceipts(page)
  const names = await Promise.all(
    pages.map((page) =>
      page.evaluate(() => {
        const isSettled = ({ name }: { name: string }) => ['joined', 'refused', 'failed'].includes(name)
        const join = (topic: string) =>
          new Promise<string>((resolve) => {
            window.bank.line.topic(topic, { onState: (state) => isSettled(state) && resolve(state.name) })
          })
        return Promise.all([join('account:1'), join('account:3')])
      }),
    ),
  )
  expect(names).toEqual([
    ['joined', 'refused'],
    ['joined', 'refused'],
  ])
  const metadata = { accountId: '1' }
  await ann.request('POST', '/tests/topic', { topic: 'account:1', event: 'balance_updated', metadata })
  for (const page of pages) await expect.poll(() => eventsOf(page)).toEqual(['balance_updated'])
  expect(await countsOf(daphne)).toMatchObject({ open: 1, opened: 1 })
})

test('an event reaches the user that it concerns, and no other', async ({ open, visit }) => {
  const daphne = await open()
  const [ann, bob] = [await visit(daphne, 'ann'), await visit(daphne, 'bob')]
  const [hers] = (await ann.openTabs(1)) as [Page]
  const [his] = (await bob.openTabs(1)) as [Page]
  for (const page of [hers, his]) await watchReceipts(page)

  await ann.pay(700, 'Corner Bakery')
  await shows([hers], ann)
  // From her to him: this is for both, and comes after.
  await ann.pay(900, 'Bob')
  await expect(his.getByTestId('transactions-3').getByRole('listitem').first()).toContainText('Ann')
  await shows([his], bob, '3')
  await shows([hers], ann)
  const heard = await his.evaluate(() => window.receipts.flatMap(({ events }) => events))
  expect(heard).toEqual([
    { name: 'balance_updated', metadata: { accountId: '3' } },
    { name: 'transaction_happened', metadata: { accountId: '3' } },
  ])
  expect(await countsOf(daphne)).toMatchObject({ open: 2, opened: 2 })
})

test('a rolled back change sends no event', async ({ open, visit }) => {
  const ann = await visit(await open(), 'ann')
  const [pays, looks] = (await ann.openTabs(2)) as [Page, Page]
  for (const page of [pays, looks]) await watchReceipts(page)

  // It emits, and then fails for lack of money (bank/payments.py).
  await payIn(pays, '900000', 'A yacht')
  await expect(pays.getByTestId('form-error')).toHaveText('There is not enough money in this account.')
  // One that is booked comes after whatever the first one would have sent.
  await ann.pay(250, 'Corner Bakery', '2')
  await shows([pays, looks], ann, '2')
  for (const page of [pays, looks]) {
    const accounts = () =>
      page.evaluate(() => window.receipts.flatMap(({ events }) => events.map(({ metadata }) => metadata['accountId'])))
    await expect.poll(accounts).toEqual(['2', '2'])
  }
  await shows([pays, looks], ann)
})

test('a bad token: unauthorized, with the reason that Django gave', async ({ open, visit }) => {
  const daphne = await open()
  const ann = await visit(daphne, 'ann')
  await ann.context.route('**/api/line-token', (route) => route.fulfill({ json: { token: 'made up' } }))
  const page = await ann.open()
  await expect
    .poll(() => status(page), { timeout: 90_000 })
    .toMatchObject({
      name: 'unauthorized',
      reason: 'the token is not one of ours',
    })
  await expect(page.getByTestId('status-reason')).toHaveText(', the token is not one of ours')
  expect(await errorCodes(page)).toEqual(['unauthorized'])
  // Refusals are retried for ever, so how many there have been by now depends on the machine. Each is one connection, which ends.
  const allRefused = async () => {
    const { open, opened, authenticated } = await countsOf(daphne)
    return open === 0 && opened >= 4 && opened === authenticated
  }
  await expect.poll(allRefused, { timeout: 60_000 }).toBe(true)

  await ann.context.unroute('**/api/line-token')
  // A tab that attaches starts one more attempt.
  const [other] = (await ann.openTabs(1)) as [Page]
  await ann.pay(100, 'Corner Bakery')
  await shows([page, other], ann)
})

test('the credentials are renewed over the one connection, and it lasts longer than its first token', async ({
  open,
  visit,
}) => {
  // Renewed 2 to 3 s before its end.
  const daphne = await open({ LINE_TOKEN_SECONDS: '20' })
  const ann = await visit(daphne, 'ann')
  const issued = ann.context.waitForEvent('response', (response) => response.url().endsWith('/api/line-token'))
  const first: Promise<{ expiresAt: number }> = issued.then((response) => response.json())
  const pages = await ann.openTabs(2)
  const { expiresAt } = await first
  // The third credentials are requested after the first token has expired.
  await expect.poll(() => countsOf(daphne)).toEqual({ open: 1, opened: 1, authenticated: 3 })
  expect(Date.now()).toBeGreaterThan(expiresAt)
  await ann.pay(100, 'Corner Bakery')
  await shows(pages, ann)
  for (const page of pages) expect(await status(page)).toMatchObject({ name: 'connected', tabs: 2 })
  expect(await countsOf(daphne)).toMatchObject({ open: 1, opened: 1 })
})

test('malformed frames: coded errors, and the connection goes on', async ({ open, visit }) => {
  const daphne = await open()
  const ann = await visit(daphne, 'ann')
  const [page] = (await ann.openTabs(1)) as [Page]
  const raw = (data: string, binary = false) => ann.request('POST', '/tests/raw', { user: 1, data, binary })
  await raw('{"event":"balance_updated","metadata":{"accountId":"1"}}', true)
  await raw('not JSON')
  await raw('[]')
  await raw(JSON.stringify({ event: 'balance_updated', metadata: { accountId: 'x'.repeat(70_000) } }))
  await raw(`{"event":"balance_updated","metadata":{"a":${'['.repeat(70)}${']'.repeat(70)}}}`)
  // A frame that is only too deep still says which event it is: an event with unknown metadata.
  await expect
    .poll(async () => [...(await errorCodes(page))].sort())
    .toEqual([...Array(4).fill('bad-frame'), 'bad-metadata'])
  const messages = (await page.evaluate(() => window.bank.errors.map(({ message }) => message))).join('\n')
  for (const what of ['is not text', 'is no JSON', 'has no event', 'is too large', 'too deep'])
    expect(messages).toContain(what)

  await ann.pay(100, 'Corner Bakery')
  await shows([page], ann)
  expect(await status(page)).toMatchObject({ name: 'connected' })
  expect(await countsOf(daphne)).toEqual({ open: 1, opened: 1, authenticated: 1 })
})
