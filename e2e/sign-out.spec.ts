import type { CDPSession, Page } from '@playwright/test'
import { byRole, connected, expect, findWorker, openConnected, statusName, test } from './app-fixtures.js'
import type { AppServer } from './app-server.js'

/** Says that it has begun, and then reads no message any more. */
const BUSY =
  "new BroadcastChannel('busy').postMessage(''); const until = Date.now() + 20000; while (Date.now() < until);"

/** Makes the hub's thread hang, so that it can't hear of the sign-out; resolves once it does. */
async function whileBusy(observer: Page, start: () => void): Promise<void> {
  await observer.evaluate(() => {
    const busy = new Promise((resolve) => {
      new BroadcastChannel('busy').onmessage = resolve
    })
    Object.assign(window, { busy })
  })
  start()
  await observer.evaluate(() => (window as unknown as { busy: Promise<unknown> }).busy.then(() => undefined))
}

async function signedOut(pages: readonly Page[], server: AppServer): Promise<void> {
  for (const page of pages) await expect.poll(() => statusName(page), { timeout: 20_000 }).toBe('signed-out')
  await expect.poll(() => server.users()).toEqual([])
  // Who signs in again has a session of her own, to which the others do not belong.
  const [first, ...others] = pages
  await first?.evaluate(() => void window.app.mount('ann'))
  await connected(first as Page)
  for (const page of others) expect(await statusName(page)).toBe('signed-out')
  expect(server.users()).toEqual(['ann'])
}

test('a sign-out reaches every tab although the leader crashes before it hears of it', async ({ context, server }) => {
  const pages: Page[] = []
  for (let tab = 0; tab < 4; tab++)
    pages.push(await openConnected(context, server, { user: 'ann', host: 'leader-tab' }))
  const { leader, followers } = await byRole(pages)
  const session = await context.newCDPSession(leader)
  const [one] = followers as [Page]
  await whileBusy(one, () => void session.send('Runtime.evaluate', { expression: BUSY }).catch(() => undefined))
  await one.evaluate(() => window.app.line.signOut())
  void session.send('Page.crash').catch(() => undefined)
  await signedOut(followers, server)
})

test('nor does it matter that the worker is killed before it hears of it', async ({
  context,
  server,
  browserSession,
}) => {
  const pages: Page[] = []
  for (let tab = 0; tab < 3; tab++) pages.push(await openConnected(context, server, { user: 'ann' }))
  const targetId = await findWorker(browserSession, server)
  const [one] = pages as [Page]
  const { sessionId } = await browserSession.send('Target.attachToTarget', { targetId, flatten: false })
  await whileBusy(one, () => evaluate(browserSession, sessionId, BUSY))
  await one.evaluate(() => window.app.line.signOut())
  await browserSession.send('Target.closeTarget', { targetId })
  await signedOut(pages, server)
})

/** In a worker, whose session is reached through that of the browser. */
function evaluate(session: CDPSession, sessionId: string, expression: string): void {
  const message = JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression } })
  void session.send('Target.sendMessageToTarget', { sessionId, message }).catch(() => undefined)
}
