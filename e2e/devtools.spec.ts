import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { expect, type Page, test } from '@playwright/test'
import { build, type Rolldown } from 'vite'
import webpack, { type Stats } from 'webpack'
import type {} from './devtools/main.js'
import { serveFixture } from './devtools/site.js'

/** The panel over a made line: what it shows, how it is used, and that it does nothing while it is closed. */

let site: Awaited<ReturnType<typeof serveFixture>>
test.beforeAll(async () => {
  site = await serveFixture()
})
test.afterAll(() => site.close())

async function open(page: Page, parameters: Readonly<Record<string, string>> = { open: '' }): Promise<string[]> {
  const complaints: string[] = []
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  await page.goto(`${site.url}/?${new URLSearchParams(parameters)}`)
  return complaints
}

const panel = (page: Page) => page.getByRole('region', { name: 'Partyline devtools' })
const opener = (page: Page) => page.getByRole('button', { name: 'Partyline' })
const view = (page: Page, title: string) => page.getByRole('tab', { name: title })
const show = async (page: Page, title: string) => {
  await view(page, title).click()
  await expect(page.getByRole('tabpanel', { name: title })).toBeVisible()
}
const simulations = (page: Page) => page.evaluate(() => window.fixture.simulations)

test('every view shows what the line tells, under a policy that allows nothing inline', async ({ page }) => {
  const complaints = await open(page, { open: '', scenario: 'broken' })
  const body = page.getByRole('tabpanel')
  await expect(body).toContainText('Next attempt in 12 s')
  await expect(body).toContainText('SharedWorker: the file of the worker is missing')
  await show(page, 'Tabs')
  await expect(page.getByRole('list', { name: 'Tabs' }).getByRole('listitem')).toHaveCount(5)
  await expect(page.getByRole('list', { name: 'Tabs' }).getByText('leader')).toHaveCount(1)
  await show(page, 'Rules')
  await expect(page.getByRole('row', { name: /balance_updated/ })).toContainText('matched nothing so far')
  await expect(body).toContainText('1 query that no rule reaches')
  await show(page, 'Queries')
  await expect(page.getByRole('row', { name: /exchange-rates/ })).toContainText('no rule')
  await show(page, 'Connection')
  await expect(page.getByRole('img', { name: /^Connected for \d/ })).toBeVisible()
  await expect(page.getByRole('row', { name: /refused/ })).toHaveCount(6)
  await show(page, 'Topics')
  await expect(page.getByRole('row', { name: /desk:9/ })).toContainText('not your desk')
  await show(page, 'Errors')
  await expect(body).toContainText("Check that the worker's file is served")
  await show(page, 'Savings')
  await expect(body).toContainText('2,119')
  expect(complaints).toEqual([])
})

test('an event stands with its outcomes, each with its reason and the time of its fetch', async ({ page }) => {
  await open(page)
  await show(page, 'Events')
  await page.getByRole('option', { name: /transaction_happened.*acc-1.*salary/ }).click()
  const details = page.getByRole('complementary', { name: 'Details' })
  await expect(details.getByRole('listitem').filter({ hasText: "type: 'salary'" })).toContainText(
    'Fetch succeeded after 138 ms',
  )
  await expect(details.getByRole('listitem').filter({ hasText: "type: 'card'" })).toContainText(
    'type: card is not salary',
  )
  await expect(page.getByRole('option', { name: /card_blocked/ })).toContainText('no rule')
  await page.getByRole('option', { name: /loan_status_changed/ }).click()
  await expect(details).toContainText('Answered by')
  await page.getByRole('searchbox').fill('loan')
  await expect(page.getByRole('option')).toHaveCount(1)
})

test('while paused the list stands still, and goes on with all that came since', async ({ page }) => {
  await open(page)
  await show(page, 'Events')
  const newest = page.getByRole('option').first()
  await expect(newest).toContainText('acc-1')
  await page.getByRole('button', { name: 'Pause' }).click()
  await page.evaluate(() => window.fixture.record({ kind: 'error', code: 'call-timeout', message: 'late', detail: {} }))
  await expect(page.getByRole('button', { name: 'Resume (1 new)' })).toBeVisible()
  await expect(newest).not.toContainText('call-timeout')
  await page.getByRole('button', { name: /Resume/ }).click()
  await expect(newest).toContainText('call-timeout')
  await page.getByRole('button', { name: 'Clear' }).click()
  await expect(page.getByRole('tabpanel')).toContainText('Nothing has happened yet.')
})

test('ten thousand records cost no more elements than a few, and the keys reach both ends', async ({ page }) => {
  // The frames while the whole list passes by. The median: other programs share the machine.
  const medianMs = () =>
    page.evaluate(async () => {
      const list = document.querySelector('partyline-devtools')?.shadowRoot?.querySelector('.list') as HTMLElement
      const frames: number[] = []
      for (let step = 0, last = performance.now(); step < 101; step++) {
        list.scrollTop = (list.scrollHeight * step) / 100
        await new Promise(requestAnimationFrame)
        frames.push(performance.now() - last)
        last = performance.now()
      }
      return frames.sort((one, other) => one - other)[50] as number
    })
  await open(page)
  await show(page, 'Events')
  await page.evaluate(() => window.fixture.burst(100))
  await expect(page.getByRole('option').first()).toContainText('n: 99')
  const fewMs = await medianMs()
  await page.evaluate(() =>
    document.querySelector('partyline-devtools')?.shadowRoot?.querySelector('.list')?.scrollTo(0, 0),
  )
  await page.evaluate(() => window.fixture.burst(5_000))
  const list = page.getByRole('listbox')
  await expect(page.getByRole('option').first()).toContainText('n: 4999')
  expect(await page.getByRole('option').count()).toBeLessThan(60)
  await list.focus()
  await page.keyboard.press('End')
  await expect(page.locator('[aria-selected=true][role=option]')).toBeVisible()
  const before = await page.locator('[aria-selected=true][role=option]').textContent()
  const heightOf = () => list.evaluate((element) => element.scrollHeight)
  const height = await heightOf()
  // Who reads old records goes on reading the same ones.
  await page.evaluate(() => window.fixture.burst(20))
  await expect.poll(heightOf).toBeGreaterThan(height)
  await expect(page.locator('[aria-selected=true][role=option]')).toBeVisible()
  expect(await page.locator('[aria-selected=true][role=option]').textContent()).toBe(before)
  // Twenty milliseconds are one frame and a little: both may be that short.
  expect(await medianMs()).toBeLessThan(3 * fewMs + 20)
})

test('"try it" shows what an event would do', async ({ page }) => {
  await open(page)
  await show(page, 'Rules')
  const body = page.getByRole('tabpanel')
  await body.getByLabel('Event').fill('transaction_happened')
  await body.getByLabel('Metadata').fill('{"accountId": "acc-2", "txType": "card"')
  await body.getByRole('button', { name: 'Try' }).click()
  await expect(page.getByRole('alert')).toContainText('JSON object')
  await body.getByLabel('Metadata').fill('{"accountId": "acc-2", "txType": "card"}')
  await body.getByRole('button', { name: 'Try' }).click()
  await expect(body.getByRole('listitem').first()).toContainText("['balance', 'acc-2']")
  await expect(body).toContainText('type: salary is not card')
})

test('the buttons of "simulate" ask the line for what they say', async ({ page }) => {
  await open(page, { open: '', scenario: 'broken' })
  await show(page, 'Simulate')
  const body = page.getByRole('tabpanel')
  for (const name of ['Reconnect', 'Drop', 'Gap', 'Refusal', 'Move the leader'])
    await body.getByRole('button', { name, exact: true }).click()
  await expect(page.getByText('Another tab takes over', { exact: true })).toBeVisible()
  await body.getByLabel('Event').fill('profile_updated')
  await body.getByLabel('How many').selectOption('10')
  await body.getByRole('button', { name: 'Send the burst' }).click()
  await expect(page.getByText('Sent 10 events')).toBeVisible()
  expect(await simulations(page)).toEqual([
    ...['reconnect', 'drop', 'gap', 'refusal', 'move-leader'].map((name) => ({ name })),
    { name: 'event', event: 'profile_updated', metadata: {}, count: 10 },
  ])
})

test('the keyboard opens it, moves through it and closes it, and the focus follows', async ({ page }) => {
  await open(page, {})
  await expect(opener(page)).toBeVisible()
  await page.keyboard.press('Alt+Shift+P')
  await expect(view(page, 'Line')).toBeFocused()
  await page.keyboard.press('ArrowDown')
  await expect(view(page, 'Tabs')).toBeFocused()
  await expect(page.getByRole('tabpanel', { name: 'Tabs' })).toBeVisible()
  await page.keyboard.press('End')
  await expect(view(page, 'Simulate')).toBeFocused()
  await page.keyboard.press('Escape')
  await expect(panel(page)).toHaveCount(0)
  await expect(opener(page)).toBeFocused()
})

test('the hotkey works from the moment in which the button is there', async ({ page }) => {
  await page.addInitScript(() => {
    // Called as soon as the button is in the document: no frame has been drawn by then.
    new MutationObserver((_changes, observer) => {
      if (!document.querySelector('partyline-devtools')) return
      observer.disconnect()
      dispatchEvent(new KeyboardEvent('keydown', { code: 'KeyP', altKey: true, shiftKey: true }))
    }).observe(document, { childList: true, subtree: true })
  })
  await open(page, {})
  await expect(panel(page)).toBeVisible()
})

test("the page's own keys hear nothing of what is typed in the panel", async ({ page }) => {
  await open(page)
  await page.evaluate(() => {
    document.addEventListener('keydown', ({ key }) => {
      document.title += key
    })
  })
  await show(page, 'Events')
  await page.getByRole('searchbox').fill('')
  await page.getByRole('searchbox').press('x')
  await page.getByRole('button', { name: 'A button of the page' }).focus()
  await page.keyboard.press('y')
  await expect(page).toHaveTitle('The devtools over made datay')
})

test('closed, it neither asks nor listens; and after its end nothing is left', async ({ page }) => {
  await open(page)
  await expect.poll(() => page.evaluate(() => window.fixture.inspections)).toBeGreaterThan(1)
  expect(await page.evaluate(() => window.fixture.listeners)).toBe(1)
  await page.keyboard.press('Alt+Shift+P')
  await expect(opener(page)).toBeVisible()
  expect(await page.evaluate(() => window.fixture.listeners)).toBe(0)
  const before = await page.evaluate(() => window.fixture.inspections)
  // Longer than a poll: nothing can be awaited that does not happen.
  await page.waitForTimeout(1_500)
  expect(await page.evaluate(() => window.fixture.inspections)).toBe(before)
  await page.evaluate(() => window.unmount())
  await expect(page.locator('partyline-devtools')).toHaveCount(0)
})

test('nothing of one user is shown to the next', async ({ page }) => {
  await open(page)
  await show(page, 'Events')
  await expect(page.getByRole('option').first()).toBeVisible()
  await page.evaluate(() => {
    window.fixture.signIn('bob')
    window.fixture.record({ kind: 'error', code: 'call-timeout', message: "bob's own", detail: {} })
  })
  await expect(page.getByRole('option')).toHaveCount(1)
  await expect(page.getByRole('option')).toContainText("bob's own")
})

test('it comes back as it was left, and without storage it works all the same', async ({ page }) => {
  await open(page)
  await show(page, 'Rules')
  await page.getByRole('button', { name: 'Dock right' }).click()
  await page.getByRole('separator').focus()
  await page.keyboard.press('ArrowLeft')
  await page.reload()
  await expect(page.getByRole('tabpanel', { name: 'Rules' })).toBeVisible()
  await expect(page.getByRole('separator')).toHaveAttribute('aria-valuenow', '584')
  await page.addInitScript(() => {
    Object.defineProperty(window, 'localStorage', {
      get() {
        throw new DOMException('refused', 'SecurityError')
      },
    })
  })
  await page.reload()
  await expect(page.getByRole('tabpanel', { name: 'Line' })).toBeVisible()
  await show(page, 'Errors')
})

test('its edge can be dragged', async ({ page }) => {
  await open(page)
  const edge = page.getByRole('separator')
  const { x, y } = (await edge.boundingBox()) ?? { x: 0, y: 0 }
  await page.mouse.move(x + 300, y + 4)
  await page.mouse.down()
  await page.mouse.move(x + 300, y - 96, { steps: 5 })
  await page.mouse.up()
  await expect.poll(async () => (await panel(page).boundingBox())?.height).toBe(520)
})

test('a change of the status is told to who can not see it, once', async ({ page }) => {
  await open(page)
  const status = page.getByRole('status').first()
  await expect(status).toHaveText('Connected')
  await page.evaluate(() => {
    const { shadowRoot } = document.querySelector('partyline-devtools') as HTMLElement
    const region = shadowRoot?.querySelector('[role=status]') as Node
    new MutationObserver((changes) => {
      document.title += changes.length
    }).observe(region, { childList: true, characterData: true, subtree: true })
  })
  await page.waitForTimeout(2_500)
  await expect(page).toHaveTitle('The devtools over made data')
  await page.evaluate(() => window.fixture.become('broken'))
  await expect(status).toHaveText('Disconnected')
  await page.waitForTimeout(2_500)
  // One change of one text.
  await expect(page).toHaveTitle('The devtools over made data1')
})

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

test('axe finds nothing to complain of, in light and in dark', async ({ page }) => {
  for (const theme of ['light', 'dark']) {
    await open(page, { open: '', scenario: 'broken', theme })
    await page.evaluate(AXE)
    for (const tab of await page.getByRole('tab').all()) {
      await tab.click()
      const found = await page.evaluate(async () => {
        const { axe } = window as unknown as { axe: { run(): Promise<{ violations: { id: string }[] }> } }
        return (await axe.run()).violations.map(({ id }) => id)
      })
      expect([theme, await tab.textContent(), ...found]).toEqual([theme, await tab.textContent()])
    }
  }
})

test('nothing is wider than the window, down to 390 pixels', async ({ page }) => {
  for (const [width, height] of [
    [1440, 900],
    [1024, 768],
    [390, 844],
  ] as const) {
    await page.setViewportSize({ width, height })
    await open(page, { open: '', scenario: 'broken' })
    for (const tab of await page.getByRole('tab').all()) {
      await tab.click()
      const [inView, inPage] = await page.evaluate(() => {
        const view = document.querySelector('partyline-devtools')?.shadowRoot?.querySelector('.view') as HTMLElement
        return [view.scrollWidth - view.clientWidth, document.documentElement.scrollWidth - window.innerWidth]
      })
      expect([width, await tab.textContent(), inView, inPage]).toEqual([width, await tab.textContent(), 0, 0])
    }
  }
})

/** Bundles an entry for production. Gives the code of all files. */
type Bundle = (folder: string, input: string) => Promise<string>

const BUNDLERS: Readonly<Record<string, Bundle>> = {
  async Vite(folder, input) {
    const { output } = (await build({
      configFile: false,
      root: folder,
      logLevel: 'error',
      build: { write: false, rolldownOptions: { input, external: ['react'] } },
    })) as Rolldown.RolldownOutput
    return output.map((file) => (file.type === 'chunk' ? file.code : '')).join('\n')
  },
  async webpack(folder, input) {
    const path = join(folder, 'dist')
    const compiler = webpack({
      mode: 'production',
      context: folder,
      entry: input,
      output: { path },
      externals: { react: 'React' },
    })
    const stats = await new Promise<Stats | undefined>((resolve, reject) => {
      compiler.run((error, result) => (error ? reject(error) : resolve(result)))
    })
    await new Promise((resolve) => compiler.close(resolve))
    expect(stats?.toJson({ all: false, errors: true, warnings: true })).toMatchObject({ errors: [], warnings: [] })
    return readdirSync(path)
      .map((name) => readFileSync(join(path, name), 'utf8'))
      .join('\n')
  },
}

for (const [bundler, bundle] of Object.entries(BUNDLERS)) {
  test(`in a production build by ${bundler} the panel's code is nowhere, and its production entry has it`, async () => {
    const folder = mkdtempSync(join(process.cwd(), 'node_modules', '.devtools-'))
    const input = join(folder, 'entry.js')
    const codeOf = (code: string): Promise<string> => {
      writeFileSync(input, code)
      return bundle(folder, input)
    }
    const from = (name: string) => join(process.cwd(), 'dist/devtools', name)
    try {
      const plain = await codeOf(
        `import { mountPartylineDevtools, partylineDevtoolsPlugin } from '${from('index.js')}'
         import { PartylineDevtools } from '${from('react.js')}'
         globalThis.kept = [mountPartylineDevtools(document.body, {}), partylineDevtoolsPlugin({}), PartylineDevtools]`,
      )
      expect(plain).toContain('kept')
      expect(plain).not.toMatch(/partyline-devtools|could not be loaded|Next attempt/)
      const whole = await codeOf(
        `import { mountPartylineDevtools } from '${from('production.js')}'
         mountPartylineDevtools(document.body, {})`,
      )
      expect(whole).toMatch(/Next attempt/)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
}
