import { expect, openConnected, status, test } from './app-fixtures.js'
import { startAppServer } from './app-server.js'

for (const host of ['shared-worker', 'leader-tab'])
  test(`two apps of one origin with different paths have a connection each (${host})`, async ({ context, folder }) => {
    const server = await startAppServer({ folder, paths: ['/one/', '/other/'] })
    try {
      const one = await openConnected(context, server, { user: 'ann', host, path: '/one/' })
      const other = await openConnected(context, server, { user: 'ann', host, path: '/other/' })
      const again = await openConnected(context, server, { user: 'ann', host, path: '/other/' })
      expect(server.handshakes.map(({ path }) => path)).toEqual(['/one/', '/other/'])
      await expect.poll(async () => (await status(one)).tabs).toBe(1)
      for (const page of [other, again]) await expect.poll(async () => (await status(page)).tabs).toBe(2)
    } finally {
      await context.close()
      await server.close()
    }
  })
