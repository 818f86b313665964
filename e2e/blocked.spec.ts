/** Where a proxy lets no WebSocket through: Socket.IO's long polling, shared as well. */
import { data, errorCodes, expect, open, openConnected, test } from './app-fixtures.js'
import { startAppServer } from './app-server.js'

const TABS = 20

for (const host of ['shared-worker', 'leader-tab'])
  test(`long polling takes over, and twenty tabs are one of it (${host})`, async ({ context, folder }) => {
    test.setTimeout(300_000)
    const server = await startAppServer({ folder, isWebSocketBlocked: true })
    const pages = []
    // On HTTP/1.1 the seventh tab would have no connection left.
    for (let tab = 0; tab < TABS; tab++)
      pages.push(await openConnected(context, server, { user: 'ann', host, fallback: 1 }))
    await expect.poll(() => server.users()).toEqual(['ann'])
    server.value = 'second'
    server.notify.user('ann', 'changed')
    const last = pages.at(-1)
    if (!last) throw new Error('no page')
    await last.bringToFront()
    await expect.poll(() => data(last)).toBe('second')
    expect(await errorCodes(last)).toEqual([])
    await context.close()
    await server.close()
  })

test('beside it, a socket in every tab: the seventh tab of the app hangs', async ({ context, folder }) => {
  // A poll that ends, with a heartbeat, frees its connection for a moment.
  const server = await startAppServer({ folder, isWebSocketBlocked: true, pingInterval: 300_000 })
  for (let tab = 0; tab < 6; tab++) await open(context, server, { 'naive-polling': 1 })
  await expect.poll(() => server.users()).toEqual(Array(6).fill('ann'))
  await expect.poll(() => server.waitingPolls()).toBe(6)
  const seventh = await context.newPage()
  await expect(seventh.goto(`${server.url}/`, { timeout: 5_000 })).rejects.toThrow(/Timeout/)
  // With one of the six tabs closed it comes: the navigation is still under way.
  await context.pages()[0]?.close()
  await seventh.waitForURL(`${server.url}/`)
  await context.close()
  await server.close()
})
