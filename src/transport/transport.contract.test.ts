import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { afterwards, until } from '../../test/real-server.js'
import {
  type Accept,
  connectTransport,
  type Far,
  openWebSocket,
  type Refusal,
  serveSocketIo,
  serveWebSocket,
} from '../../test/real-sockets.js'
import { openSocketIo } from './socket-io.js'

// What a hub relies on, of every transport, against a real server of its kind.

describe.each([
  ['Socket.IO', openSocketIo, serveSocketIo],
  ['plain WebSocket', openWebSocket(), serveWebSocket],
] as const)('%s transport', (_, open, serveOn) => {
  async function serve(accept: Accept = () => undefined, port = 0): Promise<Far> {
    const server = await serveOn(port, accept)
    let closed: Promise<void> | undefined
    const close = () => {
      closed ??= server.close()
      return closed
    }
    afterwards(close)
    return { ...server, close }
  }
  const connect: typeof connectTransport extends (open: never, ...rest: infer Rest) => infer Near
    ? (...rest: Rest) => Near
    : never = (...rest) => {
    const near = connectTransport(open, ...rest)
    afterwards(near.transport.close)
    return near
  }

  it('connects with the credentials it was given, and hands on events whose metadata is an object, or null', async () => {
    const server = await serve()
    const { reports, events } = connect(server.port, async () => ({ token: 'secret' }))
    await until(() => expect(reports).toEqual(['up']))
    expect(server.tokens).toEqual(['secret'])
    server.emit('changed', { id: 1 })
    server.emit('bare')
    server.emit('odd', 'text')
    server.emit('__proto__', [1])
    server.emit('_line', { replayed: true })
    await until(() => expect(events).toHaveLength(5))
    expect(events).toEqual([
      ['changed', { id: 1 }],
      ['bare', {}],
      ['odd', null],
      ['__proto__', null],
      ['_line', { replayed: true }],
    ])
  })

  it('never comes back by itself, and asks for credentials at every attempt', async () => {
    const server = await serve()
    let asked = 0
    const { reports, transport } = connect(server.port, async () => ({ token: ++asked }))
    await until(() => expect(reports).toEqual(['up']))
    server.drop()
    await until(() => expect(reports).toEqual(['up', expect.stringMatching(/^down: /)]))
    await delay(150)
    expect(server.tokens).toEqual([1])
    transport.connect()
    await until(() => expect(reports).toEqual(['up', expect.stringMatching(/^down: /), 'up']))
    expect(server.tokens).toEqual([1, 2])
    expect(server.count()).toBe(1)
  })

  it('reports a refusal with its reason, and waits until it is told to connect', async () => {
    const server = await serve((token) => (token === 'fresh' ? undefined : { reason: 'token expired' }))
    let token = 'stale'
    const { reports, transport } = connect(server.port, async () => ({ token }))
    await until(() => expect(reports).toEqual(['refused: token expired']))
    await delay(150)
    expect(server.tokens).toEqual(['stale'])
    token = 'fresh'
    transport.connect()
    await until(() => expect(reports).toEqual(['refused: token expired', 'up']))
    expect(server.tokens).toEqual(['stale', 'fresh'])
  })

  it('without credentials gives the attempt up, and waits', async () => {
    const server = await serve()
    let fail = true
    const { reports, transport } = connect(server.port, () =>
      fail ? Promise.reject(new Error('no tab is left')) : Promise.resolve({ token: 't' }),
    )
    await until(() => expect(reports).toEqual(['no credentials: no tab is left']))
    await delay(150)
    expect(reports).toHaveLength(1)
    fail = false
    transport.connect()
    await until(() => expect(reports.at(-1)).toBe('up'))
    expect(server.tokens).toEqual(['t'])
  })

  it('does not send credentials that come too late', async () => {
    const server = await serve()
    const answers: ((value: { token: string }) => void)[] = []
    const { reports, transport } = connect(server.port, () => new Promise((resolve) => void answers.push(resolve)))
    await until(() => expect(answers).toHaveLength(1))
    transport.reconnect()
    await until(() => expect(answers).toHaveLength(2))
    answers[0]?.({ token: 'late' })
    answers[1]?.({ token: 'right' })
    await until(() => expect(reports.at(-1)).toBe('up'))
    expect(server.tokens).toEqual(['right'])
    expect(server.count()).toBe(1)
  })

  it('reports each failed attempt once, while the server is down', async () => {
    const first = await serve()
    await first.close()
    const { reports, transport } = connect(first.port)
    await until(() => expect(reports).toEqual([expect.stringMatching(/^failed: /)]))
    transport.connect()
    await until(() => expect(reports).toHaveLength(2))
    await delay(150)
    expect(reports).toHaveLength(2)
    await serve(undefined, first.port)
    transport.connect()
    await until(() => expect(reports.at(-1)).toBe('up'))
  })

  it('says whether a refusal is final, or for somebody else, and takes what can’t be judged for a failed attempt', async () => {
    const data = new Map<unknown, Refusal>([
      ['banned', { reason: 'gone', final: true }],
      ['of bob', { reason: 'you are bob', code: 'wrong-identity' }],
      ['later', { reason: 'no database', code: 'unavailable' }],
    ])
    const server = await serve((token) => data.get(token))
    for (const [token, report] of [
      ['banned', 'refused for good: gone'],
      ['of bob', 'refused as somebody else: you are bob'],
      ['later', 'failed: no database'],
    ]) {
      const { reports } = connect(server.port, async () => ({ token }))
      await until(() => expect(reports).toEqual([report]))
    }
  })

  it('disconnect ends a connection or an attempt without a report, and connect makes another one', async () => {
    const server = await serve()
    for (const session of ['keep', 'end'] as const) {
      const { reports, transport } = connect(server.port)
      transport.disconnect(session)
      transport.connect()
      await until(() => expect(reports).toEqual(['up']))
      transport.disconnect(session)
      transport.connect()
      await until(() => expect(reports).toEqual(['up', 'up']))
      await until(() => expect(server.count()).toBe(1))
      transport.disconnect(session)
      transport.disconnect(session)
      await until(() => expect(server.count()).toBe(0))
      expect(reports).toEqual(['up', 'up'])
    }
  })

  it('reconnect replaces a connection at once', async () => {
    const server = await serve()
    const { reports, transport } = connect(server.port)
    await until(() => expect(reports).toEqual(['up']))
    transport.reconnect()
    await until(() => expect(reports.filter((said) => said === 'up')).toHaveLength(2))
    await until(() => expect(server.count()).toBe(1))
  })

  it('connect changes nothing while it is connected', async () => {
    const server = await serve()
    const { reports, transport } = connect(server.port)
    transport.connect()
    await until(() => expect(reports).toEqual(['up']))
    transport.connect()
    await delay(100)
    expect(reports).toEqual(['up'])
    expect(server.tokens).toHaveLength(1)
  })

  it('a probe is answered over a connection that lives', async () => {
    const server = await serve()
    const { reports, transport } = connect(server.port)
    await until(() => expect(reports).toEqual(['up']))
    await transport.probe?.()
    await Promise.all([transport.probe?.(), transport.renew?.({ token: 'x' })])
    expect(reports).toEqual(['up'])
  })

  it('a probe is not answered over one that is dead, nor over the next one', async () => {
    const server = await serve()
    const { reports, transport } = connect(server.port)
    await until(() => expect(reports).toEqual(['up']))
    server.freeze()
    let answered = false
    void transport.probe?.().then(() => {
      answered = true
    })
    await delay(200)
    transport.reconnect()
    await until(() => expect(reports.filter((said) => said === 'up')).toHaveLength(2))
    await transport.probe?.()
    expect(answered).toBe(false)
  })

  it('offers renewed credentials over the present connection', async () => {
    const server = await serve((token) =>
      token === 'good' ? undefined : { reason: 'no', ...(token === 'later' && { code: 'unavailable' }) },
    )
    const { reports, transport } = connect(server.port, async () => ({ token: 'good' }))
    await until(() => expect(reports).toEqual(['up']))
    expect(await transport.renew?.({ token: 'bad' })).toBe('refused')
    expect(await transport.renew?.({ token: 'good' })).toBe('accepted')
    expect(await transport.renew?.({ token: 'later' })).toBe('unavailable')
    expect(reports).toEqual(['up'])
  })

  it('sends events over the present connection, and keeps nothing for the next one', async () => {
    const server = await serve()
    const { reports, transport } = connect(server.port)
    transport.send?.('_line:join', { topics: ['early'], request: 1 })
    await until(() => expect(reports).toEqual(['up']))
    transport.send?.('_line:join', { topics: ['p', 'ä'], request: 2 })
    await until(() => expect(server.said).toEqual([['_line:join', { topics: ['p', 'ä'], request: 2 }]]))
    server.drop()
    await until(() => expect(reports.at(-1)).toMatch(/^down: /))
    transport.send?.('_line:leave', { topics: ['p'] })
    transport.reconnect()
    await until(() => expect(reports.at(-1)).toBe('up'))
    transport.send?.('_line:join', { topics: ['q'], request: 3 })
    await until(() => expect(server.said.at(-1)).toEqual(['_line:join', { topics: ['q'], request: 3 }]))
    expect(server.said).toHaveLength(2)
  })

  it('a server message about a topic says nothing of the connection', async () => {
    const server = await serve()
    const { reports, events } = connect(server.port)
    await until(() => expect(reports).toEqual(['up']))
    const words = [
      { topic: 'p', ok: true, request: 1 },
      { topic: 'q', ok: false, message: 'not yours' },
    ]
    for (const word of words) server.emit('_line', word)
    await until(() => expect(events).toEqual(words.map((word) => ['_line', word])))
    expect(reports).toEqual(['up'])
  })

  it('reports nothing after close, whenever that is', async () => {
    const server = await serve()
    const { reports, events, transport } = connect(server.port)
    await until(() => expect(reports).toEqual(['up']))
    transport.close()
    server.emit('late')
    await until(() => expect(server.count()).toBe(0))
    const answers: (() => void)[] = []
    const early = connect(server.port, () => new Promise((resolve) => void answers.push(() => resolve({}))))
    await until(() => expect(answers).toHaveLength(1))
    early.transport.close()
    answers[0]?.()
    const earliest = connect(server.port)
    earliest.transport.close()
    await delay(150)
    expect([reports, events, early.reports, earliest.reports, server.count()]).toEqual([['up'], [], [], [], 0])
  })
})
