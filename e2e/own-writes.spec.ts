import { io, type Socket } from 'socket.io-client'
import { data, expect, openConnected, test } from './app-fixtures.js'
import { type AppServer, ROOM } from './app-server.js'

declare global {
  interface Window {
    covered: (readonly unknown[])[]
  }
}

/** Another member of the topic, with a client of her own making: she reads all that comes. */
async function joinAs(user: string, server: AppServer): Promise<Socket> {
  const socket = io(server.url, { auth: { token: user }, transports: ['websocket'] })
  const joined = new Promise((resolve) => {
    socket.on('_line', (said: { topic?: string }) => said.topic === ROOM && resolve(said))
  })
  socket.emit('_line:join', { topics: [ROOM], request: 1 })
  expect(await joined).toMatchObject({ ok: true })
  return socket
}

/** The origin in the next event. */
const nextOrigin = (socket: Socket): Promise<string> =>
  new Promise((resolve) =>
    socket.once('changed', ({ _line }: { _line?: { origin?: string } }) => resolve(_line?.origin ?? '')),
  )

test('nobody can pass a change off as the author’s own by the origin that she saw', async ({ context, server }) => {
  const page = await openConnected(context, server, { user: 'ann', topic: ROOM })
  const eve = await joinAs('eve', server)
  try {
    const fetches = () => page.evaluate(() => window.app.fetches)
    await expect.poll(fetches).toBeGreaterThan(0)
    // The topic is joined, and what was checked for it has been fetched.
    // The hub's answer to an inspection comes behind its gap and its topic's answer: what they make stale is owed by then.
    const settled = () =>
      page.evaluate(async () => {
        const { line, client } = window.app
        const { hub } = await line.inspect()
        const owed = line.status.pending.count + client.isFetching()
        return { topics: hub?.topics.map(({ state }) => state), owed }
      })
    await expect.poll(settled).toEqual({ topics: ['joined'], owed: 0 })
    const seen = nextOrigin(eve)
    const before = await fetches()
    await page.evaluate(() => {
      window.covered = []
      window.app.line.onReceipt(({ covered }) => window.covered.push(...covered))
      return window.app.write('of ann')
    })
    const origin = await seen
    // Her own write is recognized: its event is covered by what she has.
    await expect.poll(() => page.evaluate(() => window.covered)).toEqual([['data']])
    expect(await fetches()).toBe(before)
    expect(origin).toMatch(/^[\w./-]{20,}$/)
    const headers = { 'x-partyline-origin': origin }
    await fetch(`${server.url}/write?value=of-eve`, { method: 'POST', headers })
    await expect.poll(() => data(page)).toBe('of-eve')
    // Of the two changes, one was fetched.
    expect((await fetches()) - before).toBe(1)
  } finally {
    eve.close()
  }
})
