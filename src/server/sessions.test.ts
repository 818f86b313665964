import { setTimeout as delay } from 'node:timers/promises'
import type { ServerOptions, Socket } from 'socket.io'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Client, connect, listen, until } from '../../test/real-server.js'
import { UNAVAILABLE } from './decision.js'
import { createNotifier, createSessions, type PartylineServerError, type SessionsOptions, sessionOf } from './index.js'

// Against a real Socket.IO server with real clients.

type Options = SessionsOptions<Socket, { userId: string; expiresAt?: number | Date }>

/** Tokens are 'name' or 'name/milliseconds to live'; anything else is unknown. */
const authenticate: Options['authenticate'] = async ({ token }) => {
  const [, userId, life] = /^(\w+)(?:\/(\d+))?$/.exec(String(token ?? '')) ?? []
  if (!userId) return 'token unknown'
  return { userId, ...(life && { expiresAt: Date.now() + Number(life) }) }
}

async function serve(options: Partial<Options> = {}, server: Partial<ServerOptions> = {}) {
  const { io, url } = await listen(server)
  const faults: PartylineServerError[] = []
  createSessions(io, { authenticate, onError: (error) => void faults.push(error), ...options })
  return { io, url, notify: createNotifier(io), faults, codes: () => faults.map(({ code }) => code) }
}

const up = ({ heard }: Client) => until(() => expect(heard.at(-1)).toMatch(/^up/))
const ended = ({ heard }: Client) => until(() => expect(heard).toEqual(['up', 'down: io server disconnect']))
const renew = (client: Client, ...args: unknown[]) => client.socket.timeout(2_000).emitWithAck('_line:auth', ...args)

afterEach(() => {
  vi.useRealTimers()
})

describe('sessions: who comes in', () => {
  it('puts a socket into its user’s room before the client knows that it is connected', async () => {
    const { io, url, notify } = await serve()
    const ann = connect(url, { token: 'ann' })
    // The very first moment at which anybody could know of it.
    io.on('connection', (socket) => {
      expect(socket.data).toEqual({ session: { userId: 'ann' } })
      notify.user('ann', 'first', { n: 1 })
    })
    await until(() => expect(ann.events).toEqual([['first', { n: 1 }]]))
    notify.user('bob', 'other')
    notify.user('ann', 'second')
    await until(() => expect(ann.events.slice(1)).toEqual([['second', {}]]))
  })

  it('waits with “connected” until the room is joined, however long the adapter takes', async () => {
    const { io, url, notify } = await serve()
    const adapter = io.of('/').adapter
    const addAll = adapter.addAll.bind(adapter)
    // As the adapters for Redis do, whose rooms are subscriptions.
    adapter.addAll = async (id, rooms) => {
      await delay(100)
      addAll(id, rooms)
    }
    const ann = connect(url, { token: 'ann' })
    await up(ann)
    notify.user('ann', 'at once')
    await until(() => expect(ann.events).toEqual([['at once', {}]]))
  })

  it('shows the client the reason of a refusal', async () => {
    const { url, codes } = await serve({
      authenticate: async ({ token }) =>
        token === 'expired'
          ? { userId: 'ann', expiresAt: Date.now() - 1 }
          : token === 'null'
            ? null
            : 'come back later',
    })
    const clients = ['expired', 'null', 'x'].map((token) => connect(url, { token }))
    await until(() =>
      expect(clients.map(({ heard }) => heard)).toEqual([
        ['refused: the credentials have expired'],
        ['refused: not authorized'],
        ['refused: come back later'],
      ]),
    )
    expect(codes()).toEqual([])
  })

  it('keeps to itself what authenticate threw', async () => {
    const { url, faults } = await serve({
      authenticate: async () => {
        throw new Error('connect ECONNREFUSED db.internal:5432')
      },
    })
    const client = connect(url)
    await until(() => expect(client.heard).toEqual([`refused: ${UNAVAILABLE.reason}`]))
    // No refusal: the client comes back as after a lost connection.
    expect(client.refusals).toEqual([{ code: 'unavailable' }])
    expect(faults.map(({ code, cause }) => [code, String(cause)])).toEqual([
      ['authentication-failed', 'Error: connect ECONNREFUSED db.internal:5432'],
    ])
  })

  it('lets nobody in when authenticate gives what is no session', async () => {
    const answers = [
      {},
      { userId: '' },
      { userId: undefined },
      true,
      { userId: 'ann', expiresAt: 1_700_000_000 },
      { userId: 'ann', expiresAt: new Date('never') },
    ]
    const { io, url, codes, faults } = await serve({
      authenticate: ({ n }) => answers[Number(n)] as never,
    })
    const clients = answers.map((_, n) => connect(url, { n }))
    await until(() => {
      for (const { refusals } of clients) expect(refusals).toEqual([{ code: 'unavailable' }])
    })
    expect(codes().sort()).toEqual([...Array(3).fill('authentication-failed'), ...Array(3).fill('bad-room')])
    expect(faults.some(({ message }) => message.includes('looks like seconds'))).toBe(true)
    expect(io.of('/').adapter.rooms.size).toBe(0)
  })

  it('gives authenticate the app’s credentials, and nothing of Partyline’s', async () => {
    const seen: unknown[] = []
    const { url } = await serve({
      authenticate: (credentials) => {
        seen.push(credentials)
        return { userId: 'ann' }
      },
    })
    for (const auth of [{ token: 'x', cursor: 5 }, {}]) await up(connect(url, auth))
    expect(seen).toEqual([{ token: 'x' }, {}])
  })

  it('leaves no room and no timer behind when another middleware refuses, or the client goes away meanwhile', async () => {
    let letIn: (() => void) | undefined
    const { io, url } = await serve({
      authenticate: async ({ token }) => {
        if (token === 'slow') {
          await new Promise<void>((resolve) => {
            letIn = resolve
          })
        }
        return { userId: 'ann', expiresAt: Date.now() + 60_000 }
      },
    })
    io.use((_socket, next) => next(new Error('maintenance')))
    const refused = connect(url, { token: 'ann' })
    await until(() => expect(refused.heard).toEqual(['refused: maintenance']))
    const impatient = connect(url, { token: 'slow' })
    await until(() => expect(letIn).toBeDefined())
    impatient.socket.disconnect()
    await until(() => expect(io.engine.clientsCount).toBe(0))
    letIn?.()
    await delay(50)
    expect(io.of('/').adapter.rooms.size).toBe(0)
  })

  it('works for each namespace by itself', async () => {
    const { io, url, faults } = await serve()
    createSessions(io.of('/staff'), { authenticate: ({ badge }) => (badge === 1 ? { userId: 9 } : 'no badge') })
    const staff = connect(`${url}/staff`, { badge: 1 })
    const other = connect(`${url}/staff`, { token: 'ann' })
    await up(staff)
    await until(() => expect(other.heard).toEqual(['refused: no badge']))
    createNotifier(io.of('/staff')).user(9, 'hello')
    await until(() => expect(staff.events).toEqual([['hello', {}]]))
    expect(faults).toEqual([])
  })
})

describe('sessions: how long', () => {
  it('ends a connection whose credentials are not renewed in time', async () => {
    const { url } = await serve()
    const ann = connect(url, { token: 'ann/150' })
    const bob = connect(url, { token: 'bob' })
    await ended(ann)
    expect(bob.heard).toEqual(['up'])
  })

  it('renews with fresh credentials of the same user', async () => {
    const { url, io } = await serve()
    const ann = connect(url, { token: 'ann/5000' })
    await up(ann)
    expect(await renew(ann, { token: 'ann/20000' })).toEqual({ ok: true })
    await delay(5_500)
    expect(ann.heard).toEqual(['up'])
    const [socket] = io.of('/').sockets.values()
    expect(Number(sessionOf(socket as Socket)?.expiresAt) - Date.now()).toBeGreaterThan(100)
    expect(await renew(ann, { token: 'ann/100' })).toEqual({ ok: true })
    await ended(ann)
  })

  it('a renewal that is refused changes nothing', async () => {
    const { url } = await serve()
    const ann = connect(url, { token: 'ann/6000' })
    await up(ann)
    expect(await renew(ann, { token: '?' })).toEqual({ ok: false, message: 'token unknown' })
    expect(await renew(ann, { token: 'ann/0' })).toEqual({ ok: false, message: 'the credentials have expired' })
    expect(ann.heard).toEqual(['up'])
    await ended(ann)
  })

  it('refuses the renewal of another user, and ends the connection', async () => {
    const { url, io } = await serve()
    const rooms: string[] = []
    io.of('/').adapter.on('join-room', (room: string) => rooms.push(room))
    const ann = connect(url, { token: 'ann' })
    await up(ann)
    expect(await renew(ann, { token: 'bob' })).toEqual({
      ok: false,
      message: 'this connection is another user’s',
      code: 'wrong-identity',
    })
    await ended(ann)
    expect(rooms).toContain('user_ann')
    expect(rooms).not.toContain('user_bob')
  })

  it('asks for one renewal at a time, and survives what a hostile client sends', async () => {
    let asked = 0
    let done = 0
    const { url } = await serve({
      authenticate: async (credentials) => {
        asked++
        if (asked > 1) await delay(50)
        done++
        return credentials['token'] === 'ann' ? { userId: 'ann' } : 'token unknown'
      },
    })
    const ann = connect(url, { token: 'ann' })
    await up(ann)
    const answers = await Promise.all(Array.from({ length: 20 }, () => renew(ann, { token: 'ann' })))
    expect(asked).toBe(2)
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1)
    expect(answers.find(({ ok }) => !ok)).toEqual({
      ok: false,
      message: 'another renewal is still running',
      code: 'unavailable',
    })
    for (const hostile of [[], [null], ['text'], [[1]], [{ token: 'ann' }, 'no function'], [7, 8, 9]]) {
      const before = done
      ann.socket.emit('_line:auth', ...hostile)
      // Each of them starts one.
      await until(() => expect(done).toBe(before + 1))
    }
    expect(await renew(ann, [])).toEqual({ ok: false, message: 'token unknown' })
    expect(await renew(ann, { token: 'ann' })).toEqual({ ok: true })
    expect(ann.heard).toEqual(['up'])
  })

  it('starts no timer again for a connection that ended during its renewal', async () => {
    let asked = 0
    const { io, url } = await serve({
      authenticate: async () => {
        if (++asked === 2) await delay(800)
        return { userId: 'ann', expiresAt: Date.now() + 60_000 }
      },
    })
    const ann = connect(url)
    await up(ann)
    const timers = vi.spyOn(globalThis, 'setTimeout')
    const longOnes = () => timers.mock.calls.filter(([, ms]) => (ms ?? 0) > 30_000).length
    ann.socket.emit('_line:auth', {})
    await until(() => expect(asked).toBe(2))
    ann.socket.disconnect()
    await until(() => expect(io.of('/').sockets.size).toBe(0))
    const before = longOnes()
    await delay(1_000)
    expect(longOnes()).toBe(before)
  })
})

describe('sessions: connection state recovery', () => {
  const recovering = (skipMiddlewares: boolean) => ({
    connectionStateRecovery: { maxDisconnectionDuration: 60_000, skipMiddlewares },
  })
  const again = { reconnection: true, reconnectionDelay: 10, reconnectionDelayMax: 20 }
  /** Connected, with one event heard, cut off and back. */
  async function cutOff(served: Awaited<ReturnType<typeof serve>>, auth: object) {
    const ann = connect(served.url, auth, again)
    await up(ann)
    served.notify.user('ann', 'first')
    await until(() => expect(ann.events.map(([name]) => name)).toContain('first'))
    for (const socket of served.io.of('/').sockets.values()) socket.conn.close()
    served.notify.user('ann', 'missed')
    return ann
  }

  it('recovers with credentials that hold, without a replay', async () => {
    const replay = vi.fn(() => [])
    const served = await serve({ replay }, recovering(false))
    const ann = await cutOff(served, { token: 'ann/60000', cursor: 1 })
    await until(() => expect(ann.heard.at(-1)).toBe('up, recovered'))
    // The replay belongs to the first connection.
    expect(ann.events.map(([name]) => name)).toEqual(['_line', 'first', 'missed'])
    expect(replay).toHaveBeenCalledOnce()
    expect(await renew(ann, { token: 'ann' })).toEqual({ ok: true })
    expect(served.faults).toEqual([])
  })

  it('refuses a recovered connection that came in past the middleware', async () => {
    const served = await serve({}, recovering(true))
    const ann = await cutOff(served, { token: 'ann' })
    await until(() => expect(ann.heard.at(-1)).toBe('down: io server disconnect'))
    expect(served.codes()).toEqual(['authentication-skipped'])
  })

  it('refuses to recover one user’s connection for another', async () => {
    const served = await serve({}, recovering(false))
    let token = 'ann'
    const ann = await cutOff(served, (send: (auth: object) => void) => {
      send({ token })
      token = 'bob'
    })
    await until(() => expect(ann.heard.at(-1)).toBe('refused: this connection is another user’s'))
    expect(served.io.of('/').sockets.size).toBe(0)
  })
})
