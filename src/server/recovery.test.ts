import type { EventEmitter } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { createClient } from 'redis'
import type { Server, Socket } from 'socket.io'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { openAdapter } from '../../demo/cluster/adapter.js'
import { startRedis } from '../../scripts/redis.js'
import { afterwards, type Client, connect, listen, until } from '../../test/real-server.js'
import { startForTests } from '../../test/services.js'
import { createNotifier, createSessions, endUser, type SessionsOptions } from './index.js'

// What recovered connections read, and how a user's are ended: in one process, and in two with Redis streams between them.

const redis = await startForTests(startRedis)
afterAll(() => redis?.stop())
/** Empty where there is no Redis. */
const redisUrl = redis?.url ?? ''

const RECOVERY = { connectionStateRecovery: { maxDisconnectionDuration: 60_000, skipMiddlewares: false } }

/** A process of the cluster. */
async function openProcess(url: string | undefined) {
  if (url === undefined) return listen(RECOVERY)
  const { adapter, close, reading, confirm } = await openAdapter(url)
  afterwards(close)
  const served = await listen({ ...RECOVERY, adapter })
  // A connection that breaks as the server closes would be written to Redis, which is about to end.
  afterwards(() => {
    served.io.local.disconnectSockets(true)
    return confirm()
  })
  await reading()
  return served
}

type Options = SessionsOptions<Socket, { userId: string; secret?: string }>

/** `here` has the sockets; `there` is another process, if there is one. */
async function openCluster(url: string | undefined, options: Partial<Options> = {}) {
  const { io: here, url: address } = await openProcess(url)
  const there = url === undefined ? here : (await openProcess(url)).io
  const codes: string[] = []
  const authenticate: Options['authenticate'] = ({ token }) => (token ? { userId: String(token) } : null)
  const all = { authenticate, onError: ({ code }: { code: string }) => void codes.push(code), ...options }
  for (const io of new Set([here, there])) createSessions(io, all)
  const notify = createNotifier(there)

  /** Connected, with an offset from which it can be recovered. */
  async function enter(token: string) {
    const client = connect(address, { token }, { reconnection: true, reconnectionDelay: 10, reconnectionDelayMax: 20 })
    await until(() => expect(client.heard).toEqual(['up']))
    notify.user(token, 'first')
    await until(() => expect(names(client)).toEqual(['first']))
    return client
  }
  return { here, there, address, notify, codes, enter }
}

const names = ({ events }: Client) => events.map(([name]) => name)
/** As a bad network would. */
const cut = (io: Server) => {
  for (const socket of io.of('/').sockets.values()) socket.conn.close()
}
/** What came before the client was connected, and so is not delivered yet. */
const unread = ({ socket }: Client) => (socket as unknown as { receiveBuffer: unknown[] }).receiveBuffer

/** An `authenticate` that can be made to wait. */
function gate() {
  let waiting: (() => void)[] = []
  let isShut = false
  let isAllowed = true
  return {
    shut() {
      isShut = true
    },
    forbid() {
      isAllowed = false
    },
    open() {
      isShut = false
      for (const run of waiting) run()
      waiting = []
    },
    isReached: () => until(() => expect(waiting.length).toBeGreaterThan(0)),
    authenticate: (async ({ token }) => {
      const answer = isAllowed ? { userId: String(token), secret: 'a password' } : 'signed out'
      if (isShut) await new Promise<void>((resolve) => waiting.push(resolve))
      return answer
    }) as Options['authenticate'],
  }
}

describe.each([
  ['in memory', undefined],
  ['with Redis streams', redisUrl],
])('%s', (_name, url) => {
  const test = it.skipIf(url === '')

  test('a recovered connection reads what it missed when it was let in, not before', async () => {
    const { authenticate, ...door } = gate()
    const { here, enter, notify } = await openCluster(url, { authenticate })
    const ann = await enter('ann')
    door.shut()
    cut(here)
    await door.isReached()
    notify.user('ann', 'missed')
    notify.user('bob', 'not hers')
    await delay(100)
    expect(unread(ann)).toEqual([])
    door.open()
    await until(() => expect(names(ann)).toEqual(['first', 'missed']))
    expect(ann.heard.at(-1)).toBe('up, recovered')
    expect(ann.letIn).toEqual(['ann', 'ann'])
  })

  test('what broke once can be recovered once', async () => {
    const { here, enter } = await openCluster(url)
    const ann = await enter('ann')
    cut(here)
    await until(() => expect(ann.heard.at(-1)).toBe('up, recovered'))
    await delay(50)
    if (url === undefined) return
    const admin = createClient({ url })
    await admin.connect()
    afterwards(() => admin.destroy())
    const { pid } = [...here.of('/').sockets.values()][0] as unknown as { pid: string }
    expect(await admin.exists(`sio:session:${pid}`)).toBe(0)
  })

  test('what is sent before, during and after its handshake arrives, in order', async () => {
    const { authenticate, ...door } = gate()
    const { here, enter, notify } = await openCluster(url, { authenticate })
    const ann = await enter('ann')
    for (let round = 0; round < 3; round++) {
      ann.events.length = 0
      door.shut()
      cut(here)
      notify.user('ann', 'before')
      await door.isReached()
      notify.user('ann', 'during')
      door.open()
      await until(() => expect(ann.heard.filter((word) => word === 'up, recovered')).toHaveLength(round + 1))
      notify.user('ann', 'after')
      await until(() => expect(names(ann)).toContain('after'))
      // Redis may bring an event to this process after it was read from the stream. Its offset is the same.
      expect([...new Set(names(ann))]).toEqual(['before', 'during', 'after'])
    }
  })

  test('who is refused reads nothing, and can be recovered later', async () => {
    let answer: 'yes' | 'no' | 'down' = 'yes'
    const { here, enter, notify } = await openCluster(url, {
      authenticate: async ({ token }) => {
        if (answer === 'down') throw new Error('no database')
        return answer === 'no' ? 'not now' : { userId: String(token) }
      },
    })
    const ann = await enter('ann')
    for (const denied of ['no', 'down'] as const) {
      answer = denied
      const before = ann.refusals.length
      if (denied === 'no') cut(here)
      notify.user('ann', denied)
      if (!ann.socket.active) ann.socket.connect()
      await until(() => expect(ann.refusals.length).toBeGreaterThan(before))
      expect([unread(ann), names(ann)]).toEqual([[], ['first']])
    }
    answer = 'yes'
    ann.socket.connect()
    await until(() => expect(names(ann)).toEqual(['first', 'no', 'down']))
    expect(ann.heard.at(-1)).toBe('up, recovered')
  })

  test('what can’t be read any more is a gap: the client was told that it missed nothing', async () => {
    const { authenticate, ...door } = gate()
    const { here, enter } = await openCluster(url, { authenticate })
    const ann = await enter('ann')
    door.shut()
    cut(here)
    await door.isReached()
    const { adapter } = here.of('/') as unknown as { adapter: { sessions?: Map<string, unknown> } }
    adapter.sessions?.clear()
    if (url !== undefined) {
      const admin = createClient({ url })
      await admin.connect()
      for (const key of await admin.keys('sio:session:*')) await admin.del(key)
      admin.destroy()
    }
    door.open()
    await until(() => expect(ann.heard.at(-1)).toBe('up, recovered'))
    await until(() => expect(ann.events.at(-1)).toEqual(['_line', { gap: true }]))
  })

  test('endUser ends every open connection of the user, and no other', async () => {
    const { there, enter, notify } = await openCluster(url)
    const [ann, bob] = [await enter('ann'), await enter('bob')]
    await endUser(there, 'ann')
    await until(() => expect(ann.heard.at(-1)).toBe('down: io server disconnect'))
    notify.users(['ann', 'bob'], 'later')
    await until(() => expect(names(bob)).toEqual(['first', 'later']))
    expect(names(ann)).toEqual(['first'])
    expect(bob.heard).toEqual(['up'])
    // She may sign in again.
    ann.socket.connect()
    await until(() => expect(ann.heard.at(-1)).toBe('up'))
    notify.user('ann', 'new')
    await until(() => expect(names(ann)).toEqual(['first', 'new']))
  })

  test('endUser ends what could be recovered, and no other', async () => {
    const { authenticate, ...door } = gate()
    const { here, there, enter, notify } = await openCluster(url, { authenticate })
    const [ann, bob] = [await enter('ann'), await enter('bob')]
    door.shut()
    cut(here)
    await until(() => expect(here.of('/').sockets.size).toBe(0))
    notify.users(['ann', 'bob'], 'missed')
    await endUser(there, 'ann')
    notify.users(['ann', 'bob'], 'later')
    await delay(50)
    door.open()
    await until(() => expect(bob.heard.at(-1)).toBe('up, recovered'))
    await until(() => expect(names(bob)).toEqual(['first', 'missed', 'later']))
    // She comes back as anybody who comes for the first time.
    await until(() => expect(ann.heard.at(-1)).toBe('up'))
    notify.user('ann', 'new')
    await until(() => expect(names(ann).at(-1)).toBe('new'))
    expect(names(ann)).toEqual(['first', 'new'])
  })

  test('endUser ends what is just being recovered', async () => {
    const { authenticate, ...door } = gate()
    const { here, there, enter, notify } = await openCluster(url, { authenticate })
    const ann = await enter('ann')
    door.shut()
    cut(here)
    await door.isReached()
    notify.user('ann', 'missed')
    door.forbid()
    await endUser(there, 'ann')
    await delay(50)
    door.open()
    await until(() => expect(ann.heard.length).toBeGreaterThan(2))
    await delay(50)
    expect([unread(ann), names(ann)]).toEqual([[], ['first']])
    expect(here.of('/').sockets.size).toBe(0)
  })

  test('endUser ends a handshake whose credentials were read a moment earlier', async () => {
    const { authenticate, ...door } = gate()
    const { here, there, address } = await openCluster(url, { authenticate })
    let goOn: (() => void) | undefined
    here.use((_socket, next) => {
      if (_socket.handshake.auth['stops']) goOn = () => next()
      else next()
    })
    // Past `authenticate`, and at another middleware.
    const further = connect(address, { token: 'ann', stops: true })
    await until(() => expect(goOn).toBeDefined())
    door.shut()
    const ann = connect(address, { token: 'ann' })
    const bob = connect(address, { token: 'bob' })
    await door.isReached()
    // Over Redis, this process hears of it only later.
    const isTold =
      url === undefined
        ? undefined
        : new Promise<unknown>((resolve) => {
            ;(here.of('/') as unknown as EventEmitter).once('_line:ended', resolve)
          })
    await endUser(there, 'ann')
    await isTold
    door.open()
    goOn?.()
    await until(() => expect(ann.heard).toEqual(['refused: the session has ended']))
    await until(() => expect(further.heard.at(-1)).toBe('down: io server disconnect'))
    await until(() => expect(bob.heard).toEqual(['up']))
    const again = connect(address, { token: 'ann' })
    await until(() => expect(again.heard).toEqual(['up']))
  })

  test('a secret of the session is not in what the adapter stores', async () => {
    const { here, enter } = await openCluster(url, { ...gate() })
    const persist = vi.spyOn(here.of('/').adapter, 'persistSession')
    const ann = await enter('ann')
    ann.socket.io.reconnection(false)
    cut(here)
    await until(() => expect(persist).toHaveBeenCalledOnce())
    expect(persist.mock.calls[0]?.[0].data).toEqual({ session: { userId: 'ann' } })
    if (url === undefined) return
    const admin = createClient({ url })
    await admin.connect()
    afterwards(() => admin.destroy())
    const stored = async () => Promise.all((await admin.keys('sio:session:*')).map((key) => admin.get(key)))
    await until(async () => expect((await stored()).length).toBeGreaterThan(0))
    const texts = (await stored()).map((text) => Buffer.from(text ?? '', 'base64').toString('latin1'))
    expect(texts.some((text) => text.includes('ann'))).toBe(true)
    expect(texts.filter((text) => text.includes('a password'))).toEqual([])
  })
})

describe('endUser', () => {
  it.each([undefined, '', {}])('refuses nobody: %j', async (userId) => {
    const { io } = await listen()
    await expect(endUser(io, userId as string)).rejects.toMatchObject({ code: 'bad-room' })
    await expect(endUser(io, 'ann', { room: () => '' })).rejects.toMatchObject({ code: 'bad-room' })
  })

  it('needs no recovery, and warns of nothing in a process by itself', async () => {
    const warn = vi.spyOn(console, 'warn')
    const { io, url } = await listen()
    const room = (userId: unknown) => `u:${userId}`
    createSessions(io.of('/app'), { authenticate: () => ({ userId: 7 }), room })
    const ann = connect(`${url}/app`)
    await until(() => expect(ann.heard).toEqual(['up']))
    await endUser(io.of('/app'), 7, { room })
    await until(() => expect(ann.heard.at(-1)).toBe('down: io server disconnect'))
    expect(warn).not.toHaveBeenCalled()
  })
})
