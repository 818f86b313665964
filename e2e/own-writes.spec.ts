import { io, type Socket } from 'socket.io-client'
import { data, expect, openConnected, test } from './app-fixtures.js'
import { type AppServer, ROOM } from './app-server.js'

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
    await expect.poll(() => page.evaluate(() => window.app.client.isFetching())).toBe(0)
    const seen = nextOrigin(eve)
    const before = await fetches()
    await page.evaluate(() => window.app.write('of ann'))
    const origin = await seen
    expect(origin).toMatch(/^[\w./-]{20,}$/)
    const headers = { 'x-partyline-origin': origin }
    await fetch(`${server.url}/write?value=of-eve`, { method: 'POST', headers })
    await expect.poll(() => data(page)).toBe('of-eve')
    // Her own write is still recognized: of the two changes, one was fetched.
    expect((await fetches()) - before).toBe(1)
  } finally {
    eve.close()
  }
})
