import { startDemo } from '../demo/server/server.js'
import { Bank, test as base, errorCodes, expect, origin, type Page, status } from './fixtures.js'

// What real tabs send, over the one connection.

interface Heard {
  readonly n: number
  readonly _line: { readonly tab: string }
}

/** A server that acknowledges what tabs send. */
const test = base.extend<{ chat: { readonly bank: Bank; readonly heard: Heard[] } }>({
  chat: async ({ server, context }, use) => {
    const demo = await startDemo({ database: server.database })
    const heard: Heard[] = []
    demo.io.on('connection', (socket) => {
      socket.on('chat:say', (data: Heard, acknowledge: (answer: object) => void) => {
        heard.push(data)
        acknowledge(data.n < 0 ? { ok: false, message: 'no negative numbers' } : { heard: data.n })
      })
      socket.on('chat:quiet', (data: Heard) => heard.push(data))
    })
    await use({ bank: new Bank(demo, context), heard })
    await context.close()
    await demo.close()
  },
})

/** The acknowledgement, or the code of the error. */
const send = (page: Page, event: string, n: number, options = {}) =>
  page.evaluate(
    async (given) => {
      const line = window.ledger.line as unknown as {
        send(event: string, data: object, options: object): Promise<unknown>
      }
      try {
        return await line.send(given.event, { n: given.n }, given.options)
      } catch (thrown) {
        return (thrown as { code: string }).code
      }
    },
    { event, n, options },
  )

for (const [host, search] of [
  ['shared-worker', ''],
  ['leader-tab', '?host=leader-tab'],
] as const)
  test(`three tabs send over one socket of a ${host}, and each has its own acknowledgement`, async ({ chat }) => {
    const { bank, heard } = chat
    await bank.signIn()
    const pages = await bank.openTabs(3, search)
    for (const page of pages) expect((await status(page)).host).toBe(host)

    const answers = await Promise.all(pages.map((page, n) => send(page, 'chat:say', n)))
    expect(answers).toEqual([{ heard: 0 }, { heard: 1 }, { heard: 2 }])
    const tabs = await Promise.all(pages.map(origin))
    expect(heard.map(({ n, _line }) => [n, _line.tab]).sort()).toEqual(tabs.map((tab, n) => [n, tab]))
    expect(bank.demo.io.of('/').sockets.size).toBe(1)

    const [page = pages[0] as Page] = pages
    expect(await send(page, 'chat:say', -1)).toBe('rejected')
    expect(await send(page, 'chat:quiet', 3, { timeoutMs: 300 })).toBe('timed-out')
    expect(await send(page, '_line:auth', 4)).toBe('bad-send')

    // What is lost on its way is not sent again.
    const lost = send(pages[2] as Page, 'chat:quiet', 5)
    await expect.poll(() => heard.some(({ n }) => n === 5)).toBe(true)
    bank.demo.io.disconnectSockets(true)
    expect(await lost).toBe('connection-lost')
    // Nothing is sent while it is not connected, so asking again repeats nothing.
    await expect.poll(() => send(pages[1] as Page, 'chat:say', 6)).toEqual({ heard: 6 })
    for (const one of pages) await expect.poll(async () => (await status(one)).name).toBe('connected')
    expect(heard.map(({ n }) => n).filter((n) => n === 5)).toEqual([5])
    for (const one of pages) expect(await errorCodes(one)).toEqual([])
  })

test('what the first tab to close was sending leaves nothing behind, and the others go on', async ({ chat }) => {
  const { bank, heard } = chat
  await bank.signIn()
  const pages = await bank.openTabs(2, '?host=leader-tab')
  void send(pages[0] as Page, 'chat:quiet', 1).catch(() => undefined)
  await expect.poll(() => heard.length).toBe(1)
  await pages[0]?.close()
  await expect.poll(() => send(pages[1] as Page, 'chat:say', 2)).toEqual({ heard: 2 })
  expect(heard.filter(({ n }) => n === 1).length).toBe(1)
})
