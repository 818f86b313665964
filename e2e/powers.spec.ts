import type { Frame, Page } from '@playwright/test'
import { address, connected, data, errorCodes, expect, status, test } from './app-fixtures.js'
import type { AppServer } from './app-server.js'

/** Adds a frame to the page, and waits until the app is in it. */
async function addFrame(page: Page, attributes: Record<string, string>): Promise<Frame> {
  await page.evaluate((given) => {
    const frame = document.createElement('iframe')
    for (const [name, value] of Object.entries(given)) frame.setAttribute(name, value)
    document.body.append(frame)
  }, attributes)
  await expect.poll(() => page.frames().length).toBe(2)
  const frame = page.frames()[1] as Frame
  await frame.waitForFunction(() => window.app !== undefined)
  return frame
}

async function emptyPage(page: Page, server: AppServer): Promise<Page> {
  await page.goto(`${server.url}/empty`)
  return page
}

async function worksAlone(frame: Frame, server: AppServer): Promise<void> {
  await connected(frame)
  expect(await status(frame)).toMatchObject({ tabs: 1 })
  await expect.poll(() => data(frame)).toBe('first')
  server.value = 'second'
  server.notify.user('ann', 'changed')
  await expect.poll(() => data(frame)).toBe('second')
  expect(await errorCodes(frame)).not.toContain('no-host')
}

test('a sandboxed frame, where locks and storage refuse, connects by itself', async ({ page, server }) => {
  const parameters = { user: 'ann' }
  const frame = await addFrame(await emptyPage(page, server), {
    sandbox: 'allow-scripts',
    src: address(server, parameters),
  })
  // What this test is about is really so.
  expect(
    await frame.evaluate(() => navigator.locks.request('any', () => 'granted').catch((error: Error) => error.name)),
  ).toBe('SecurityError')
  await worksAlone(frame, server)
  expect(server.users()).toEqual(['ann'])
  // It is gone with its frame.
  await page.evaluate(() => document.querySelector('iframe')?.remove())
  await expect.poll(() => server.users()).toEqual([])
})

test('so do two of them, of which each is a world of its own', async ({ page, context, server }) => {
  const frames: Frame[] = []
  for (const one of [page, await context.newPage()])
    frames.push(
      await addFrame(await emptyPage(one, server), {
        sandbox: 'allow-scripts',
        src: address(server, { user: 'ann', host: 'auto' }),
      }),
    )
  for (const frame of frames) {
    await connected(frame)
    expect(await status(frame)).toMatchObject({ tabs: 1 })
  }
  await expect.poll(() => server.users()).toEqual(['ann', 'ann'])
})

test('a frame from a text resolves a relative address as the page around it does', async ({ page, server }) => {
  const index = await (await page.request.get(`${server.url}/`)).text()
  const parameters = "<script>window.parameters = 'user=ann&url=/'</script>"
  const frame = await addFrame(await emptyPage(page, server), {
    srcdoc: index.replace('<head>', `<head>${parameters}`),
  })
  expect(await frame.evaluate(() => location.href)).toBe('about:srcdoc')
  await worksAlone(frame, server)
  expect(await errorCodes(frame)).toEqual([])
})
