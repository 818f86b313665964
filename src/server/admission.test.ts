import fc from 'fast-check'
import type { Socket } from 'socket.io'
import { describe, expect, it, vi } from 'vitest'
import { type Client, connect, listen, until } from '../../test/real-server.js'
import {
  createNotifier,
  createSessions,
  PartylineServerError,
  refuse,
  type SessionsOptions,
  type SocketSlice,
  sessionOf,
} from './index.js'

// Who is let in, and what is said to those who are not. Mostly against a real Socket.IO server with real clients.

interface Session {
  userId: string
  secret?: string
  tenant?: string
}
type Options = SessionsOptions<Socket, Session>

async function serve(options: Partial<Options> = {}) {
  const { io, url } = await listen()
  const codes: string[] = []
  const authenticate: Options['authenticate'] = ({ token }) => (token ? { userId: String(token) } : 'no token')
  createSessions(io, { authenticate, onError: ({ code }) => void codes.push(code), ...options })
  return { io, url, codes, notify: createNotifier(io) }
}

const refusalOf = async (client: Client) => {
  await until(() => expect(client.heard).toHaveLength(1))
  return [client.heard[0], client.refusals[0]]
}
const renew = (client: Client, auth: object) => client.socket.timeout(2_000).emitWithAck('_line:auth', auth)

describe('what the client hears', () => {
  it('of an authenticate that throws or hangs, now and at a renewal: try again later', async () => {
    let isDown = false
    const { url, codes } = await serve({
      authenticateTimeoutMs: 100,
      authenticate: async ({ token, hangs }) => {
        if (hangs) await new Promise(() => undefined)
        if (isDown) throw new Error('no database')
        return { userId: String(token) }
      },
    })
    const ann = connect(url, { token: 'ann' })
    await until(() => expect(ann.heard).toEqual(['up']))
    isDown = true
    const unavailable = { code: 'unavailable' }
    const message = 'the server can’t check the credentials now'
    expect(await refusalOf(connect(url, { token: 'ann' }))).toEqual([`refused: ${message}`, unavailable])
    expect(await refusalOf(connect(url, { hangs: true }))).toEqual([`refused: ${message}`, unavailable])
    expect(await renew(ann, { token: 'ann' })).toEqual({ ok: false, message, ...unavailable })
    expect(await renew(ann, { hangs: true })).toEqual({ ok: false, message, ...unavailable })
    expect(codes).toEqual(Array(4).fill('authentication-failed'))
    // The session goes on, and can be renewed when the database is back.
    isDown = false
    expect(await renew(ann, { token: 'ann' })).toEqual({ ok: true })
    expect(ann.heard).toEqual(['up'])
  })

  it.each<[string, Partial<Options>]>([
    [
      'room',
      {
        room: () => {
          throw new Error('no room')
        },
      },
    ],
    ['room', { room: () => '' }],
    [
      'storedFields',
      {
        storedFields: () => {
          throw new Error('no field')
        },
      },
    ],
    [
      'origins',
      {
        origins: () => {
          throw new Error('no list')
        },
      },
    ],
  ])('of another callback that throws, %s: the same', async (_name, options) => {
    const { url, codes } = await serve(options)
    const client = connect(url, { token: 'ann' }, { extraHeaders: { Origin: 'https://app.example' } })
    expect((await refusalOf(client))[1]).toEqual({ code: 'unavailable' })
    expect(codes).toEqual(['authentication-failed'])
  })

  it('of a refusal that is final, now and at a renewal', async () => {
    let isClosed = true
    const { url } = await serve({
      authenticate: ({ token }) =>
        isClosed ? refuse('the account is closed', { final: true }) : { userId: String(token) },
    })
    expect(await refusalOf(connect(url))).toEqual(['refused: the account is closed', { final: true }])
    isClosed = false
    const ann = connect(url, { token: 'ann' })
    await until(() => expect(ann.heard).toEqual(['up']))
    isClosed = true
    expect(await renew(ann, {})).toEqual({ ok: false, message: 'the account is closed', final: true })
  })
})

describe('whose connection it is', () => {
  it('is said first, before the newest number, a replay and anything else', async () => {
    const { io, url, notify } = await serve({ replay: () => [{ id: 8, event: 'replayed' }], newest: () => 7 })
    io.on('connection', () => notify.user('ann', 'live'))
    const said: unknown[] = []
    const ann = connect(url, { token: 'ann', cursor: 5 })
    ann.socket.onAny((event, metadata) => said.push([event, metadata]))
    await until(() => expect(said).toHaveLength(6))
    expect(said.slice(0, 2)).toEqual([
      ['_line', { identity: 'ann' }],
      ['_line', { cursor: 7 }],
    ])
  })

  it('is compared with whose the client’s is, at the handshake and at a renewal', async () => {
    const seen: unknown[] = []
    const { url, io } = await serve({
      authenticate: (credentials) => {
        seen.push(credentials)
        return { userId: String(credentials['token']) }
      },
    })
    const rooms: string[] = []
    io.of('/').adapter.on('join-room', (room: string) => rooms.push(room))
    // Ann's tab, with a cookie that is Bob's by now.
    const mixedUp = connect(url, { token: 'bob', _line: { identity: 'ann' } })
    expect(await refusalOf(mixedUp)).toEqual([
      'refused: these credentials are another user’s',
      { code: 'wrong-identity' },
    ])
    const ann = connect(url, { token: 'ann', _line: { identity: 'ann' } })
    await until(() => expect(ann.letIn).toEqual(['ann']))
    expect(await renew(ann, { token: 'ann', _line: { identity: 'ann' } })).toEqual({ ok: true })
    expect(await renew(ann, { token: 'bob', _line: { identity: 'ann' } })).toMatchObject({
      ok: false,
      code: 'wrong-identity',
    })
    await until(() => expect(ann.heard.at(-1)).toBe('down: io server disconnect'))
    expect(rooms).toContain('user_ann')
    expect(rooms).not.toContain('user_bob')
    expect(seen).toEqual(['bob', 'ann', 'ann', 'bob'].map((token) => ({ token })))
  })

  it('is not asked of a client that does not say, nor of one that says nonsense', async () => {
    const { url } = await serve()
    for (const ours of [undefined, null, 7, 'ann', [], {}, { identity: 7 }]) {
      const client = connect(url, { token: 'ann', _line: ours })
      await until(() => expect(client.heard).toEqual(['up']))
    }
  })

  it('may be more than the user: credentials for another tenant do not renew', async () => {
    const { url } = await serve({
      authenticate: ({ tenant }) => ({ userId: 'ann', tenant: String(tenant) }),
      identity: ({ userId, tenant }) => `${tenant}/${userId}`,
    })
    const ann = connect(url, { tenant: 'a', _line: { identity: 'a/ann' } })
    await until(() => expect(ann.letIn).toEqual(['a/ann']))
    expect(await renew(ann, { tenant: 'b' })).toMatchObject({ ok: false, code: 'wrong-identity' })
    await until(() => expect(ann.heard.at(-1)).toBe('down: io server disconnect'))
  })
})

describe('whose pages may connect', () => {
  const from = (url: string, origin?: string) =>
    connect(url, { token: 'ann' }, origin === undefined ? {} : { extraHeaders: { Origin: origin } })

  it.each<[string, Options['origins'], string | undefined, boolean]>([
    ['its own', ['https://app.example'], 'https://app.example', true],
    ['another site’s', ['https://app.example'], 'https://evil.example', false],
    ['one with a name that begins alike', ['https://app.example'], 'https://app.example.evil.example', false],
    ['the same host without TLS', ['https://app.example'], 'http://app.example', false],
    ['a sandboxed frame’s', ['https://app.example'], 'null', false],
    ['a sandboxed frame’s, if that is listed', ['null'], 'null', true],
    ['an app’s', ['capacitor://localhost'], 'capacitor://localhost', true],
    ['one that the list writes otherwise', ['https://APP.example:443/'], 'https://app.example', true],
    ['no page’s: it is no browser', ['https://app.example'], undefined, true],
    ['whose the function takes', (origin) => origin.endsWith('.example'), 'https://evil.example', true],
    ['whose the function does not take', (origin) => origin === 'x', 'https://evil.example', false],
    ['anybody’s, without a list', undefined, 'https://evil.example', true],
  ])('%s', async (_what, origins, origin, isLetIn) => {
    const authenticate = vi.fn(() => ({ userId: 'ann' }))
    const { url } = await serve({ authenticate, ...(origins && { origins }) })
    const client = from(url, origin)
    await until(() => expect(client.heard).toEqual([isLetIn ? 'up' : `refused: pages of ${origin} may not connect`]))
    expect(authenticate).toHaveBeenCalledTimes(isLetIn ? 1 : 0)
  })

  it.each(['app.example', '*', '', 'https://app.example/path', 'https://*.example', undefined])(
    '%j in the list is a mistake, and is said to be',
    async (entry) => {
      await expect(serve({ origins: [entry as string] })).rejects.toMatchObject({ code: 'bad-option' })
    },
  )
})

it.each([0, -1, Number.NaN, 2 ** 31, '5'])('a time limit of %j is refused', async (ms) => {
  const bad = expect.objectContaining({ code: 'bad-option' })
  await expect(serve({ authenticateTimeoutMs: ms as number })).rejects.toEqual(bad)
  await expect(serve({ topics: { authorize: () => true, authorizeTimeoutMs: ms as number } })).rejects.toEqual(bad)
})

describe('what a session keeps', () => {
  it('is whole in this process, and only what the app names is where adapters read', async () => {
    const { io, url } = await serve({
      authenticate: ({ token, secret }) => ({ userId: String(token), secret: String(secret), tenant: 't' }),
      storedFields: ({ tenant }) => ({ tenant }),
    })
    const ann = connect(url, { token: 'ann', secret: 'one' })
    await until(() => expect(ann.heard).toEqual(['up']))
    const [socket] = io.of('/').sockets.values()
    if (!socket) throw new Error('there is no socket')
    expect(socket.data).toEqual({ session: { userId: 'ann', tenant: 't' } })
    expect(sessionOf<Session>(socket)).toEqual({ userId: 'ann', tenant: 't', secret: 'one' })
    await renew(ann, { token: 'ann', secret: 'two' })
    expect(sessionOf<Session>(socket)?.secret).toBe('two')
    expect(sessionOf({})).toBeUndefined()
  })

  it('has a BigInt as a string there, which the adapter for Redis streams can’t write', async () => {
    const { io, url } = await listen()
    createSessions(io, { authenticate: () => ({ userId: 7n }) })
    const ann = connect(url)
    await until(() => expect(ann.letIn).toEqual(['7']))
    const [socket] = io.of('/').sockets.values()
    expect(socket?.data).toEqual({ session: { userId: '7' } })
  })
})

it('answers every handshake once, whatever a client sends and the app gives back', async () => {
  type Middleware = (socket: SocketSlice, next: (error?: Error) => void) => void
  const whatever = fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true, withObjectString: true })
  const property = fc.asyncProperty(whatever, whatever, fc.boolean(), async (auth, result, throws) => {
    const middlewares: Middleware[] = []
    const io = {
      use: (middleware: Middleware) => middlewares.push(middleware),
      on: () => undefined,
      local: { to: () => ({ emit: () => undefined }) },
    }
    const errors: unknown[] = []
    createSessions<SocketSlice, { userId: string }>(io, {
      authenticate(credentials) {
        expect(Object.keys(credentials)).not.toContain('_line')
        if (throws) throw result
        return result as never
      },
      onError: (error) => void errors.push(error),
    })
    const socket = {
      handshake: { auth, headers: {} },
      conn: { once: () => undefined, off: () => undefined },
      data: {},
      recovered: false,
      join: () => undefined,
    } as unknown as SocketSlice
    const answers: unknown[] = []
    for (const middleware of middlewares) middleware(socket, (error) => answers.push(error))
    await vi.waitFor(() => expect(answers).toHaveLength(1), { interval: 1 })
    for (const error of errors) expect(error).toBeInstanceOf(PartylineServerError)
    if (throws) expect(answers[0]).toMatchObject({ data: { code: 'unavailable' } })
    if (answers[0] === undefined) expect(sessionOf(socket)).toBe(result)
  })
  await fc.assert(property, { numRuns: 300 })
})
