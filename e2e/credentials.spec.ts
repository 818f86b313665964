import type { BrowserContext } from '@playwright/test'
import { asked, connected, data, expect, open, openConnected, reported, statusName, test } from './app-fixtures.js'
import { type AppServer, startAppServer } from './app-server.js'

test('a server that refuses good credentials for five seconds gets its tabs back, untouched', async ({
  context,
  server,
}) => {
  const page = await openConnected(context, server, { user: 'ann', reconnectionDelay: 250 })
  let until: number | undefined
  // A Socket.IO middleware can't say that it only does not know.
  server.refuse = () => {
    until ??= Date.now() + 5_000
    return Date.now() < until ? 'the session store restarts' : undefined
  }
  server.value = 'while it was away'
  server.cut()
  await expect.poll(() => server.refusals).toBeGreaterThan(0)
  await expect.poll(() => statusName(page)).toMatch(/^(disconnected|unauthorized)$/)
  await connected(page)
  await expect.poll(() => data(page)).toBe('while it was away')
  // The pauses grow: some seven refusals fit into five seconds, not dozens.
  expect(server.refusals).toBeLessThan(12)
})

test('the tab that signed in last, or was shown last, is asked first, and another one after a refusal', async ({
  context,
  server,
}) => {
  const old = await openConnected(context, server, { user: 'ann', token: 'ann.old' })
  server.refuse = (token) => (token === 'ann.old' ? 'the token has expired' : undefined)
  const fresh = await openConnected(context, server, { user: 'ann', token: 'ann.fresh' })
  const calls = async () => ({ old: await asked(old), fresh: await asked(fresh) })
  expect(await calls()).toEqual({ old: 1, fresh: 0 })
  server.cut()
  await expect.poll(() => server.users()).toEqual(['ann'])
  for (const page of [old, fresh]) await connected(page)
  expect(await calls()).toEqual({ old: 1, fresh: 1 })
  expect(server.handshakes.map(({ token }) => token)).toEqual(['ann.old', 'ann.fresh'])

  await old.evaluate(() => void document.dispatchEvent(new Event('visibilitychange', { bubbles: true })))
  server.cut()
  await expect.poll(() => server.handshakes.map(({ token }) => token).slice(2)).toEqual(['ann.old', 'ann.fresh'])
  for (const page of [old, fresh]) await connected(page)
})

/** Ann's page, whose token endpoint reads the cookie; then bob signs in in another tab, and the connection is lost. */
async function bobInsteadOfAnn({ context, server }: { context: BrowserContext; server: AppServer }) {
  const signIn = (user: string) => context.addCookies([{ name: 'user', value: user, url: server.url }])
  await signIn('ann')
  const pages = [
    await openConnected(context, server, { user: 'ann', cookie: 1, reconnectionDelay: 250 }),
    await openConnected(context, server, { user: 'ann', cookie: 1, reconnectionDelay: 250 }),
  ] as const
  await signIn('bob')
  const before = server.handshakes.length
  // At any moment, also in that between a handshake and what is known of it.
  const telling = setInterval(() => server.notify.user('bob', 'told', { to: 'bob' }), 10)
  server.cut()
  for (const page of pages) {
    await expect.poll(() => statusName(page)).toBe('wrong-identity')
    expect(await page.evaluate(() => window.app.line.status.reason)).toBeTruthy()
  }
  // It goes on trying, and each outage is reported once.
  await expect.poll(() => server.handshakes.length).toBeGreaterThan(before + 1)
  await expect.poll(() => server.users()).toEqual([])
  clearInterval(telling)
  for (const page of pages) {
    expect(await reported(page, 'wrong-identity')).toBe(1)
    // A server that compares nothing lets bob in for a moment, at each attempt.
    await expect.poll(() => statusName(page)).toBe('wrong-identity')
  }

  await signIn('ann')
  await pages[0].evaluate(() => (window.app.line as { retry?(): void }).retry?.())
  for (const page of pages) await connected(page)
  await expect.poll(() => server.users()).toEqual(['ann'])
  server.notify.user('ann', 'told', { to: 'ann' })
  // In order: what came for bob would stand before it.
  for (const page of pages) await expect.poll(() => page.evaluate(() => window.app.heard)).toEqual([{ to: 'ann' }])
}

test('nobody hears the events of a user who signed in in another tab', async ({ context, server }) => {
  await bobInsteadOfAnn({ context, server })
  expect(server.handshakes.at(-1)?.token).toBe('ann')
})

test('nor at a server that compares nothing, but says whom it let in', async ({ context, folder }) => {
  const server = await startAppServer({ folder, compares: false })
  try {
    await bobInsteadOfAnn({ context, server })
  } finally {
    await context.close()
    await server.close()
  }
})

test('a tab whose token has expired signs in again by mounting again', async ({ context, server }) => {
  // Final: so no attempt of the hub's own comes between.
  server.refuse = (token) => (token === 'ann.old' ? { reason: 'the token has expired', final: true } : undefined)
  const page = await open(context, server, { token: 'ann.old' })
  const mount = () =>
    page.evaluate(() => {
      const former = (window as { unmount?(): void }).unmount
      former?.()
      Object.assign(window, { unmount: window.app.mount('ann') })
    })
  await mount()
  await expect.poll(() => statusName(page)).toBe('unauthorized')
  const before = server.handshakes.length
  await page.evaluate(() => void Object.assign(window.app, { token: 'ann.new' }))
  await mount()
  await connected(page)
  expect(server.handshakes.slice(before).map(({ token }) => token)).toEqual(['ann.new'])
})
