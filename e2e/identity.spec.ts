import { atRest, bankAt, errorCodes, expect, status, test } from './fixtures.js'

test('signing out in one tab closes the socket and ends every tab', async ({ bank }) => {
  await bank.signIn()
  const [here, there] = await bank.openTabs(2)
  if (!here || !there) throw new Error('two tabs')
  // The server ends the session's sockets, too, once it hears of it. The line does not wait for that.
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  await here.route('**/api/session', (route) => held.then(() => route.continue()))
  await here.getByTestId('btn-sign-out').click()
  for (const page of [here, there]) await expect.poll(async () => (await status(page)).name).toBe('idle')
  await expect.poll(() => bank.demo.stats.openSockets).toBe(0)
  release()
  await expect(here.getByTestId('sign-in-1')).toBeVisible()
  await expect(there.getByTestId('sign-in-1')).toBeVisible()
  for (const page of [here, there]) {
    const left = await page.evaluate(() =>
      window.ledger.queryClient
        .getQueryCache()
        .getAll()
        .map((query) => query.queryKey[0]),
    )
    expect(left.filter((key) => key !== 'users')).toEqual([])
  }
})

test('switching the user never shows the former one’s data, and has a socket of its own', async ({ bank }) => {
  await bank.signIn('1')
  const [here, there] = await bank.openTabs(2)
  if (!here || !there) throw new Error('two tabs')
  const formerName = (await here.getByTestId('user-name').textContent()) ?? ''
  // From now on every text that these pages show is searched for the former user's accounts.
  for (const page of [here, there]) {
    await page.evaluate(() => {
      const seen: string[] = []
      Object.assign(window, { seenAfterSwitch: seen })
      new MutationObserver(() => {
        const user = document.querySelector('[data-testid=user-name]')?.textContent ?? ''
        if (user && document.querySelector('[data-testid=balance-11]')) seen.push(user)
      }).observe(document.body, { childList: true, subtree: true, characterData: true })
    })
  }
  await here.getByTestId('btn-sign-out').click()
  await here.getByTestId('sign-in-2').click()
  await expect(here.getByTestId('balance-21')).toBeVisible()
  await expect(there.getByTestId('balance-21')).toBeVisible()
  await atRest(here)
  await atRest(there)
  // An event of the former identity that comes late must not touch the new one's tabs.
  bank.demo.emit('1', 'balance_updated', { accountId: '11' })
  bank.demo.emit('2', 'balance_updated', { accountId: '21' })
  await expect(here.getByTestId('latest')).toContainText('balance_updated')
  for (const page of [here, there]) {
    await expect(page.getByTestId('user-name')).not.toHaveText(formerName)
    const seen = await page.evaluate(() => (window as unknown as { seenAfterSwitch: string[] }).seenAfterSwitch)
    expect(seen.filter((user) => user !== formerName)).toEqual([])
    expect(await page.content()).not.toContain('balance-11')
  }
  await expect.poll(() => bank.demo.stats.openSockets).toBe(1)
})

test('two users in two profiles receive only their own events', async ({ bank, browser }) => {
  await bank.signIn('1')
  const [mine] = await bank.openTabs(1)
  const other = await browser.newContext()
  try {
    await other.request.post(`${bank.demo.url}/api/session`, { data: { userId: '2' } })
    const theirs = await other.newPage()
    await theirs.goto(bankAt(bank.demo.url))
    await atRest(theirs)
    bank.demo.emit('1', 'profile_updated', {})
    await expect(mine?.getByTestId('latest') ?? theirs.locator('none')).toContainText('profile_updated')
    bank.demo.emit('2', 'loan_status_changed', { loanId: '201' })
    await expect(theirs.getByTestId('latest')).toContainText('loan_status_changed')
    const { records } = await theirs.evaluate(() => window.ledger.line.inspect())
    const heard = records.flatMap((record) => (record.kind === 'event' ? record.event.name : []))
    expect(heard).toEqual(['loan_status_changed'])
    expect(bank.demo.stats.openSockets).toBe(2)
  } finally {
    await other.close()
  }
})

test('a refused token is renewed, and the line connects', async ({ bank }) => {
  await bank.signIn()
  bank.demo.faults.refuseTokens = 1
  const [page] = await bank.openTabs(1)
  if (!page) throw new Error('one tab')
  expect(bank.demo.stats).toMatchObject({ refused: 1, connections: 1, openSockets: 1 })
  const asked = bank.demo.stats.requests.filter((request) => request.path === '/api/socket-token')
  expect(asked).toHaveLength(2)
  expect(await errorCodes(page)).toEqual([])
})

test('after repeated refusals it gives the reason, and tries at once when visible', async ({ bank }) => {
  await bank.signIn()
  bank.demo.faults.refuseTokens = 1_000
  const page = await bank.open()
  await expect.poll(async () => (await status(page)).name).toBe('unauthorized')
  expect((await status(page)).reason).toBe('token expired or unknown')
  await expect(page.getByTestId('status-reason')).toContainText('token expired or unknown')
  expect(await errorCodes(page)).toEqual(['unauthorized'])
  // It goes on trying, after longer and longer pauses.
  expect(bank.demo.stats.refused).toBeGreaterThanOrEqual(4)
  const nextAttemptInMs = () =>
    page.evaluate(async () => (await window.ledger.line.inspect()).hub?.nextAttemptInMs ?? 0)
  await page.evaluate(() => window.actVisibility('hidden'))
  await expect.poll(nextAttemptInMs).toBeGreaterThan(20_000)
  const due = Date.now() + (await nextAttemptInMs())
  bank.demo.faults.refuseTokens = 0
  await page.evaluate(() => window.actVisibility('visible'))
  await expect.poll(async () => (await status(page)).name).toBe('connected')
  expect(Date.now()).toBeLessThan(due)
})
