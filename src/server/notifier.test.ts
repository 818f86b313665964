import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import fastify from 'fastify'
import { describe, expect, it, vi } from 'vitest'
import { afterwards, connect, listen, until } from '../../test/real-server.js'
import { createNotifier, type NotifierOptions, ORIGIN_HEADER, originOf, PartylineServerError } from './index.js'

// Against a real Socket.IO server with real clients.

/** The header of a request, and what `printf %s … | openssl dgst -sha256 -binary | basenc --base64url | cut -c1-22` makes of it. */
const SECRET = '0123456789abcdef0123456789abcdef'
const HASH = 'PrG9Q5lH63YpmOVmzMLgmc'

/** Ann and Bob are connected, in the rooms of their users. */
async function twoUsers(options?: NotifierOptions) {
  const { io, url } = await listen()
  io.on('connection', (socket) => socket.join(socket.handshake.auth['rooms']))
  const ann = connect(url, { rooms: ['user_ann', 'admins'] })
  const bob = connect(url, { rooms: ['user_7'] })
  await until(() => expect([ann.heard, bob.heard]).toEqual([['up'], ['up']]))
  const notify = createNotifier(io, options)
  /** Once this has arrived, everything that was sent before has. */
  const settled = async () => {
    io.emit('end')
    await until(() => {
      expect(ann.events.at(-1)).toEqual(['end', undefined])
      expect(bob.events.at(-1)).toEqual(['end', undefined])
    })
    return { ann: ann.events.slice(0, -1), bob: bob.events.slice(0, -1) }
  }
  return { io, url, notify, settled }
}

const codeOf = (run: () => unknown): string => {
  try {
    run()
  } catch (thrown) {
    if (thrown instanceof PartylineServerError) return thrown.code
    throw thrown
  }
  return 'nothing was thrown'
}

describe('notifier', () => {
  it('sends to a user, to users, to a room and to everyone', async () => {
    const { notify, settled } = await twoUsers()
    notify.user('ann', 'one', { n: 1 })
    notify.user(7n, 'two')
    notify.users(['ann', 7, 'nobody', 'ann'], 'three', { n: 3 })
    notify.room('admins', 'four', { n: 4 })
    notify.everyone('five', { n: 5 })
    expect(await settled()).toEqual({
      ann: [
        ['one', { n: 1 }],
        ['three', { n: 3 }],
        ['four', { n: 4 }],
        ['five', { n: 5 }],
      ],
      bob: [
        ['two', {}],
        ['three', { n: 3 }],
        ['five', { n: 5 }],
      ],
    })
  })

  it('sends to nobody for an empty list of users', async () => {
    const { notify, settled } = await twoUsers()
    notify.users([], 'secret', { n: 1 })
    expect(await settled()).toEqual({ ann: [], bob: [] })
  })

  it('names rooms as it is told', async () => {
    const { notify, settled } = await twoUsers({ room: (userId) => (userId === 1 ? 'admins' : `user_${userId}`) })
    notify.user(1, 'one')
    expect(await settled()).toEqual({ ann: [['one', {}]], bob: [] })
  })

  it('stamps what a client’s hub should know, and leaves the caller’s object alone', async () => {
    const { notify, settled } = await twoUsers()
    const metadata = Object.freeze({ accountId: '7' })
    notify.user('ann', 'changed', metadata, { id: 12 })
    notify.user('ann', 'changed', metadata, { id: 'a', spreadMs: 500, againMs: 2_000, origin: HASH })
    notify.user('ann', 'changed', metadata, { spreadMs: 0, againMs: 0, origin: undefined, trace: undefined })
    notify.user('ann', 'changed', metadata, { trace: '4bf92f3577b34da6a3ce929d0e0e4736' })
    const { ann } = await settled()
    expect(ann).toEqual([
      ['changed', { accountId: '7', _line: { id: 12 } }],
      ['changed', { accountId: '7', _line: { id: 'a', spreadMs: 500, againMs: 2_000, origin: HASH } }],
      ['changed', { accountId: '7' }],
      ['changed', { accountId: '7', _line: { trace: '4bf92f3577b34da6a3ce929d0e0e4736' } }],
    ])
  })

  it('names the request that caused it, behind express, fastify, node and fetch', async () => {
    const { notify, settled } = await twoUsers()
    const headers = { 'X-Partyline-Origin': SECRET }

    const app = express()
    app.post('/', (request, response) => {
      notify.from(request).user('ann', 'express')
      response.end()
    })
    const web = createServer(app).listen(0)
    afterwards(() => web.close())
    await fetch(`http://127.0.0.1:${(web.address() as AddressInfo).port}`, { method: 'POST', headers })

    const api = fastify()
    api.post('/', async (request) => {
      notify.from(request).user('ann', 'fastify')
      notify.from(request.raw).user('ann', 'node')
      notify.from(request.headers).user('ann', 'headers')
      return {}
    })
    afterwards(() => api.close())
    await fetch(await api.listen({ port: 0 }), { method: 'POST', headers })

    notify.from(new Request('http://x', { headers })).user('ann', 'fetch')
    notify.from(new Headers(headers)).user('ann', 'fetch headers')
    notify.from({ headers }).user('ann', 'as the client wrote it')

    const { ann } = await settled()
    expect(ann.map(([name]) => name)).toEqual([
      'express',
      'fastify',
      'node',
      'headers',
      'fetch',
      'fetch headers',
      'as the client wrote it',
    ])
    expect(new Set(ann.map(([, metadata]) => JSON.stringify(metadata)))).toEqual(
      new Set([`{"_line":{"origin":"${HASH}"}}`]),
    )
  })

  it('an event shows nothing of its request that another one could be made with', async () => {
    const secrets = Array.from({ length: 50 }, (_, n) => `${SECRET}${n}`)
    const seen = secrets.map((secret) => originOf({ headers: { [ORIGIN_HEADER]: secret } }) ?? '')
    expect(new Set(seen).size).toBe(50)
    for (const [n, origin] of seen.entries()) {
      expect(origin).toMatch(/^[\w-]{22}$/)
      // Whoever sends on what she read gets an event of another name.
      expect(seen).not.toContain(originOf({ headers: { [ORIGIN_HEADER]: origin } }))
      expect(secrets[n]).not.toContain(origin)
    }
    expect(originOf(new Headers({ [ORIGIN_HEADER]: SECRET }))).toBe(HASH)
  })

  it('ignores an origin that can’t be one', async () => {
    const { notify, settled } = await twoUsers()
    const origins = ['', 'a b', '<script>', 'ä', 'x'.repeat(101), ['a', 'b'], undefined, 7]
    for (const origin of origins) {
      notify.from({ headers: { 'x-partyline-origin': origin } }).user('ann', 'changed')
    }
    notify.from({ headers: {} }).user('ann', 'changed')
    const { ann } = await settled()
    expect(ann).toEqual(Array.from({ length: origins.length + 1 }, () => ['changed', {}]))
  })

  it('refuses what JSON can’t carry, and says where', async () => {
    const { notify, settled } = await twoUsers()
    const circle: Record<string, unknown> = {}
    circle['inner'] = [circle]
    class Id {
      readonly value = 1
    }
    const bad: [unknown, string][] = [
      [{ a: () => 1 }, 'metadata.a'],
      [{ a: [1, Symbol('x')] }, 'metadata.a[1]'],
      [{ a: 1n }, 'metadata.a'],
      [{ a: { b: Number.NaN } }, 'metadata.a.b'],
      [{ a: Number.POSITIVE_INFINITY }, 'metadata.a'],
      [circle, 'metadata.inner[0] of '],
      [circle, 'contains itself'],
      [{ a: new Map() }, 'a Map'],
      [{ a: new Id() }, 'a Id'],
      [{ a: Buffer.from('x') }, 'a Buffer'],
      [{ a: { toJSON: () => 'else' } }, 'metadata.a'],
      [{ a: new Date() }, 'toISOString'],
      [{ a: [1, undefined] }, 'metadata.a[1]'],
      [{ _line: { id: 1 } }, '_line'],
      [[1], 'plain object'],
      ['text', 'plain object'],
      [null, 'plain object'],
      [new Set(), 'a Set'],
    ]
    for (const [metadata, named] of bad) {
      const attempt = () => notify.user('ann', 'changed', metadata as never)
      expect(attempt, String(named)).toThrow(named)
      expect(codeOf(attempt)).toBe('bad-metadata')
    }
    let deep: object = {}
    for (let level = 0; level < 100_000; level++) deep = { deep }
    expect(codeOf(() => notify.user('ann', 'changed', { deep }))).toBe('bad-metadata')
    expect(await settled()).toEqual({ ann: [], bob: [] })
  })

  it('leaves undefined fields out, and takes the same object twice', async () => {
    const { notify, settled } = await twoUsers()
    const twice = { n: 1 }
    notify.user('ann', 'changed', { a: undefined, b: null, c: [twice, twice], d: Object.create(null) })
    const { ann } = await settled()
    expect(ann).toEqual([['changed', { b: null, c: [{ n: 1 }, { n: 1 }], d: {} }]])
  })

  it('refuses nobody, reserved names and bad options', async () => {
    const { notify, settled } = await twoUsers()
    const nobody = [undefined, null, '', Number.NaN, {}, ['ann']]
    for (const userId of nobody) expect(codeOf(() => notify.user(userId as never, 'changed'))).toBe('bad-room')
    expect(codeOf(() => notify.users(['ann', undefined as never], 'changed'))).toBe('bad-room')
    expect(codeOf(() => notify.room('', 'changed'))).toBe('bad-room')
    for (const name of ['', '_line', '_line:auth', 'connect', 'disconnect', 7]) {
      expect(codeOf(() => notify.everyone(name as never))).toBe('bad-event')
    }
    for (const options of [
      { id: Number.NaN },
      { id: '' },
      { spreadMs: -1 },
      { spreadMs: '5' },
      { spread: 5 },
      { trace: '' },
      { trace: 'x'.repeat(101) },
      { againMs: -1 },
      { againMs: Number.POSITIVE_INFINITY },
      { origin: 'a b' },
      // The header itself, which would be in every member's events: only its hash may be.
      { origin: SECRET },
    ]) {
      expect(codeOf(() => notify.everyone('changed', {}, options as never))).toBe('bad-option')
    }
    expect(await settled()).toEqual({ ann: [], bob: [] })
  })

  it('tells onError instead of throwing, so that a committed change ends in no error page', async () => {
    const told: string[] = []
    const { notify, settled } = await twoUsers({ onError: (error) => told.push(error.code) })
    notify.user('ann', 'changed', { a: 1n })
    notify.user('', 'changed')
    notify.user('ann', 'changed')
    expect(told).toEqual(['bad-metadata', 'bad-room'])
    expect((await settled()).ann).toEqual([['changed', {}]])
  })

  it('tells when Socket.IO can’t send', async () => {
    const io = {
      emit: () => {
        throw new Error('no connection to Redis')
      },
      to: () => io,
      socketsLeave: () => undefined,
    }
    expect(codeOf(() => createNotifier(io).everyone('changed'))).toBe('emit-failed')
  })

  it('warns of large metadata once for each event, in development only', async () => {
    const large = { text: 'ä'.repeat(600) }
    const told: string[] = []
    const onError = (error: PartylineServerError) => told.push(`${error.code}: ${error.message}`)
    const { notify, io, settled } = await twoUsers({ development: true, onError })
    notify.user('ann', 'small', { text: 'x'.repeat(900) })
    notify.user('ann', 'large', large)
    notify.from({ headers: {} }).user('ann', 'large', large)
    createNotifier(io, { development: false, onError }).user('ann', 'large', large)
    expect(told).toEqual(["large-metadata: the metadata of 'large' is 1211 bytes: send the signal, not the data"])
    expect((await settled()).ann).toHaveLength(4)

    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    createNotifier(io, { development: true }).user('ann', 'large', large)
    expect(warn).toHaveBeenCalledOnce()
  })
})
