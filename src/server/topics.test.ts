import { setTimeout as delay } from 'node:timers/promises'
import type { ServerOptions, Socket } from 'socket.io'
import { describe, expect, it } from 'vitest'
import { type Client, connect, listen, until } from '../../test/real-server.js'
import { createNotifier, createSessions, type PartylineServerError, type SessionsOptions } from './index.js'

// Against a real Socket.IO server with real clients.

type Options = SessionsOptions<Socket, { userId: string; projects: readonly string[] }>
type Topics = NonNullable<Options['topics']>

/** A token is a name, and after a slash the projects of its user. */
const authenticate: Options['authenticate'] = ({ token }) => {
  const [userId = '', projects = ''] = String(token).split('/')
  return { userId, projects: projects.split(',') }
}
const authorize: Topics['authorize'] = ({ projects }, topic) => projects.includes(topic) || 'not your project'

async function serve(topics: Options['topics'] = { authorize }, server: Partial<ServerOptions> = {}) {
  const { io, url } = await listen(server)
  const faults: PartylineServerError[] = []
  createSessions(io, { authenticate, ...(topics && { topics }), onError: (error) => void faults.push(error) })
  const enter = async (token: string, options: object = {}) => {
    const client = connect(url, { token }, options)
    await until(() => expect(client.heard.at(-1)).toMatch(/^up/))
    return client
  }
  return { io, url, enter, notify: createNotifier(io), faults, rooms: () => [...io.of('/').adapter.rooms.keys()] }
}

let asked = 0
/** Asks for topics; gives what the server answers, by topic. */
async function join({ socket, events }: Client, ...topics: unknown[]): Promise<Record<string, string>> {
  const request = ++asked
  socket.emit('_line:join', { topics, request })
  const answers = () =>
    events.flatMap(([name, said]) =>
      name === '_line' && (said as { request: number }).request === request ? [said] : [],
    )
  await until(() => expect(answers()).toHaveLength(new Set(topics).size))
  return Object.fromEntries(
    (answers() as { topic: string; ok: boolean; message: string }[]).map(({ topic, ok, message }) => [
      topic,
      ok ? 'ok' : message,
    ]),
  )
}
const heard = ({ events }: Client) => events.filter(([name]) => name !== '_line').map(([name]) => name)
const words = ({ events }: Client) => events.filter(([name]) => name === '_line').map(([, said]) => said)

describe('who may join', () => {
  it('whom authorize lets; it gets the topic’s events until it leaves', async () => {
    const { enter, notify, rooms } = await serve()
    const ann = await enter('ann/42,43')
    const bob = await enter('bob/43')
    expect(await join(ann, '42', '44', '42')).toEqual({ '42': 'ok', '44': 'not your project' })
    expect(await join(bob, '42', '43')).toEqual({ '42': 'not your project', '43': 'ok' })
    notify.topic('42', 'task_changed', { id: 1 }, { spreadMs: 10 })
    notify.topic('43', 'other_changed')
    notify.topic('44', 'never')
    notify.everyone('end')
    await until(() => expect([ann, bob].map((one) => heard(one).at(-1))).toEqual(['end', 'end']))
    expect(heard(ann)).toEqual(['task_changed', 'end'])
    expect(ann.events).toContainEqual(['task_changed', { id: 1, _line: { spreadMs: 10 } }])
    expect(heard(bob)).toEqual(['other_changed', 'end'])
    ann.socket.emit('_line:leave', { topics: ['42'] })
    await until(() => expect(rooms()).not.toContain('topic:42'))
  })

  it('nobody, unless the app says so', async () => {
    const { enter, rooms } = await serve(null as never)
    expect(await join(await enter('ann/42'), '42')).toEqual({ '42': 'this server has no topics' })
    expect(rooms().some((room) => room.startsWith('topic:'))).toBe(false)
  })

  it.each([
    [false, 'not allowed'],
    ['', 'not allowed'],
    [undefined, 'not allowed'],
    [1, 'not allowed'],
    [{}, 'not allowed'],
    ['closed', 'closed'],
    [true, 'ok'],
  ])('authorize gives %j: %s', async (result, answer) => {
    const { enter } = await serve({ authorize: async () => result as boolean })
    expect(await join(await enter('ann'), 'p')).toEqual({ p: answer })
  })

  it('keeps to itself what authorize threw', async () => {
    const { enter, faults } = await serve({
      authorize: async () => {
        throw new Error('connect ECONNREFUSED db.internal:5432')
      },
    })
    const ann = await enter('ann')
    expect(await join(ann, 'p')).toEqual({ p: 'try again later' })
    expect(words(ann)).toMatchObject([{ topic: 'p', ok: false, code: 'unavailable' }])
    expect(faults.map(({ code, cause }) => [code, String(cause)])).toEqual([
      ['authorization-failed', 'Error: connect ECONNREFUSED db.internal:5432'],
    ])
  })

  it('eight that hang hold nobody up: they are answered as unavailable, and what they say later is dropped', async () => {
    const late: (() => void)[] = []
    const { enter, faults, rooms } = await serve({
      authorize: (_session, topic) => topic === 'good' || new Promise((resolve) => void late.push(() => resolve(true))),
      authorizeTimeoutMs: 100,
    })
    const ann = await enter('ann')
    const hanging = Array.from({ length: 8 }, (_, n) => `hanging ${n}`)
    ann.socket.emit('_line:join', { topics: [...hanging, 'good'], request: 0 })
    await until(() => expect(words(ann)).toHaveLength(9))
    const unavailable = { ok: false, message: 'try again later', code: 'unavailable', request: 0 }
    for (const topic of hanging) expect(words(ann)).toContainEqual({ topic, ...unavailable })
    expect(words(ann)).toContainEqual({ topic: 'good', ok: true, request: 0 })
    expect(faults.map(({ code }) => code)).toEqual(Array(8).fill('authorization-failed'))
    expect(late).toHaveLength(8)
    for (const answer of late) answer()
    await delay(50)
    expect(words(ann)).toHaveLength(9)
    expect(rooms().filter((room) => room.startsWith('topic:'))).toEqual(['topic:good'])
  })

  it('a right of which nothing is known any more ends its topic, and the client is told to ask again', async () => {
    let isDown = false
    const { enter, notify } = await serve({
      authorize() {
        if (isDown) throw new Error('no database')
        return true
      },
    })
    const ann = await enter('ann')
    await join(ann, 'p')
    isDown = true
    await new Promise((resolve) => ann.socket.emit('_line:auth', { token: 'ann' }, resolve))
    const word = { topic: 'p', ok: false, message: 'try again later', code: 'unavailable' }
    await until(() => expect(words(ann).at(-1)).toEqual(word))
    notify.topic('p', 'secret')
    notify.user('ann', 'end')
    await until(() => expect(heard(ann)).toEqual(['end']))
    isDown = false
    expect(await join(ann, 'p')).toEqual({ p: 'ok' })
  })

  it('a client can’t get into another room, or leave one, by a topic’s name', async () => {
    const { enter, notify, rooms } = await serve({ authorize: () => true })
    const [ann, bob] = [await enter('ann'), await enter('bob')]
    expect(await join(ann, 'user_bob', ':x')).toEqual({ user_bob: 'ok', ':x': 'ok' })
    notify.user('bob', 'secret')
    ann.socket.emit('_line:leave', { topics: ['user_ann', 'user_bob'] })
    await until(() => expect(rooms()).not.toContain('topic:user_bob'))
    notify.users(['ann', 'bob'], 'end')
    await until(() => expect([ann, bob].map((one) => heard(one).at(-1))).toEqual(['end', 'end']))
    expect(heard(ann)).toEqual(['end'])
  })

  it('survives what a hostile client sends', async () => {
    const { enter, io } = await serve({ authorize: () => true, limit: 3 })
    const ann = await enter('ann')
    for (const hostile of [
      [],
      [null],
      ['p'],
      [{ topics: 'p' }],
      [{ topics: [null, 7, '', {}, ['p'], 'x'.repeat(201)] }],
      [{ topics: { length: 5 } }],
    ]) {
      ann.socket.emit('_line:join', ...hostile)
      ann.socket.emit('_line:leave', ...hostile)
    }
    expect(await join(ann, 'a', 'b', 'c', 'd')).toEqual({ a: 'ok', b: 'ok', c: 'ok', d: 'more than 3 topics' })
    ann.socket.emit('_line:join', { topics: Array.from({ length: 10_000 }, (_, n) => `t${n}`), request: 0 })
    ann.socket.emit('_line:leave', { topics: ['a'] })
    expect(await join(ann, 'e', 'b')).toEqual({ e: 'ok', b: 'ok' })
    const [socket] = io.of('/').sockets.values()
    expect([...(socket?.rooms ?? [])].filter((room) => room.startsWith('topic:'))).toHaveLength(3)
    expect(ann.heard).toEqual(['up'])
  })

  it('asks for a few at a time, and not for what has been left meanwhile', async () => {
    let most = 0
    let running = 0
    const topics: string[] = []
    const release: (() => void)[] = []
    const { enter, rooms } = await serve({
      async authorize(_session, topic) {
        topics.push(topic)
        most = Math.max(most, ++running)
        await new Promise<void>((resolve) => void release.push(resolve))
        running--
        return true
      },
    })
    const ann = await enter('ann')
    const all = Array.from({ length: 30 }, (_, n) => `t${n}`)
    ann.socket.emit('_line:join', { topics: all, request: 1 })
    await until(() => expect(release).toHaveLength(8))
    ann.socket.emit('_line:leave', { topics: all.filter((topic) => topic !== 't0' && topic !== 't29') })
    // After that the server has heard it.
    await new Promise((resolve) => ann.socket.emit('_line:auth', { token: 'ann' }, resolve))
    for (let round = 0; round < 20; round++) {
      for (const run of release.splice(0)) run()
      await delay(5)
    }
    expect(most).toBe(8)
    // The renewal has asked for t0 again.
    expect(topics).toEqual([...all.slice(0, 8), 't29', 't0'])
    expect(rooms().filter((room) => room.startsWith('topic:'))).toEqual(['topic:t29', 'topic:t0'])
    expect(words(ann)).toEqual([
      { topic: 't29', ok: true, request: 1 },
      { topic: 't0', ok: true, request: 1 },
    ])
  })

  it('an adapter that can’t leave a room is told of, and ends no process', async () => {
    const { enter, io, faults } = await serve({ authorize: () => true })
    const ann = await enter('ann')
    Object.assign(io.of('/').adapter, { del: () => Promise.reject(new Error('the adapter is away')) })
    ann.socket.emit('_line:leave', { topics: ['p'] })
    await until(() => expect(faults.map(({ code }) => code)).toEqual(['authorization-failed']))
  })

  it('left and joined again while it is asked: one answer, to the last question', async () => {
    let release: (() => void) | undefined
    const { enter } = await serve({
      async authorize() {
        if (!release)
          await new Promise<void>((resolve) => {
            release = resolve
          })
        return true
      },
    })
    const ann = await enter('ann')
    ann.socket.emit('_line:join', { topics: ['p'], request: 1 })
    await until(() => expect(release).toBeDefined())
    ann.socket.emit('_line:leave', { topics: ['p'] })
    ann.socket.emit('_line:join', { topics: ['p'], request: 2 })
    await until(() => expect(words(ann)).toEqual([{ topic: 'p', ok: true, request: 2 }]))
    release?.()
    await delay(50)
    expect(words(ann)).toHaveLength(1)
  })
})

describe('for how long', () => {
  const renew = (client: Client, token: string) =>
    new Promise((resolve) => client.socket.emit('_line:auth', { token }, resolve))

  it('a right that a renewal takes away ends its topic, and only that', async () => {
    const { enter, notify } = await serve()
    const ann = await enter('ann/42,43')
    await join(ann, '42', '43')
    expect(await renew(ann, 'ann/43')).toEqual({ ok: true })
    await until(() => expect(words(ann).at(-1)).toEqual({ topic: '42', ok: false, message: 'not your project' }))
    notify.topic('42', 'secret')
    notify.topic('43', 'end')
    await until(() => expect(heard(ann)).toEqual(['end']))
    // What is still allowed is not spoken of.
    expect(words(ann)).toHaveLength(3)
  })

  it('endTopic ends it at once, for one user', async () => {
    let allowed = true
    const { enter, notify } = await serve({ authorize: ({ userId }) => userId === 'bob' || allowed })
    const [ann, bob] = [await enter('ann'), await enter('bob')]
    await Promise.all([join(ann, 'p'), join(bob, 'p')])
    allowed = false
    notify.endTopic('ann', 'p', 'the project was archived')
    notify.topic('p', 'changed')
    notify.everyone('end')
    await until(() => expect([ann, bob].map((one) => heard(one).at(-1))).toEqual(['end', 'end']))
    expect([ann, bob].map(heard)).toEqual([['end'], ['changed', 'end']])
    expect(words(ann).at(-1)).toEqual({ topic: 'p', ok: false, message: 'the project was archived' })
    expect(await join(ann, 'p')).toEqual({ p: 'not allowed' })
  })

  /** An `authorize` that has looked already, and takes its time to say so. */
  async function slow(isAllowed: (token: string) => boolean) {
    const saying: (() => void)[] = []
    const served = await serve({
      async authorize({ projects }, topic) {
        const allowed = projects.includes(topic) && isAllowed(topic)
        if (saying.length === 0) await new Promise<void>((resolve) => void saying.push(resolve))
        return allowed
      },
    })
    const ann = await served.enter('ann/p')
    ann.socket.emit('_line:join', { topics: ['p'], request: 0 })
    await until(() => expect(saying).toHaveLength(1))
    return { ...served, ann, say: () => saying[0]?.() }
  }

  it('a right that a renewal takes away while it is asked for lets nobody in', async () => {
    const { ann, say, notify } = await slow(() => true)
    expect(await renew(ann, 'ann/q')).toEqual({ ok: true })
    say()
    await until(() => expect(words(ann)).toEqual([{ topic: 'p', ok: false, message: 'not allowed', request: 0 }]))
    notify.topic('p', 'secret')
    notify.user('ann', 'end')
    await until(() => expect(heard(ann)).toEqual(['end']))
  })

  it('so does one that endTopic takes away while it is asked for', async () => {
    let allowed = true
    const { ann, say, notify } = await slow(() => allowed)
    allowed = false
    notify.endTopic('ann', 'p')
    await until(() => expect(words(ann)).toContainEqual({ topic: 'p', ok: false, message: 'not allowed' }))
    say()
    await until(() => expect(words(ann)).toContainEqual({ topic: 'p', ok: false, message: 'not allowed', request: 0 }))
    notify.topic('p', 'secret')
    notify.user('ann', 'end')
    await until(() => expect(heard(ann)).toEqual(['end']))
    expect(words(ann)).toHaveLength(2)
  })

  it.each(['', 'x'.repeat(201), undefined])('%j is no topic', async (topic) => {
    const { notify } = await serve()
    expect(() => notify.topic(topic as string, 'changed')).toThrow(expect.objectContaining({ code: 'bad-topic' }))
    expect(() => notify.endTopic('ann', topic as string)).toThrow(expect.objectContaining({ code: 'bad-topic' }))
  })

  it('a recovered connection is in its topics, and a right that was taken away meanwhile ends them', async () => {
    let allowed = ['p', 'q']
    const served = await serve(
      { authorize: (_session, topic) => allowed.includes(topic) },
      { connectionStateRecovery: { maxDisconnectionDuration: 60_000, skipMiddlewares: false } },
    )
    const ann = await served.enter('ann', { reconnection: true, reconnectionDelay: 10, reconnectionDelayMax: 20 })
    await join(ann, 'p', 'q')
    served.notify.user('ann', 'first')
    await until(() => expect(heard(ann)).toEqual(['first']))
    allowed = ['p']
    for (const socket of served.io.of('/').sockets.values()) socket.conn.close()
    served.notify.topic('p', 'missed')
    await until(() => expect(ann.heard.at(-1)).toBe('up, recovered'))
    expect(heard(ann)).toEqual(['first', 'missed'])
    await until(() => expect(words(ann).at(-1)).toEqual({ topic: 'q', ok: false, message: 'not allowed' }))
    expect(await join(ann, 'p', 'q')).toEqual({ p: 'ok', q: 'not allowed' })
    expect(served.rooms().filter((room) => room.startsWith('topic:'))).toEqual(['topic:p'])
  })
})
