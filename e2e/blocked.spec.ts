/** Where a proxy lets no WebSocket through: Socket.IO's long polling, shared as well. */
import { data, errorCodes, expect, openConnected, test } from './app-fixtures.js'
import { startAppServer } from './app-server.js'

for (const host of ['shared-worker', 'leader-tab'])
  test(`long polling takes over, and ten tabs are one of it (${host})`, async ({ context, folder }) => {
    const server = await startAppServer({ folder, isWebSocketBlocked: true })
    const pages = []
    // On HTTP/1.1 the seventh tab would have no connection left.
    for (let tab = 0; tab < 10; tab++)
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
