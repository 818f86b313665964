import { NEXTJS, type RunningBackend, startBackend } from '../scripts/backends.js'
import { Missing, orMissing } from '../scripts/service.js'
import { test as base, expect, openFront, type Page, Reader } from './backends.js'

// The page of examples/nextjs, built by Next.js: with the package's own worker, and with one of the app's own.

const test = base.extend<{ next: { readonly running: RunningBackend; readonly reader: Reader } }>({
  next: async ({ browser }, use) => {
    const running = await orMissing(startBackend(NEXTJS))
    if (running instanceof Missing) return test.skip(true, running.message)
    const front = await openFront(undefined, running.port)
    const context = await browser.newContext()
    await use({ running, reader: new Reader(front, 'sse', context) })
    await context.close()
    front.close()
    await running.stop()
  },
})

const shows = async (pages: readonly Page[], id: string, text: string) => {
  for (const page of pages) await expect(page.locator(`input#${id}`)).toHaveValue(text)
}
const says = async (pages: readonly Page[], id: string, text: string | RegExp) => {
  for (const page of pages) await expect(page.locator(`#${id}`)).toHaveText(text)
}
const AT_REST = 'connected, 3 tabs, 0 to fetch'

async function openThree({ front, context }: Reader, path: string): Promise<[Page, Page, Page]> {
  const complaints: string[] = []
  async function open(): Promise<Page> {
    const page = await context.newPage()
    page.on('pageerror', (error) => complaints.push(String(error)))
    await page.goto(front.url + path)
    return page
  }
  const pages: [Page, Page, Page] = [await open(), await open(), await open()]
  await says(pages, 'status', AT_REST)
  await says(pages, 'host', 'shared-worker')
  expect({ open: front.open, opened: front.opened, complaints }).toEqual({ open: 1, opened: 1, complaints: [] })
  return pages
}

test('three tabs, one stream, and every part of the line at work', async ({ next: { reader, running } }) => {
  const { front } = reader
  await reader.signIn('ann')
  const pages = await openThree(reader, '/')
  await says(pages, 'topic', 'joined')
  // What was sent before it was joined may be missing: the board is fetched once more.
  await says(pages, 'status', AT_REST)
  front.takeFetches()
  await reader.request('PUT', 'note', { text: 'from elsewhere' })
  await reader.request('PUT', 'board', { text: 'for all' })
  await shows(pages, 'note', 'from elsewhere')
  await shows(pages, 'board', 'for all')
  await says(pages, 'status', AT_REST)
  expect(front.takeFetches()).toEqual([...Array(3).fill('/api/board'), ...Array(3).fill('/api/note')])

  // By a tab: that one knows the event as its own.
  await pages[0].locator('input#note').fill('from a tab')
  await pages[0].locator('input#note').blur()
  await shows(pages, 'note', 'from a tab')
  await says(pages, 'status', AT_REST)
  expect(front.takeFetches()).toEqual(Array(2).fill('/api/note'))

  await pages[1].getByText('Say hi').click()
  await says([pages[1]], 'answer', /^acknowledged [\w-]{36}$/)
  await pages[2].getByText('Say nothing').click()
  await says([pages[2]], 'answer', 'Write something first')

  await running.kill()
  await says(pages, 'status', /^(disconnected|connecting), 3 tabs/)
  await expect.poll(() => front.open).toBe(0)
  // No event tells of this one.
  running.change((data) => ({ ...data, notes: { ann: 'while it was away' } }))
  await running.restart()
  await shows(pages, 'note', 'while it was away')
  await says(pages, 'status', AT_REST)
  expect(front.open).toBe(1)

  // A sign-out that no tab knows of.
  await reader.request('DELETE', 'session')
  await expect.poll(() => front.open).toBe(0)
  await says(pages, 'status', /^disconnected/)
})

test('a transport of the app’s own runs in the worker that Next.js builds from the app’s own entry', async ({
  next: { reader, running },
}) => {
  const { front } = reader
  await reader.signIn('ann')
  const pages = await openThree(reader, '/?worker=own')
  await reader.request('PUT', 'note', { text: 'from elsewhere' })
  await shows(pages, 'note', 'from elsewhere')
  await running.kill()
  await expect.poll(() => front.open).toBe(0)
  running.change((data) => ({ ...data, notes: { ann: 'while it was away' } }))
  await running.restart()
  await shows(pages, 'note', 'while it was away')
  await says(pages, 'status', AT_REST)
  expect(front.open).toBe(1)
})
