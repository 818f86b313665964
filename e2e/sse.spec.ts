/** Server-Sent Events on HTTP/1.1, where a browser has six connections for an origin. */
import { connected, data, expect, open, openConnected, reported, status, test } from './app-fixtures.js'
import { ROOM } from './app-server.js'

const TABS = 20

for (const host of ['shared-worker', 'leader-tab'] as const)
  test(`twenty tabs are one stream, and every tab hears and fetches (${host})`, async ({ context, server }) => {
    const pages = []
    for (let tab = 0; tab < TABS; tab++)
      pages.push(
        await openConnected(context, server, { user: 'ann', transport: 'sse', host, topic: ROOM, url: '/events' }),
      )
    await expect.poll(() => server.stream.sockets.size).toBe(1)
    expect(server.users()).toEqual([])
    server.notifyStream.user('ann', 'told', { to: 'ann' })
    for (const page of pages) await expect.poll(() => page.evaluate(() => window.app.heard)).toEqual([{ to: 'ann' }])
    server.value = 'second'
    server.notifyStream.topic(ROOM, 'changed')
    const last = pages.at(-1)
    if (!last) throw new Error('no page')
    // The only one that is looked at.
    await last.bringToFront()
    await expect.poll(() => data(last)).toBe('second')
    expect((await status(last)).host).toBe(host)
  })

test('beside it, an EventSource in every tab: the seventh tab of the app hangs', async ({ context, server }) => {
  for (let tab = 0; tab < 6; tab++) {
    const page = await open(context, server, { naive: 1 })
    await expect.poll(() => page.evaluate(() => document.readyState)).toBe('complete')
  }
  const seventh = await context.newPage()
  await expect(seventh.goto(`${server.url}/`, { timeout: 5_000 })).rejects.toThrow(/Timeout/)
  // With one of the six tabs closed it comes: the navigation is still under way.
  await context.pages()[0]?.close()
  await seventh.waitForURL(`${server.url}/`)
})

test('a stream that breaks is made again, and what was missed is fetched', async ({ context, server }) => {
  const page = await openConnected(context, server, { user: 'ann', transport: 'sse', url: '/events' })
  server.value = 'second'
  for (const socket of server.stream.sockets.values()) socket.conn.close()
  await expect.poll(() => data(page)).toBe('second')
  await connected(page)
})

test('the tab that owns the stream closes, and another one takes over', async ({ context, server }) => {
  const parameters = { user: 'ann', transport: 'sse', host: 'leader-tab', url: '/events' }
  const first = await openConnected(context, server, parameters)
  const second = await openConnected(context, server, parameters)
  await first.close()
  await connected(second)
  await expect.poll(() => server.stream.sockets.size).toBe(1)
  server.value = 'second'
  server.notifyStream.user('ann', 'changed')
  await expect.poll(() => data(second)).toBe('second')
})

test('a server that has no stream is told as what it is', async ({ context, server }) => {
  const page = await open(context, server, { user: 'ann', transport: 'sse', url: '/nothing' })
  await expect.poll(() => reported(page, 'connect-failed')).toBe(1)
  const [message] = await page.evaluate(() => window.app.errors.map((error) => error.message))
  expect(message).toContain('404')
})
