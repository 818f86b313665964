import { setTimeout as sleep } from 'node:timers/promises'
import { connected, data, expect, open, openConnected, status, test } from './app-fixtures.js'

/** Long enough that a back-off without a memory shows: some forty handshakes instead of seven. */
const FLAPPING_MS = 15_000

test('a server that drops every connection is left alone for longer and longer, and so are its queries', async ({
  context,
  server,
}) => {
  const page = await openConnected(context, server, { user: 'ann', reconnectionDelay: 200, jitterMs: 100 })
  const counts = async () => ({
    handshakes: server.handshakes.length,
    fetches: await page.evaluate(() => window.app.fetches),
  })
  const before = await counts()
  server.dropAfterMs = 200
  server.cut()
  await sleep(FLAPPING_MS)
  const after = await counts()
  console.log(`flapping for ${FLAPPING_MS} ms: ${JSON.stringify(before)} -> ${JSON.stringify(after)}`)
  expect(after.handshakes - before.handshakes).toBeGreaterThan(1)
  expect(after.handshakes - before.handshakes).toBeLessThan(16)
  expect(after.fetches - before.fetches).toBeLessThan(10)

  server.dropAfterMs = undefined
  server.value = 'after the storm'
  // The pause may be long by now; a network that returns cuts it short.
  await page.evaluate(() => void dispatchEvent(new Event('online')))
  await connected(page)
  await expect.poll(() => server.users()).toEqual(['ann'])
  await expect.poll(() => data(page)).toBe('after the storm')
})

test('a storm of `online` does not cut short an attempt that only takes its time', async ({ context, server }) => {
  server.admitMs = 2_000
  const page = await open(context, server, { user: 'ann' })
  await page.evaluate(() => setInterval(() => dispatchEvent(new Event('online')), 1_200))
  await connected(page)
  expect(server.handshakes).toHaveLength(1)
  // Nor does it replace a connection that answers.
  const { epoch } = await status(page)
  for (let number = 1; number <= 3; number++) {
    await page.evaluate(() =>
      new Promise((resolve) => addEventListener('online', resolve, { once: true })).then(() => 0),
    )
    server.notify.user('ann', 'told', { to: String(number) })
    await expect.poll(() => page.evaluate(() => window.app.heard.length)).toBe(number)
  }
  expect(server.handshakes).toHaveLength(1)
  expect((await status(page)).epoch).toBe(epoch)
})
