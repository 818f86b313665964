/** What some apps do beyond one event in three tabs. */
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Page } from 'playwright'
import { BROWSER_ARGS, findBrowser } from '../browser.js'
import { filesOf } from '../pack-snippets.js'
import type { RunningApp } from './consumer.js'

const EDITS = 16
/** Longer than a debounce: nothing more comes. */
const SETTLED_MS = 1_500
const LIMIT_MS = 60_000
const root = resolve(import.meta.dirname, '../..')

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = performance.now() + LIMIT_MS; !(await holds()); await sleep(50))
    if (performance.now() > end) throw new Error(`${what} did not come about within ${LIMIT_MS} ms`)
}

const valueIn = (page: Page, name: string): Promise<number> =>
  page.evaluate((field) => Number(Reflect.get(window, field) ?? 0), name)

/** Each edit gives an event of its own to the rules. It has to be mapped, and the handlers have to be there once. */
export async function editRules({ folder, pages, server, connected }: RunningApp): Promise<void> {
  const path = join(folder, 'src/realtime.ts')
  const text = readFileSync(path, 'utf8')
  const { counts } = server
  let loads = 0
  for (const page of pages) page.on('load', () => loads++)
  for (let edit = 1; edit <= EDITS; edit++) {
    const rules = text.replace('invalidates: {', `invalidates: {\n    edited_${edit}: ['balance'],`)
    writeFileSync(path, `${rules}\nObject.assign(window, { edition: ${edit} })\n`)
    for (const page of pages)
      await until(`edit ${edit} in a page`, async () => (await valueIn(page, 'edition').catch(() => 0)) === edit)
    await connected(pages)
    await sleep(SETTLED_MS)
    counts.fetches = 0
    server.emit(`edited_${edit}`)
    await until(`a fetch in every page after edit ${edit}`, () => counts.fetches >= pages.length)
    const heard = await Promise.all(pages.map((page) => valueIn(page, 'heard')))
    server.emit('balance_updated', { accountId: '7' })
    await until(`a second fetch in every page after edit ${edit}`, () => counts.fetches >= 2 * pages.length)
    await sleep(SETTLED_MS)
    const calls = (await Promise.all(pages.map((page) => valueIn(page, 'heard')))).map((n, at) => n - (heard[at] ?? 0))
    if (calls.some((n) => n !== 1)) throw new Error(`after edit ${edit}, an event's handler was called ${calls} times`)
    if (counts.fetches !== 2 * pages.length) throw new Error(`after edit ${edit}: ${counts.fetches} fetches`)
    if (server.sockets() !== 1) throw new Error(`after edit ${edit}: ${server.sockets()} connections`)
  }
  if (loads > 0) throw new Error(`the pages were loaded again, ${loads} times: these were no hot updates`)
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
  for (const page of pages) {
    await page.reload()
    await page.getByText('Deposit ten').waitFor({ timeout: LIMIT_MS })
  }
  await connected(pages)
  const former = server.amount()
  await pages[0]?.getByRole('button').click()
  for (const page of pages) await page.getByText(String(former + 10), { exact: true }).waitFor({ timeout: LIMIT_MS })
  if (server.sockets() !== 1) throw new Error(`after an update: ${server.sockets()} connections`)
}
