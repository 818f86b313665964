import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect as connectTcp } from 'node:net'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { drawHostile, HOSTILE, hostileMetadata, hostileName } from '../../test/hostile.js'
import { afterwards, until } from '../../test/real-server.js'
import { connectTransport } from '../../test/real-sockets.js'
import { openSse } from '../../test/real-sse.js'
import { createEventStream, createNotifier, createSessions } from './index.js'

// Clients that send what no client sends, or too slowly, or too much.

async function start(options: Parameters<typeof createServer>[0] = {}) {
  const stream = createEventStream()
  const codes: string[] = []
  createSessions(stream, {
    authenticate: ({ token }) => {
      const [, userId, life] = /^(ann|bob)(?:\/(\d+))?$/.exec(typeof token === 'string' ? token : '') ?? []
      return userId ? { userId, ...(life && { expiresAt: Date.now() + Number(life) }) } : 'token unknown'
    },
    topics: { authorize: (_session, topic) => topic.length < 3 },
    replay: () => [],
    newest: () => 1,
    onError: ({ code }) => void codes.push(code),
  })
  const http: Server = createServer(options, (request, response) => stream.handle(request, response))
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  afterwards(() => http.closeAllConnections())
  afterwards(() => http.close())
  const { port } = http.address() as AddressInfo
  const connect = (token: string) => {
    const near = connectTransport(openSse(), port, async () => ({ token }))
    afterwards(near.transport.close)
    return near
  }
  return { stream, codes, port, url: `http://127.0.0.1:${port}/`, connect, notify: createNotifier(stream) }
}

const frame = fc.record({ event: hostileName, metadata: hostileMetadata }, { requiredKeys: [] })
const anything = fc.oneof(
  { weight: 8, arbitrary: frame.map((value) => JSON.stringify(value)) },
  { weight: 1, arbitrary: fc.json() },
  {
    weight: 1,
    arbitrary: fc.constantFrom('disconnect', 'disconnecting', 'connect').map((event) => `{"event":"${event}"}`),
  },
)
const body = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.json(),
  fc.nat(3_000).map((levels) => `${'['.repeat(levels)}${']'.repeat(levels)}`),
  fc.array(anything, { maxLength: 3 }).map((list) => `[${list}`),
)
const header = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.constantFrom(
    'Bearer ',
    'Bearer ann',
    'Partyline ',
    'Partyline !!',
    'Basic YTpi',
    '%',
    '%ff',
    '1e999',
    '__proto__',
  ),
  fc.json().map((value) => `Partyline ${btoa(encodeURIComponent(value))}`),
)
const headers = fc.record(
  { authorization: header, 'x-partyline-identity': header, 'last-event-id': header, 'x-partyline-stream': header },
  { requiredKeys: [] },
)

it(`survives ${HOSTILE} hostile frames of a client, and requests that are none, and serves who is beside it`, async () => {
  const { stream, codes, url, connect, notify } = await start()
  const [ann, bob] = [connect('ann'), connect('bob')]
  await until(() => expect([ann.reports, bob.reports]).toEqual([['up'], ['up']]))
  const idOf = (user: string) => [...stream.sockets.values()].find(({ rooms }) => rooms.has(`user_${user}`))?.id ?? ''
  const statuses = new Set<number>()
  async function post(text: string, more: object = { 'x-partyline-stream': idOf('bob') }): Promise<void> {
    const answer = await fetch(url, { method: 'POST', body: text, headers: { ...more } })
    statuses.add(answer.status)
    // Fresh credentials of another user, and what is said of his right, may end the stream.
    if (bob.reports.at(-1) !== 'up') bob.transport.connect()
    await until(() => expect(idOf('bob')).not.toBe(''))
  }
  const frames = drawHostile(anything, HOSTILE - 500)
  for (let at = 0; at < frames.length; at += 100) await post(`[${frames.slice(at, at + 100)}]`)
  for (const text of drawHostile(body, 300)) await post(text)
  for (const given of drawHostile(headers, 200)) {
    const life = new AbortController()
    // What fetch itself refuses is not sent.
    const answer = await fetch(url, { headers: given, signal: life.signal }).catch(() => undefined)
    if (answer) statuses.add(answer.status)
    life.abort()
  }
  expect([...statuses].every((status) => [200, 204, 400, 401, 404].includes(status))).toBe(true)
  bob.transport.close()
  await until(() => expect([...stream.sockets.values()].map(({ id }) => id)).toEqual([idOf('ann')]))
  notify.user('ann', 'changed', { n: 1 })
  await until(() => expect(ann.events.at(-1)).toEqual(['changed', { n: 1 }]))
  expect([ann.reports, codes]).toEqual([['up'], []])
}, 300_000)

it('a client can’t say that its own connection has ended, and so outlive its credentials', async () => {
  const { stream, url, connect } = await start()
  const ann = connect('ann/6000')
  await until(() => expect(ann.reports).toEqual(['up']))
  const [id = ''] = stream.sockets.keys()
  for (const event of ['disconnect', 'disconnecting']) {
    const body = JSON.stringify([{ event, metadata: 'transport close' }])
    expect((await fetch(url, { method: 'POST', body, headers: { 'x-partyline-stream': id } })).status).toBe(204)
  }
  await until(() => expect(stream.sockets.has(id)).toBe(false))
})

it('a body that has no end is read as far as its limit, by web-standard servers as well', async () => {
  const { stream, connect } = await start()
  const ann = connect('ann')
  await until(() => expect(ann.reports).toEqual(['up']))
  const [id = ''] = stream.sockets.keys()
  let chunks = 0
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      chunks++
      controller.enqueue(new TextEncoder().encode('1,'.repeat(5_000)))
    },
  })
  const init = { method: 'POST', body: endless, duplex: 'half', headers: { 'x-partyline-stream': id } }
  expect((await stream.fetch(new Request('http://app/', init as RequestInit))).status).toBe(400)
  expect(chunks).toBeLessThan(20)
})

it('a client that sends a byte now and then holds nobody up, and Node ends it', async () => {
  const limits = { headersTimeout: 1_000, requestTimeout: 1_000, connectionsCheckingInterval: 100 }
  const { stream, codes, port, connect, notify } = await start(limits)
  const ann = connect('ann')
  await until(() => expect(ann.reports).toEqual(['up']))
  const [id = ''] = stream.sockets.keys()
  const begin = `POST / HTTP/1.1\r\nhost: app\r\nx-partyline-stream: ${id}\r\n`
  const slow = [begin, `${begin}content-length: 1000\r\n\r\n[`].map((text) => {
    const socket = connectTcp(port, '127.0.0.1')
    const heard = { text: '', isOver: false }
    socket.on('data', (data) => {
      heard.text += String(data)
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      heard.isOver = true
      clearInterval(drip)
    })
    socket.write(text)
    const drip = setInterval(() => socket.write(text === begin ? 'x' : ' '), 100)
    afterwards(() => socket.destroy())
    return heard
  })
  notify.user('ann', 'changed', { n: 1 })
  await until(() => expect(ann.events.at(-1)).toEqual(['changed', { n: 1 }]))
  await until(() => expect(slow.every(({ isOver }) => isOver)).toBe(true))
  for (const { text } of slow) expect(text).toMatch(/^$|^HTTP\/1.1 408/)
  expect([ann.reports, codes]).toEqual([['up'], []])
})

it('headers without end are refused by Node, and nothing else', async () => {
  const { codes, url, connect } = await start()
  const ann = connect('ann')
  await until(() => expect(ann.reports).toEqual(['up']))
  for (const name of ['authorization', 'last-event-id', 'x-partyline-identity', 'x-partyline-stream']) {
    const answer = await fetch(url, { headers: { [name]: 'x'.repeat(100_000) } })
    expect(answer.status).toBe(431)
  }
  expect([ann.reports, codes]).toEqual([['up'], []])
})
