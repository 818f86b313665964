import { setTimeout as delay } from 'node:timers/promises'
import { startDemo } from '../demo/server/server.js'
import { freePort } from '../scripts/service.js'
import { atRest, Bank, expect, type Page, setVisibility, status, test } from './fixtures.js'
import { faultsOf, lookAtSizes, spaceTexts } from './screen.js'

const SIZES = [
  { width: 1440, height: 900 },
  { width: 1366, height: 657 },
  { width: 1024, height: 768 },
  { width: 390, height: 844 },
]

// A bound, not a measure: some twenty looks of axe in each.
test.describe.configure({ timeout: 600_000 })

const look = (page: Page, name: string) => lookAtSizes(page, name, SIZES)
const banner = (page: Page) => page.getByTestId('banner')

async function openAtRest(bank: Bank, search = ''): Promise<Page> {
  const [page] = await bank.openTabs(1, search)
  if (!page) throw new Error('one tab')
  return page
}

/** From here on the API does not answer what this matches; resolves to what lets it. */
async function hold(page: Page, url: RegExp): Promise<() => void> {
  let release = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  await page.route(url, async (route) => {
    await released
    await route.continue()
  })
  return release
}

test('signed out: waiting, slow and at rest; signing in shows that it works', async ({ bank, context }) => {
  const page = await context.newPage()
  const answer = await hold(page, /\/api\/me/)
  const answerUsers = await hold(page, /\/api\/users/)
  await page.goto(`${bank.demo.url}/bank`)
  await expect(page.getByText('One moment…')).toBeVisible()
  await look(page, 'loading')
  answer()
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Your money')
  await look(page, 'sign-in-slow')
  answerUsers()
  await expect(page.getByTestId('sign-in-1')).toBeVisible()
  await look(page, 'sign-in')

  const enter = await hold(page, /\/api\/session/)
  let asked = 0
  page.on('request', (request) => {
    if (request.url().endsWith('/api/session')) asked += 1
  })
  await page.getByTestId('sign-in-1').click()
  // Playwright's own click waits until a button can be pressed.
  for (const button of ['sign-in-1', 'sign-in-2']) await page.getByTestId(button).dispatchEvent('click')
  await expect(page.getByTestId('sign-in-1')).toContainText('Signing in…')
  await expect(page.getByTestId('sign-in-2')).toHaveAttribute('aria-disabled', 'true')
  enter()
  await atRest(page)
  expect(asked).toBe(1)
  await expect(page.getByRole('heading', { level: 1 })).toBeFocused()
  await page.getByTestId('btn-sign-out').click()
  await expect(page.getByRole('heading', { level: 1 })).toBeFocused()
})

test('a slow bank: the cards are there before what is in them, and do not move', async ({ bank, context }) => {
  await bank.signIn()
  const page = await context.newPage()
  const answer = await hold(page, /\/api\/(accounts|transactions|loans|loan-summary|profile)/)
  await page.goto(`${bank.demo.url}/bank`)
  await expect(page.getByRole('heading', { name: 'Loans' })).toBeVisible()
  await look(page, 'slow')
  await page.setViewportSize({ width: 1440, height: 900 })
  const boxes = () =>
    page.evaluate(() =>
      Object.fromEntries(
        ['.accounts', '.transactions', '.payment', '.loans', '.line'].map((selector) => {
          const { top = 0, left = 0, width = 0 } = document.querySelector(selector)?.getBoundingClientRect() ?? {}
          return [selector, [top, left, width].map(Math.round)]
        }),
      ),
    )
  const before = await boxes()
  answer()
  await atRest(page)
  expect(await boxes()).toEqual(before)
})

test('signed in: at rest, with the panel, a burst, wrong fields and wider lines', async ({ bank }) => {
  await bank.signIn()
  const page = await openAtRest(bank)
  await look(page, 'rest')

  await page.setViewportSize({ width: 1440, height: 900 })
  await page.getByTestId('btn-burst').click()
  await expect(page.getByTestId('tx-row').first()).toContainText('500 refunds')
  // In one flush with the transactions, or in one of its own.
  await expect(page.getByTestId('latest')).toContainText('balance_updated')
  await page.getByTestId('tx-row').first().locator('summary').click()
  await expect(page.getByText('and 488 more')).toBeVisible()
  // On narrow screens the panel is a drawer.
  await page.setViewportSize({ width: 390, height: 844 })
  await expect(page.getByTestId('latest')).toBeHidden()
  await page.getByRole('button', { name: /on one connection/ }).click()
  await expect(page.getByRole('heading', { name: /One connection/ })).toBeFocused()
  await look(page, 'panel')
  for (const count of ['fetches-spared', 'connections-spared', 'count-shared', 'count-covered', 'count-failed']) {
    expect(Number((await page.getByTestId(count).textContent())?.replaceAll(',', ''))).toBeGreaterThanOrEqual(0)
  }
  await page.keyboard.press('Escape')
  await expect(page.getByRole('button', { name: /on one connection/ })).toBeFocused()

  await page.getByTestId('pay-amount').fill('a lot')
  await page.getByTestId('pay-submit').click()
  await expect(page.getByTestId('pay-to')).toBeFocused()
  for (const [field, error] of [
    ['pay-to', 'Please say who gets the money.'],
    ['pay-amount', 'Please give an amount like 12.50.'],
  ] as const) {
    await expect(page.getByTestId(field)).toHaveAttribute('aria-invalid', 'true')
    await expect(page.getByTestId(field)).toHaveAccessibleDescription(error)
  }
  await page.getByTestId('profile-edit').click()
  await page.getByTestId('profile-name-input').fill('')
  await page.getByTestId('profile-email-input').fill('nobody')
  await page.getByTestId('profile-save').click()
  await expect(page.getByTestId('profile-name-input')).toBeFocused()
  await expect(page.getByTestId('profile-email-input')).toHaveAttribute('aria-invalid', 'true')
  await look(page, 'errors')

  await spaceTexts(page)
  for (const size of SIZES) {
    await page.setViewportSize(size)
    expect(await faultsOf(page), `wider lines, ${size.width}`).toEqual([])
    if (size.width >= 1200) continue
    await page.getByRole('button', { name: /on one connection/ }).click()
    expect(await faultsOf(page), `wider lines, panel, ${size.width}`).toEqual([])
    await page.keyboard.press('Escape')
  }
})

test('accepting and withdrawing keeps the focus, and an amount is one text with its sign', async ({ bank }) => {
  await bank.signIn()
  const page = await openAtRest(bank)
  await page.getByTestId('loan-101-accept').focus()
  await page.keyboard.press('Enter')
  await expect(page.getByTestId('loan-101-withdraw')).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(page.getByTestId('loan-101-accept')).toBeFocused()
  const nodes = await page
    .locator('.amount')
    .evaluateAll((all) => all.map(({ childNodes }) => childNodes.length).filter((count) => count !== 1))
  expect(nodes).toEqual([])
  await page.reload()
  await atRest(page)
  await page.keyboard.press('Tab')
  await expect(page.getByRole('link', { name: 'Skip to your accounts' })).toBeFocused()
})

test('the titles of tabs say how they stand', async ({ bank }) => {
  await bank.signIn()
  const [shown, hidden] = await bank.openTabs(2)
  if (!shown || !hidden) throw new Error('two tabs')
  await expect(shown).toHaveTitle(/^Ledger, €[\d,]+$/)
  const before = await shown.title()
  await setVisibility(hidden, 'hidden')
  await bank.pay(1_200)
  await expect(hidden).toHaveTitle('Ledger, changes wait')
  await expect(shown).not.toHaveTitle(before)
  // However long it is hidden: nobody has asked the bank yet.
  await delay(6_000)
  expect(await hidden.title()).toBe('Ledger, changes wait')
  await setVisibility(hidden, 'visible')
  await expect(hidden).toHaveTitle(await shown.title())
})

test('a server that stops: the banner is there, and goes when it is back', async ({ context }) => {
  const first = await startDemo({ port: await freePort() })
  const page = await (async () => {
    const bank = new Bank(first, context)
    await bank.signIn()
    return openAtRest(bank)
  })()
  const { port, sessions } = first
  await page.setViewportSize({ width: 390, height: 844 })
  await first.close()
  await expect(banner(page)).toContainText('Live updates paused since')
  await expect(banner(page)).toContainText('Reconnecting…')
  await expect(page).toHaveTitle('Ledger, reconnecting')
  await look(page, 'stopped')

  // What fails says so, and does not vanish by itself.
  await page.setViewportSize({ width: 1440, height: 900 })
  await page.getByTestId('btn-payment').click()
  const failed = page.locator('[data-kind=failed]')
  await expect(failed).toContainText('can’t be reached')
  await delay(6_500)
  await expect(failed).toBeVisible()
  await look(page, 'failed')
  const second = await startDemo({ port, sessions })
  await expect(page.locator('[data-kind=paused]')).toHaveCount(0)
  await failed.getByRole('button', { name: 'Dismiss' }).click()
  await expect(banner(page)).toHaveCount(0)
  await page.close()
  await second.close()
})

test('fetches that are owed: the page says that it is old', async ({ bank }) => {
  await bank.signIn()
  const page = await openAtRest(bank)
  await page.route(/\/balance$/, (route) => route.abort())
  await bank.pay(321)
  await expect(banner(page)).toContainText('Some of what you see is old since')
  await look(page, 'owing')
  await page.unroute(/\/balance$/)
  // It may be gone by itself already.
  await page.evaluate(() => document.querySelector<HTMLElement>('.banner button')?.click())
  await expect(banner(page)).toHaveCount(0)
})

test('refused credentials: the page says so, and offers what can be done', async ({ bank }) => {
  await bank.signIn()
  bank.demo.faults.refuseTokens = 1_000
  const page = await bank.open()
  await expect(banner(page)).toContainText('The bank no longer accepts this sign-in.')
  await expect(page).toHaveTitle('Ledger, updates paused')
  await look(page, 'unauthorized')
  await expect(page.getByRole('button', { name: 'Try again' })).toBeVisible()
  bank.demo.faults.refuseTokens = 0
  // It may be gone by itself already.
  await page.evaluate(() => document.querySelector<HTMLElement>('.banner button')?.click())
  await expect(banner(page)).toHaveCount(0)
})

test('credentials of somebody else: the page says so', async ({ bank, browser }) => {
  await bank.signIn('1')
  const other = await browser.newContext()
  await other.request.post(`${bank.demo.url}/api/session`, { data: { userId: '2' } })
  const page = await bank.context.newPage()
  await page.route(/\/api\/socket-token/, async (route) => {
    const theirs = await other.request.post(`${bank.demo.url}/api/socket-token`)
    await route.fulfill({ response: theirs })
  })
  await page.goto(`${bank.demo.url}/bank`)
  await expect.poll(async () => (await status(page)).name).toBe('wrong-identity')
  await expect(banner(page)).toContainText('Somebody else is signed in')
  await look(page, 'wrong-identity')
  await page.unrouteAll({ behavior: 'wait' })
  await other.close()
})

test('a build that is gone: the page offers to reload', async ({ bank, context }) => {
  await bank.signIn()
  const page = await context.newPage()
  await page.route(/\/tab-hub/, (route) => route.fulfill({ status: 404, body: 'Not found' }))
  await page.goto(`${bank.demo.url}/bank?host=leader-tab`)
  await expect(page.locator('[data-kind=build]')).toContainText('a new version of Ledger', { timeout: 60_000 })
  await look(page, 'stale-build')
  await page.unroute(/\/tab-hub/)
  await Promise.all([page.waitForEvent('load'), page.getByRole('button', { name: 'Reload' }).click()])
  await atRest(page)
  await expect(banner(page)).toHaveCount(0)
})
