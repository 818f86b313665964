/** What some apps do beyond one event in three tabs. */
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Page } from 'playwright'
import type { Status } from '../../src/index.js'
import { BROWSER_ARGS, findBrowser } from '../browser.js'
import { filesOf } from '../pack-snippets.js'
import type { RunningApp } from './consumer.js'

const EDITS = 16
/** Longer than a debounce: nothing more comes. */
const SETTLED_MS = 1_500
/** Longer than a resync's jitter and a debounce. */
const QUIET_MS = 4_000
const LIMIT_MS = 120_000
const root = resolve(import.meta.dirname, '../..')

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = performance.now() + LIMIT_MS; !(await holds()); await sleep(50))
    if (performance.now() > end) throw new Error(`${what} did not come about within ${LIMIT_MS} ms`)
}

const valueIn = (page: Page, name: string): Promise<number> =>
  page.evaluate((field) => Number(Reflect.get(window, field) ?? 0), name)

/** In a page: whether the line of this edit is connected. */
function isConnected(wanted: { number: number; tabs: number }): boolean {
  const { edition, edited } = window as unknown as { edition?: number; edited?: { status: Status } }
  return edition === wanted.number && edited?.status.name === 'connected' && edited.status.tabs === wanted.tabs
}

/** Each edit gives an event of its own to the rules. Afterwards there is one connection, and each handler once. */
async function edit(app: RunningApp, afterEach: (edit: number) => Promise<void>): Promise<void> {
  const { folder, pages, server, connected } = app
  const path = join(folder, 'src/realtime.ts')
  const text = readFileSync(path, 'utf8')
  let loads = 0
  const onLoad = () => loads++
  for (const page of pages) page.on('load', onLoad)
  for (let number = 1; number <= EDITS; number++) {
    const rules = text.replace('invalidates: {', `invalidates: {\n    edited_${number}: ['balance'],`)
    writeFileSync(path, `${rules}\nObject.assign(window, { edition: ${number}, edited: line })\n`)
    // Until the components are rendered again, what they show is the former line's.
    for (const page of pages)
      await until(`the line of edit ${number}`, () => page.evaluate(isConnected, { number, tabs: pages.length }))
    await connected(pages)
    const heard = await Promise.all(pages.map((page) => valueIn(page, 'heard')))
    server.emit('balance_updated', { accountId: '7' })
    await sleep(SETTLED_MS)
    const calls = (await Promise.all(pages.map((page) => valueIn(page, 'heard')))).map((n, at) => n - (heard[at] ?? 0))
    if (calls.some((n) => n !== 1))
      throw new Error(`after edit ${number}, an event's handler was called ${calls} times`)
    if (server.sockets() !== 1) throw new Error(`after edit ${number}: ${server.sockets()} connections`)
    await afterEach(number)
  }
  for (const page of pages) page.off('load', onLoad)
  if (loads > 0) throw new Error(`the pages were loaded again, ${loads} times: these were no hot updates`)
}

/** The newest rules hold in every tab, and fetch once. */
async function expectNewest({ server, pages }: RunningApp, number: number): Promise<void> {
  const { counts } = server
  await sleep(SETTLED_MS)
  counts.fetches = 0
  server.emit(`edited_${number}`)
  await until(`a fetch in every page after edit ${number}`, () => counts.fetches >= pages.length)
  await sleep(SETTLED_MS)
  if (counts.fetches !== pages.length) throw new Error(`after edit ${number}: ${counts.fetches} fetches`)
}

export const editRules = (app: RunningApp): Promise<void> => edit(app, (number) => expectNewest(app, number))

/** TanStack Query's hooks keep the former QueryClient, in which no event can reach them. A hint says so. A reload mends that. */
export async function editRulesAndClient(app: RunningApp): Promise<void> {
  const told = new Set<Page>()
  for (const page of app.pages)
    page.on('console', (message) => void (message.text().includes('client-replaced') && told.add(page)))
  await edit(app, async () => undefined)
  await until('the hint client-replaced in every page', () => told.size === app.pages.length)
  for (const page of app.pages) await page.reload()
  await app.connected(app.pages)
  await sleep(QUIET_MS)
  await expectNewest(app, EDITS)
}

/** The test of docs/testing.md for Playwright, with the repository's own. */
export async function playwrightExample({ folder, address, run }: RunningApp): Promise<void> {
  const examples = filesOf(root, 'docs/testing.md').filter(({ name }) => name.startsWith('e2e/'))
  if (examples.length === 0) throw new Error('docs/testing.md shows no test for Playwright')
  for (const { name, code } of examples) {
    mkdirSync(join(folder, 'e2e'), { recursive: true })
    writeFileSync(join(folder, name), code)
  }
  mkdirSync(join(folder, 'node_modules/@playwright'), { recursive: true })
  const linked = join(folder, 'node_modules/@playwright/test')
  if (!existsSync(linked)) symlinkSync(join(root, 'node_modules/@playwright/test'), linked, 'junction')
  const { executablePath } = findBrowser()
  const use = { baseURL: address, launchOptions: { args: BROWSER_ARGS, executablePath } }
  writeFileSync(
    join(folder, 'playwright.config.js'),
    `export default ${JSON.stringify({ testDir: 'e2e', timeout: LIMIT_MS, expect: { timeout: LIMIT_MS }, use })}\n`,
  )
  const said = await run(['node', join(root, 'node_modules/@playwright/test/cli.js'), 'test', '--reporter=line'])
  if (!said.includes(`${examples.length} passed`)) throw new Error(`Playwright ran no test:\n${said}`)
}

/** A precached app starts without the server of its files, and goes on after a new build has taken over. */
export async function workWithoutServer(app: RunningApp): Promise<void> {
  const { pages, server, folder, connected, run } = app
  const consumer = app.consumer
  for (const page of pages)
    await until('a service worker', () => page.evaluate(() => navigator.serviceWorker.controller !== null))
  server.serve(undefined)
  for (const page of pages) await page.reload()
  await connected(pages)
  if (server.sockets() !== 1) throw new Error(`from the precache: ${server.sockets()} connections`)

  // A new build: another name for every file.
  const path = join(folder, 'src/App.tsx')
  writeFileSync(path, readFileSync(path, 'utf8').replace('Deposit 10', 'Deposit ten'))
  await run(['vite', 'build', '--logLevel', 'warn'])
  server.serve({ consumer, folder })
  // It finds the former build, and the new one takes over in the background. Then every page loads itself again.
  await pages[0]?.reload()
  for (const page of pages) await page.getByText('Deposit ten').waitFor()
  await connected(pages)
  const former = server.amount()
  await pages[0]?.getByRole('button').click()
  for (const page of pages) await page.getByText(String(former + 10), { exact: true }).waitFor()
  if (server.sockets() !== 1) throw new Error(`after an update: ${server.sockets()} connections`)
}
