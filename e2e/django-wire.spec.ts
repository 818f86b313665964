import { once } from 'node:events'
import WebSocket from 'ws'
import { startRedis } from '../scripts/redis.js'
import { Missing, orMissing } from '../scripts/service.js'
import { countsOf, expect, test, type Visitor } from './django.js'

// The consumer of examples/django by itself, at the other end of a bare WebSocket: the wire of docs/protocol.md.

/** What was received, in order; the end as its close code. */
async function connect({ url }: { readonly url: string }) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/line`)
  const heard: unknown[] = []
  socket.on('message', (data) => heard.push(JSON.parse(String(data))))
  socket.on('close', (code) => heard.push(code))
  await once(socket, 'open')
  const send = (event: string, metadata?: unknown) => socket.send(JSON.stringify({ event, metadata }))
  return { socket, heard, send }
}

const tokenOf = async (visitor: Visitor): Promise<{ token: string; expiresAt: number }> =>
  (await visitor.request('POST', '/api/line-token')).json()

const OK = { event: '_line', metadata: { ok: true } }
/** Ann's connection, or a session of hers that was renewed. */
const LET_IN = [OK, { event: '_line', metadata: { identity: '1', quietForMs: 0 } }]
const no = (message: string, fields: object = {}) => ({ event: '_line', metadata: { ok: false, message, ...fields } })
const SOMEBODY_ELSES = no("these credentials are somebody else's", { code: 'wrong-identity' })
const PONG = { event: '_line:pong' }
const paid = (accountId: string) =>
  ['balance_updated', 'transaction_happened'].map((event) => ({ event, metadata: { accountId } }))

test('the tests of the copied folder, in Python', ({ django }) => {
  if (django instanceof Missing) return test.skip(true, django.message)
  expect(django.manage({}, 'test')).toMatch(/Ran \d\d tests[\s\S]*OK/)
})

test('credentials first, then events; without them none', async ({ open, visit }) => {
  const daphne = await open()
  const ann = await visit(daphne, 'ann')
  const [known, unknown] = [await connect(daphne), await connect(daphne)]
  known.send('_line:auth', await tokenOf(ann))
  await expect.poll(() => known.heard).toEqual(LET_IN)
  await ann.pay(100, 'Corner Bakery')
  for (const { send } of [known, unknown]) send('_line:ping')
  await expect.poll(() => known.heard).toEqual([...LET_IN, ...paid('1'), PONG])
  await expect.poll(() => unknown.heard).toEqual([PONG])
})

test('bad credentials: a refusal with its reason, and 4401', async ({ open, visit }) => {
  const daphne = await open()
  const { token } = await tokenOf(await visit(daphne, 'ann'))
  const refusals = new Map<unknown, string>([
    [undefined, 'no token was sent'],
    [7, 'no token was sent'],
    ['', 'the token is not one of ours'],
    [`${token}x`, 'the token is not one of ours'],
  ])
  for (const [bad, reason] of refusals) {
    const { send, heard } = await connect(daphne)
    send('_line:auth', { token: bad })
    await expect.poll(() => heard).toEqual([no(reason), 4401])
  }
})

test('a connection that sends no credentials is closed, and not as a refusal', async ({ open }) => {
  const { heard, send } = await connect(await open({ LINE_PATIENCE_SECONDS: '5' }))
  // Other frames do not stand for credentials.
  send('_line:ping')
  await expect.poll(() => heard).toEqual([PONG, 4408])
})

test('a session ends with its token', async ({ open, visit }) => {
  const daphne = await open({ LINE_TOKEN_SECONDS: '6' })
  const ann = await visit(daphne, 'ann')
  const { heard, send } = await connect(daphne)
  const { token, expiresAt } = await tokenOf(ann)
  send('_line:auth', { token })
  await expect.poll(() => heard).toEqual([...LET_IN, no('the session has expired'), 4401])
  expect(Date.now()).toBeGreaterThanOrEqual(expiresAt)
  const late = await connect(daphne)
  await expect
    .poll(async () => {
      late.send('_line:auth', { token })
      return late.heard
    })
    .toContainEqual(no('the token has expired'))
})

test('fresh credentials over the same connection extend it; bad ones change nothing', async ({ open, visit }) => {
  // Also on a slow machine the renewal has to fit between the second credentials and the end of the first ones, and a payment
  // between that end and the end of the second ones: some six seconds each.
  const daphne = await open({ LINE_TOKEN_SECONDS: '15' })
  const ann = await visit(daphne, 'ann')
  const { heard, send } = await connect(daphne)
  const first = await tokenOf(ann)
  send('_line:auth', first)
  await expect.poll(() => heard).toEqual(LET_IN)
  await expect.poll(async () => (await tokenOf(ann)).expiresAt).toBeGreaterThan(first.expiresAt + 6_000)
  send('_line:auth', await tokenOf(ann))
  send('_line:auth', { token: 'nonsense' })
  await expect.poll(() => heard).toEqual([...LET_IN, ...LET_IN, no('the token is not one of ours')])
  await expect.poll(() => Date.now()).toBeGreaterThan(first.expiresAt)
  await ann.pay(100, 'Corner Bakery')
  await expect.poll(() => heard.slice(5)).toEqual(paid('1'))
  // It ends with the second ones.
  await expect.poll(() => heard.slice(7)).toEqual([no('the session has expired'), 4401])
})

test('credentials of another user end the connection', async ({ open, visit }) => {
  const daphne = await open()
  const [ann, bob] = [await visit(daphne, 'ann'), await visit(daphne, 'bob')]
  const { heard, send } = await connect(daphne)
  send('_line:auth', await tokenOf(ann))
  await expect.poll(() => heard).toEqual(LET_IN)
  send('_line:auth', await tokenOf(bob))
  await expect.poll(() => heard).toEqual([...LET_IN, SOMEBODY_ELSES, 4401])
})

test('credentials of another user than the page’s are refused, with a code of their own', async ({ open, visit }) => {
  const daphne = await open()
  const ann = await visit(daphne, 'ann')
  const [mixedUp, hers] = [await connect(daphne), await connect(daphne)]
  // As a tab of Bob's that asks a cookie which is Ann's by now.
  mixedUp.send('_line:auth', { ...(await tokenOf(ann)), _line: { identity: '2' } })
  hers.send('_line:auth', { ...(await tokenOf(ann)), _line: { identity: '1' } })
  await expect.poll(() => mixedUp.heard).toEqual([SOMEBODY_ELSES, 4401])
  await expect.poll(() => hers.heard).toEqual(LET_IN)
})

test('a sign-out ends the session’s connections and its tokens, and no other session of the user', async ({
  open,
  visit,
}) => {
  const daphne = await open()
  const [ann, elsewhere] = [await visit(daphne, 'ann'), await visit(daphne, 'ann')]
  const credentials = await tokenOf(ann)
  const connections = [await connect(daphne), await connect(daphne)]
  const other = await connect(daphne)
  for (const { send } of connections) send('_line:auth', credentials)
  other.send('_line:auth', await tokenOf(elsewhere))
  for (const { heard } of [...connections, other]) await expect.poll(() => heard).toEqual(LET_IN)

  await ann.request('DELETE', '/api/session')
  const over = [no('the session has ended'), 4401]
  for (const { heard } of connections) await expect.poll(() => heard).toEqual([...LET_IN, ...over])
  const late = await connect(daphne)
  late.send('_line:auth', credentials)
  await expect.poll(() => late.heard).toEqual(over)
  await elsewhere.pay(100, 'Corner Bakery')
  await expect.poll(() => other.heard).toEqual([...LET_IN, ...paid('1')])
})

test('topics: who owns the account joins, and hears what is said of it until the right ends', async ({
  open,
  visit,
}) => {
  const daphne = await open()
  const ann = await visit(daphne, 'ann')
  const { heard, send } = await connect(daphne)
  const answer = (topic: string, fields: object) => ({ event: '_line', metadata: { topic, ...fields } })
  const told = { event: 'told', metadata: { accountId: '1' } }
  const tell = (topic: string) => ann.request('POST', '/tests/topic', { ...told, topic })
  // Without a session nobody joins anything.
  send('_line:join', { topics: ['account:1'], request: 1 })
  send('_line:auth', await tokenOf(ann))
  await expect.poll(() => heard).toEqual(LET_IN)
  heard.length = 0

  const strange = [7, '', 'x'.repeat(201), 'account:1\n']
  send('_line:join', { topics: ['account:1', 'account:3', 'bank', ...strange], request: 2 })
  await expect
    .poll(() => heard)
    .toEqual([
      answer('account:1', { ok: true, request: 2 }),
      answer('account:3', { ok: false, message: 'it is not your account', request: 2 }),
      answer('bank', { ok: false, message: 'there is no such topic', request: 2 }),
    ])
  heard.length = 0
  await tell('account:3')
  await tell('account:1')
  await expect.poll(() => heard).toEqual([told])

  await ann.request('POST', '/tests/topic', { user: 1, topic: 'account:1' })
  await expect.poll(() => heard).toEqual([told, answer('account:1', { ok: false, message: 'the account is closed' })])
  heard.length = 0
  await tell('account:1')
  send('_line:join', { topics: ['account:1', 'account:2'], request: 3 })
  send('_line:leave', { topics: ['account:1'] })
  await expect.poll(() => heard).toHaveLength(2)
  await tell('account:1')
  await tell('account:2')
  await expect.poll(() => heard.slice(2)).toEqual([told])
})

test('what a tab sends is acknowledged with its number, and refused where it is wrong', async ({ open, visit }) => {
  const daphne = await open()
  const ann = await visit(daphne, 'ann')
  const { heard, send, socket } = await connect(daphne)
  const ask = (request: unknown, event: string, metadata: unknown) =>
    socket.send(JSON.stringify({ event, metadata, request }))
  const answer = (request: number, data: unknown) => ({ event: '_line:answer', metadata: { request, data } })
  ask(1, 'chat:say', { text: 'without a session' })
  send('_line:auth', await tokenOf(ann))
  await expect.poll(() => heard).toEqual(LET_IN)
  heard.length = 0
  ask(2, 'chat:say', { text: 'hi', _line: { tab: 'k3' } })
  await expect.poll(() => heard).toEqual([answer(2, { id: expect.any(String) })])
  for (const request of [undefined, null, {}, '3', 1.5]) ask(request, 'chat:say', { text: 'nobody waits for it' })
  for (const data of [{ text: '' }, { text: { $ne: null } }, null, 7, ['hi'], 'hi']) {
    heard.length = 0
    ask(4, 'chat:say', data)
    const refusal = { ok: false, code: 'empty', message: 'Write something first' }
    await expect.poll(() => heard).toEqual([answer(4, refusal)])
  }
  heard.length = 0
  ask(5, 'unknown', {})
  await expect.poll(() => heard).toEqual([answer(5, expect.objectContaining({ ok: false, code: 'unknown' }))])
})

test('a malformed frame is ignored', async ({ open, visit }) => {
  const daphne = await open()
  const ann = await visit(daphne, 'ann')
  const { heard, send, socket } = await connect(daphne)
  const deep = '['.repeat(20_000) + ']'.repeat(20_000)
  for (const data of ['', 'no JSON', '[]', 'null', '7', '{"event":7}', '{}', `{"event":${deep}}`, 'x'.repeat(100_000)])
    socket.send(data)
  socket.send(Buffer.from('{"event":"_line:ping"}'))
  send('_line:later', { for: 'newer servers' })
  for (const metadata of ['text', [], null]) send('unknown', metadata)
  send('_line:auth', await tokenOf(ann))
  send('_line:ping')
  await expect.poll(() => heard).toEqual([...LET_IN, PONG])
  socket.close()
  await expect.poll(() => countsOf(daphne)).toMatchObject({ open: 0, opened: 1 })
})

test('a process without sockets sends through Redis: a thousand events at once all arrive, however busy daphne is', async ({
  open,
  visit,
  django,
}) => {
  const redis = await orMissing(startRedis())
  if (redis instanceof Missing) return test.skip(true, redis.message)
  try {
    const daphne = await open({ REDIS_URL: redis.url })
    const ann = await visit(daphne, 'ann')
    const { heard, send } = await connect(daphne)
    send('_line:auth', await tokenOf(ann))
    await expect.poll(() => heard).toEqual(LET_IN)
    if (django instanceof Missing) throw django
    const burst = `
from django.db import transaction
from line.events import emit_event
with transaction.atomic():
    for number in range(1000):
        emit_event(1, "counted", {"number": number})
`
    daphne.sleep()
    django.manage({ REDIS_URL: redis.url }, 'shell', '-c', burst)
    daphne.wake()
    await expect.poll(() => heard.length).toBe(1_002)
    expect(heard.slice(2)).toEqual(
      Array.from({ length: 1_000 }, (_, number) => ({ event: 'counted', metadata: { number } })),
    )
  } finally {
    await redis.stop()
  }
})
