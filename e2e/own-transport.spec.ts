/** A transport of the app's own: in the worker that the app builds, and in a tab. */
import type { Page } from './app-fixtures.js'
import { data, errorCodes, expect, openConnected, status, test } from './app-fixtures.js'
import type { AppServer } from './app-server.js'

async function tell(server: AppServer, [first, last]: readonly Page[]): Promise<void> {
  if (!first || !last) throw new Error('two tabs')
  await expect.poll(() => server.own.size).toBe(1)
  // The resync of the first connection would fetch the new value, too.
  await expect.poll(async () => (await status(first)).lastGap).toBeDefined()
  for (const page of [first, last])
    await expect
      .poll(() => page.evaluate(() => window.app.line.status.pending.count + window.app.client.isFetching()))
      .toBe(0)
  server.value = 'second'
  for (const response of server.own) response.write('data: {"event":"changed"}\n\n')
  for (const page of [first, last]) await expect.poll(() => data(page)).toBe('second')
}

test('runs in the worker of the app’s own entry', async ({ context, server }) => {
  const parameters = { user: 'ann', transport: 'own', 'own-worker': 1 }
  const pages = [await openConnected(context, server, parameters), await openConnected(context, server, parameters)]
  for (const page of pages) expect((await status(page)).host).toBe('shared-worker')
  await tell(server, pages)
  expect(await errorCodes(pages[0] as Page)).toEqual([])
})

test('where the worker does not know it, it runs in the leader tab, and the app is told', async ({
  context,
  server,
}) => {
  const parameters = { user: 'ann', transport: 'own' }
  const pages = [await openConnected(context, server, parameters), await openConnected(context, server, parameters)]
  for (const page of pages) expect((await status(page)).host).toBe('leader-tab')
  await tell(server, pages)
  expect(await errorCodes(pages[0] as Page)).toEqual(['unknown-transport'])
})

test('a topic is refused at once: this transport only receives', async ({ context, server }) => {
  const page = await openConnected(context, server, { user: 'ann', transport: 'own', 'own-worker': 1, topic: 'room' })
  await expect.poll(() => errorCodes(page)).toEqual(['topic-failed'])
})

test('Socket.IO works in the app’s own worker as well', async ({ context, server }) => {
  const page = await openConnected(context, server, { user: 'ann', 'own-worker': 1 })
  expect((await status(page)).host).toBe('shared-worker')
  expect(server.users()).toEqual(['ann'])
})
