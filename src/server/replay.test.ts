import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { connect, listen, until } from '../../test/real-server.js'
import { createNotifier, createSessions, type LoggedEvent, type SessionsOptions } from './index.js'

// Against a real Socket.IO server with real clients.

const logged = (id: number): LoggedEvent => ({ id, event: 'changed', metadata: { n: id } })
const sent = (id: number) => ['changed', { n: id, _line: { id } }]
/** As `originOf` gives it: it stands in the log. */
const ORIGIN = 'abcdefghijABCDEFGHIJ-_'
const END = ['_line', { replayed: true }]
const NOT_ALL = ['_line', { replayed: false }]

type Options = SessionsOptions<never, { userId: string }>

async function serve(replay: Options['replay'], more: Pick<Options, 'newest' | 'replayLimit'> = {}) {
  const { io, url } = await listen()
  const codes: string[] = []
  createSessions(io, {
    authenticate: ({ token }) => (token === 'bad' ? 'no' : { userId: 'ann' }),
    ...(replay && { replay }),
    ...more,
    onError: ({ code }) => codes.push(code),
  })
  const notify = createNotifier(io)
  /** What the client heard up to an event that is sent when everything before it was. */
  const heardWith = async (auth: object) => {
    const client = connect(url, auth)
    await until(() => expect(client.heard).toEqual(['up']))
    await delay(50)
    notify.everyone('end')
    await until(() => expect(client.events.at(-1)).toEqual(['end', {}]))
    return client.events.slice(0, -1)
  }
  return { io, url, notify, codes, heardWith }
}

describe('replay', () => {
  it('sends what came after the cursor, in order, and says that this was all', async () => {
    const asked: unknown[] = []
    const { heardWith, codes } = await serve(async ({ userId }, cursor) => {
      asked.push([userId, cursor])
      return [logged(6), { ...logged(7), origin: ORIGIN }, { id: 'a', event: 'bare' }]
    })
    expect(await heardWith({ cursor: 5 })).toEqual([
      sent(6),
      ['changed', { n: 7, _line: { id: 7, origin: ORIGIN } }],
      ['bare', { _line: { id: 'a' } }],
      END,
    ])
    expect(await heardWith({ cursor: 'abc' })).toHaveLength(4)
    expect(asked).toEqual([
      ['ann', 5],
      ['ann', 'abc'],
    ])
    expect(codes).toEqual([])
  })

  it('says so when there is nothing to send', async () => {
    const { heardWith } = await serve(() => [])
    expect(await heardWith({ cursor: 5 })).toEqual([END])
  })

  it('says so to a cursor that is too old, and nothing to one that is none', async () => {
    const replay = vi.fn(() => false as const)
    const { heardWith, codes } = await serve(replay)
    expect(await heardWith({ cursor: 5 })).toEqual([NOT_ALL])
    expect(replay).toHaveBeenCalledOnce()
    for (const cursor of [undefined, null, '', 'x'.repeat(101), {}, [5], true]) {
      expect(await heardWith({ cursor })).toEqual([])
    }
    expect(replay).toHaveBeenCalledOnce()
    expect(codes).toEqual([])
  })

  it('reads page by page, and sends live events meanwhile', async () => {
    const { heardWith, notify } = await serve(async function* () {
      yield logged(1)
      // Comes live during the replay, and again with it: the client's hub knows it by its id.
      notify.user('ann', 'changed', { n: 3 }, { id: 3 })
      await delay(10)
      yield logged(2)
      yield logged(3)
    })
    const events = await heardWith({ cursor: 0 })
    expect(events.at(-1)).toEqual(END)
    expect(events).toEqual([sent(1), sent(3), sent(2), sent(3), END])
  })

  it('lets the client refetch when that is cheaper', async () => {
    const many = (count: number) => Array.from({ length: count }, (_, id) => logged(id))
    const { heardWith } = await serve((_, cursor) => many(Number(cursor)), { replayLimit: 3 })
    expect(await heardWith({ cursor: 3 })).toEqual([...many(3).map(({ id }) => sent(Number(id))), END])
    expect((await heardWith({ cursor: 4 })).at(-1)).toEqual(NOT_ALL)
  })

  it('lets the client refetch when it fails, at whatever point', async () => {
    const failing: SessionsOptions<never, { userId: string }>['replay'][] = [
      () => {
        throw new Error('no log')
      },
      async () => {
        throw new Error('no log')
      },
      async function* () {
        yield logged(1)
        throw new Error('the log broke off')
      },
      () => [logged(1), { id: 2, event: 'changed', metadata: { at: new Date() } }],
      () => 'text' as never,
      () => undefined as never,
    ]
    for (const replay of failing) {
      const { heardWith, codes } = await serve(replay)
      expect((await heardWith({ cursor: 0 })).at(-1)).toEqual(NOT_ALL)
      expect(codes).toEqual(['replay-failed'])
    }
  })

  it('lets the client refetch when it hangs, and drops what comes later', async () => {
    const timers = vi.spyOn(globalThis, 'setTimeout')
    let goOn: () => void = () => undefined
    const hanging: NonNullable<Options['replay']>[] = [
      () => new Promise(() => undefined),
      async function* () {
        yield logged(1)
        await new Promise<void>((resolve) => (goOn = resolve))
        yield logged(2)
      },
    ]
    for (const [n, replay] of hanging.entries()) {
      const { url, codes, notify } = await serve(replay)
      timers.mockClear()
      const client = connect(url, { cursor: 0 })
      // The first one is that of `authenticate`.
      const limits = () => timers.mock.calls.filter(([, ms]) => ms === 10_000).map(([run]) => run)
      await until(() => expect([limits().length, client.events.length]).toEqual([2, n]))
      // As if the ten seconds were over.
      limits()[1]?.()
      await until(() => expect(client.events.at(-1)).toEqual(NOT_ALL))
      expect(codes).toEqual(['replay-failed'])
      goOn()
      await delay(20)
      notify.everyone('end')
      await until(() => expect(client.events.at(-1)).toEqual(['end', {}]))
      expect(client.events).toHaveLength(n + 2)
    }
  })

  it('stops reading when the client is gone', async () => {
    let read = 0
    let closed = false
    const { io, url } = await serve(async function* () {
      try {
        for (;;) {
          yield logged(++read)
          await delay(5)
        }
      } finally {
        closed = true
      }
    })
    const client = connect(url, { cursor: 0 })
    await until(() => expect(client.events.length).toBeGreaterThan(3))
    client.socket.disconnect()
    await until(() => expect(io.of('/').sockets.size).toBe(0))
    await until(() => expect(closed).toBe(true))
  })
})

describe('newest', () => {
  it('is told to a client, before anything is replayed to it', async () => {
    const newest = vi.fn(async ({ userId }: { userId: string }): Promise<unknown> => `${userId} 7`)
    const { heardWith, codes } = await serve(() => [logged(9)], { newest: newest as NonNullable<Options['newest']> })
    expect(await heardWith({})).toEqual([['_line', { cursor: 'ann 7' }]])
    expect(await heardWith({ cursor: 5 })).toEqual([['_line', { cursor: 'ann 7' }], sent(9), END])
    newest.mockResolvedValue(0)
    expect(await heardWith({ cursor: {} })).toEqual([['_line', { cursor: 0 }]])
    for (const empty of [undefined, null]) {
      newest.mockResolvedValue(empty)
      expect(await heardWith({})).toEqual([])
    }
    expect(codes).toEqual([])
    for (const nonsense of [7n, Number.NaN, {}]) {
      newest.mockResolvedValue(nonsense)
      expect(await heardWith({})).toEqual([])
      expect(codes.splice(0)).toEqual(['replay-failed'])
    }
  })

  it('is not told to a connection that was recovered: its browser has fetched nothing since', async () => {
    const { io, url } = await listen({ connectionStateRecovery: { skipMiddlewares: false } })
    const newest = vi.fn(() => 7)
    createSessions(io, { authenticate: () => ({ userId: 'ann' }), replay: () => [], newest })
    const client = connect(url, {}, { reconnection: true, reconnectionDelay: 20 })
    await until(() => expect(client.events).toEqual([['_line', { cursor: 7 }]]))
    for (const socket of io.of('/').sockets.values()) socket.conn.close()
    await until(() => expect(client.heard.at(-1)).toBe('up, recovered'))
    createNotifier(io).everyone('end')
    await until(() => expect(client.events.at(-1)?.[0]).toBe('end'))
    expect(client.events).toHaveLength(2)
    expect(newest).toHaveBeenCalledOnce()
  })

  it('is read before the client knows that it is connected: what it fetches then has all of that', async () => {
    let answer: (id: number) => void = () => undefined
    const newest = vi.fn(() => new Promise<number>((resolve) => (answer = resolve)))
    const { url } = await serve(() => [], { newest })
    const client = connect(url, {})
    await until(() => expect(newest).toHaveBeenCalled())
    await delay(10)
    expect(client.heard).toEqual([])
    answer(3)
    await until(() => expect(client.events).toEqual([['_line', { cursor: 3 }]]))
  })

  it('keeps nobody out when it fails or hangs, and is not asked for those who are', async () => {
    const newest = vi.fn((): Promise<number> => Promise.reject(new Error('no log')))
    const { heardWith, url, codes } = await serve(() => [], { newest })
    expect(await heardWith({})).toEqual([])
    newest.mockReturnValue(new Promise(() => undefined))
    expect(await heardWith({})).toEqual([])
    expect(codes).toEqual(['replay-failed', 'replay-failed'])
    const refused = connect(url, { token: 'bad' })
    await until(() => expect(refused.heard).toEqual(['refused: no']))
    expect(newest).toHaveBeenCalledTimes(2)
  })

  it('is nothing without a replay', async () => {
    const newest = vi.fn(() => 7)
    const { heardWith } = await serve(undefined, { newest })
    expect(await heardWith({})).toEqual([])
    expect(newest).not.toHaveBeenCalled()
  })
})
