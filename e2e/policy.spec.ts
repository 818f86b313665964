/** What the demo's pages may load and connect to: their own origin. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BrowserContext } from '@playwright/test'
import { atRest, expect, status, test } from './fixtures.js'

/** What the policy has refused, in any page or frame of it. */
function watchRefusals(context: BrowserContext): string[] {
  const refusals: string[] = []
  context.on('console', (message) => {
    if (/content security policy/i.test(message.text())) refusals.push(message.text())
  })
  return refusals
}

test('the bank needs nothing that its policy refuses', async ({ bank }) => {
  const refusals = watchRefusals(bank.context)
  await bank.signIn()
  const [page] = await bank.openTabs(1)
  if (!page) throw new Error('one tab')
  const payee = await bank.pay(77)
  await expect(page.getByTestId('tx-row').first()).toContainText(payee)
  await atRest(page)
  expect(await status(page)).toMatchObject({ name: 'connected', host: 'shared-worker' })
  expect(refusals).toEqual([])
})

test('the wall needs nothing that its policy refuses', async ({ bank }) => {
  const refusals = watchRefusals(bank.context)
  const page = await bank.context.newPage()
  await page.goto(bank.demo.url)
  const live = () => page.frames().filter((frame) => /half=/.test(frame.url()))
  await expect.poll(() => live().length).toBe(24)
  for (const frame of live())
    await expect.poll(() => frame.evaluate(() => window.tile?.read().data !== undefined)).toBe(true)
  expect(refusals).toEqual([])
})

test('another origin is neither asked by the bank, nor may it frame it', async ({ bank }) => {
  let asked = 0
  const foreign = createServer((request, response) => {
    if (request.url === '/asked') asked++
    response.writeHead(200, { 'content-type': 'text/html', 'access-control-allow-origin': '*' })
    response.end(`<!doctype html><iframe src="${bank.demo.url}/bank"></iframe>`)
  })
  foreign.on('upgrade', (_request, socket) => {
    asked++
    socket.destroy()
  })
  await new Promise<void>((resolve) => foreign.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(foreign.address() as AddressInfo).port}`
  try {
    await bank.signIn()
    const [page] = await bank.openTabs(1)
    const refusals = watchRefusals(bank.context)
    await page?.evaluate(async (to) => {
      await fetch(to).catch(() => undefined)
      const ended = (socket: WebSocket) =>
        new Promise((resolve) => {
          socket.onclose = resolve
          socket.onerror = resolve
        })
      await ended(new WebSocket(to.replace('http', 'ws')))
    }, `${url}/asked`)
    await expect.poll(() => refusals.length).toBeGreaterThanOrEqual(2)
    const framing = await bank.context.newPage()
    await framing.goto(`${url}/frame`)
    await expect.poll(() => refusals.some((text) => text.includes('frame-ancestors'))).toBe(true)
    expect(asked).toBe(0)
  } finally {
    foreign.closeAllConnections()
    foreign.close()
  }
})
