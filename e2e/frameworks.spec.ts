import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test as base, expect, type Page } from '@playwright/test'
import { BACKENDS, type RunningBackend, startBackend } from '../scripts/backends.js'
import { buildFramework, FRAMEWORKS, type Framework } from '../scripts/frameworks.js'
import { Missing, orMissing } from '../scripts/service.js'
import { type Front, openFront, Reader } from './backends.js'

// The apps of examples/ in Vue, Svelte and Solid, each with the adapter of its framework, in front of one small backend.

interface WorkerFixtures {
  backend: RunningBackend | Missing
}
interface TestFixtures {
  /** Builds an app, and puts it in front of the backend. Skips the test where either can't be had. */
  openApp(framework: Framework): Promise<{ readonly front: Front; readonly reader: Reader; readonly code: string }>
}

const test = base.extend<TestFixtures, WorkerFixtures>({
  backend: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures that are needed off this pattern.
    async ({}, use) => {
      const nest = BACKENDS.find(({ name }) => name === 'nestjs')
      if (!nest) throw new Error('there is no backend on Node')
      const backend = await orMissing(startBackend(nest))
      await use(backend)
      if (!(backend instanceof Missing)) await backend.stop()
    },
    { scope: 'worker', timeout: 300_000 },
  ],
  openApp: async ({ browser, backend }, use) => {
    const ends: (() => unknown)[] = []
    await use(async (framework) => {
      const folder = mkdtempSync(join(tmpdir(), `partyline-${framework}-`))
      ends.push(() => rmSync(folder, { recursive: true, force: true }))
      const built = await orMissing((async () => buildFramework(framework, folder))())
      for (const needed of [backend, built]) if (needed instanceof Missing) test.skip(true, needed.message)
      const front = await openFront(folder, (backend as RunningBackend).port)
      const context = await browser.newContext()
      ends.unshift(
        () => context.close(),
        () => front.close(),
      )
      const code = readdirSync(join(folder, 'assets')).map((file) => readFileSync(join(folder, 'assets', file), 'utf8'))
      return { front, reader: new Reader(front, 'socket.io', context), code: code.join('\n') }
    })
    for (const end of ends) await end()
  },
})

const all = (pages: readonly Page[], id: string) =>
  Promise.all(pages.map((page) => page.locator(`#${id}`).textContent()))
const three = (text: string) => [text, text, text]

for (const framework of FRAMEWORKS) {
  test(`${framework}: three tabs, one socket, and every part of the binding at work`, async ({ openApp }) => {
    const { front, reader, code } = await openApp(framework)
    expect(code, 'React is in it').not.toMatch(/react\.(transitional\.)?element/)
    await reader.signIn('ann')
    await reader.request('PUT', 'note', { text: 'before' })
    await reader.request('PUT', 'board', { text: 'old' })
    const complaints: string[] = []
    async function open(): Promise<Page> {
      const page = await reader.context.newPage()
      page.on('pageerror', (error) => complaints.push(String(error)))
      page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
      })
      await page.goto(front.url)
      return page
    }
    const [one, two, third] = [await open(), await open(), await open()]
    const pages = [one, two, third]
    const shows = async (id: string, text: string) => {
      for (const page of pages) await expect(page.locator(`#${id}`)).toHaveValue(text)
    }
    const areAtRest = async () => {
      await expect.poll(() => all(pages, 'status')).toEqual(three('connected, 3 tabs, 0 to fetch'))
      await expect.poll(() => all(pages, 'topic')).toEqual(three('joined'))
    }
    await areAtRest()
    await shows('note', 'before')
    await shows('board', 'old')
    expect(front.open).toBe(1)

    // An event: its handler, and a fetch.
    await reader.request('PUT', 'note', { text: 'from elsewhere' })
    await shows('note', 'from elsewhere')
    await expect.poll(() => all(pages, 'heard')).toEqual(three('1 events'))

    // By a tab: the others hear of it, and fetch. That one has the answer.
    await areAtRest()
    front.takeFetches()
    await one.locator('#note').fill('from a tab')
    await one.locator('#note').blur()
    await shows('note', 'from a tab')
    await expect.poll(() => all(pages, 'heard')).toEqual(three('2 events'))
    await areAtRest()
    expect(front.takeFetches()).toEqual(Array(2).fill('/api/note'))

    // A topic's event, for a query that waits for its user.
    await reader.request('PUT', 'board', { text: 'for all' })
    await expect.poll(() => all(pages, 'refresh')).toEqual(three('1 new'))
    await shows('board', 'old')
    await two.locator('#refresh').click()
    await expect(two.locator('#board')).toHaveValue('for all')
    await expect(two.locator('#refresh')).toHaveCount(0)

    // A sign-out in one tab ends the line in all of them. The next user's is another one.
    await third.getByText('Sign out').click()
    await expect.poll(() => front.open).toBe(0)
    for (const page of [one, two]) await expect(page.locator('#status')).toContainText('signed-out')
    await third.getByText('Sign in as bob').click()
    await expect(third.locator('#status')).toHaveText('connected, 1 tabs, 0 to fetch')
    expect(front.open).toBe(1)
    expect(complaints).toEqual([])
  })
}
