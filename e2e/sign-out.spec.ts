import type { CDPSession, Page } from '@playwright/test'
import { address, byRole, connected, expect, findWorker, openConnected, statusName, test } from './app-fixtures.js'
import type { AppServer } from './app-server.js'

/** As apps do it: the page goes to another one at once, and so it can't tell a later hub. */
async function signOut(page: Page, server: AppServer): Promise<void> {
  await page.evaluate(() => window.app.line.signOut())
  await page.goto(`${server.url}/empty`)
}

async function signedOut(pages: readonly Page[], signer: Page, server: AppServer): Promise<void> {
  for (const page of pages) await expect.poll(() => statusName(page)).toBe('signed-out')
  await expect.poll(() => server.users()).toEqual([])
  // Signing in again begins a session that the others do not belong to.
  await signer.goto(address(server, { user: 'ann' }))
  await connected(signer)
  for (const page of pages) expect(await statusName(page)).toBe('signed-out')
  expect(server.users()).toEqual(['ann'])
}

test('a sign-out reaches every tab although the leader crashes before it hears of it', async ({ context, server }) => {
  const pages: Page[] = []
  for (let tab = 0; tab < 4; tab++)
    pages.push(await openConnected(context, server, { user: 'ann', host: 'leader-tab' }))
  const { leader, followers } = await byRole(pages)
  const session = await context.newCDPSession(leader)
  const [signer, ...others] = followers as [Page, ...Page[]]
  // From here on it runs no statement any more.
  await session.send('Debugger.enable')
  await session.send('Debugger.pause')
  await signOut(signer, server)
  void session.send('Page.crash').catch(() => undefined)
  await signedOut(others, signer, server)
})

test('nor does it matter that the worker is killed before it hears of it', async ({
  context,
  server,
  browserSession,
}) => {
  const pages: Page[] = []
  for (let tab = 0; tab < 3; tab++) pages.push(await openConnected(context, server, { user: 'ann' }))
  const targetId = await findWorker(browserSession, server)
  const [signer, ...others] = pages as [Page, ...Page[]]
  await pauseWorker(browserSession, targetId)
  await signOut(signer, server)
  await browserSession.send('Target.closeTarget', { targetId })
  await signedOut(others, signer, server)
})

/** Of a worker's session there are only the messages, through that of the browser. Resolves once no statement is run any more. */
async function pauseWorker(session: CDPSession, targetId: string): Promise<void> {
  const { sessionId } = await session.send('Target.attachToTarget', { targetId, flatten: false })
  for (const [id, method] of ['Debugger.enable', 'Debugger.pause'].entries()) {
    const answered = new Promise<void>((resolve) => {
      session.on('Target.receivedMessageFromTarget', ({ message }) => {
        if ((JSON.parse(message) as { id?: number }).id === id) resolve()
      })
    })
    await session.send('Target.sendMessageToTarget', { sessionId, message: JSON.stringify({ id, method, params: {} }) })
    await answered
  }
}
