import { describe, expect, it, vi } from 'vitest'
import { connect, listen, until } from '../../test/real-server.js'
import { createNotifier, drain } from './index.js'

// Against a real Socket.IO server with real clients.

describe('drain', () => {
  it('asks every socket to move, those that come in late too, and ends when all are gone', async () => {
    const { io, url } = await listen()
    const [ann, bob] = [connect(url), connect(url)]
    await until(() => expect(io.sockets.sockets.size).toBe(2))
    let drained = false
    const draining = drain(io, { spreadMs: 60_000 }).then(() => {
      drained = true
    })
    await until(() => expect([ann, bob].map(({ events }) => events.length)).toEqual([1, 1]))
    const [word, said] = ann.events[0] as [string, { move: boolean; spreadMs: number }]
    expect([word, said.move]).toEqual(['_line', true])
    expect(said.spreadMs).toBeGreaterThan(55_000)
    const late = connect(url)
    await until(() => expect(late.events).toHaveLength(1))
    ann.socket.disconnect()
    bob.socket.disconnect()
    await until(() => expect(io.sockets.sockets.size).toBe(1))
    expect(drained).toBe(false)
    late.socket.disconnect()
    await draining
  })

  it('closes what does not go, in a way that lets another process recover it', async () => {
    const { io, url } = await listen({ connectionStateRecovery: { skipMiddlewares: false } })
    const deaf = connect(url)
    await until(() => expect(io.sockets.sockets.size).toBe(1))
    io.emit('first')
    await until(() => expect(deaf.events).toHaveLength(1))
    await drain(io.of('/'), { spreadMs: 0 })
    // 'io server disconnect' would be taken for a refusal.
    await until(() => expect(deaf.heard).toEqual(['up', 'down: transport close']))
    io.emit('missed')
    deaf.socket.connect()
    await until(() => expect(deaf.heard.at(-1)).toBe('up, recovered'))
    // The message to move is not sent again by the recovery (a new one comes, since the process still drains).
    expect(deaf.events.map(([name]) => name).filter((name) => name !== '_line')).toEqual(['first', 'missed'])
  })
})

describe('drain, where there is nowhere else to go', () => {
  it('gives who comes late a moment, or it would come and go without a pause', async () => {
    const { io, url } = await listen()
    const first = connect(url)
    await until(() => expect(first.heard).toEqual(['up']))
    const draining = drain(io, { spreadMs: 0 })
    const late = connect(url)
    await until(() => expect(late.events).toHaveLength(1))
    expect([first, late].map(({ events }) => events[0])).toEqual([
      ['_line', { move: true, spreadMs: 0 }],
      ['_line', { move: true, spreadMs: 1_000 }],
    ])
    for (const { socket } of [first, late]) socket.disconnect()
    await draining
  })

  it('does not wait for ever for what can’t be closed', async () => {
    const { io, url } = await listen()
    const { heard } = connect(url)
    await until(() => expect(heard).toEqual(['up']))
    for (const { conn } of io.sockets.sockets.values()) Object.assign(conn, { close: () => undefined })
    await drain(io, { spreadMs: 0 })
    expect(heard).toEqual(['up'])
    // Only then.
    io.disconnectSockets()
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY, -1])('takes a spread of %s for none', async (spreadMs) => {
    const { io, url } = await listen()
    const { socket, events, heard } = connect(url)
    await until(() => expect(heard).toEqual(['up']))
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const draining = drain(io, { spreadMs })
    await until(() => expect(events).toEqual([['_line', { move: true, spreadMs: expect.any(Number) }]]))
    expect(Number(Object(events[0]?.[1]).spreadMs)).toBeGreaterThan(5_000)
    expect(warn.mock.calls[0]?.[0]).toContain('bad-option')
    warn.mockRestore()
    socket.disconnect()
    await draining
  })
})

describe('a gap', () => {
  it('is told to everyone, with a spread', async () => {
    const { io, url } = await listen()
    const clients = [connect(url), connect(url)]
    await until(() => expect(io.sockets.sockets.size).toBe(2))
    const notify = createNotifier(io)
    notify.gap()
    notify.gap({ spreadMs: 0 })
    for (const { events } of clients)
      await until(() =>
        expect(events).toEqual([
          ['_line', { gap: true, spreadMs: 10_000 }],
          ['_line', { gap: true }],
        ]),
      )
    expect(() => notify.gap({ spreadMs: -1 })).toThrow('spreadMs has to be milliseconds')
    expect(() => notify.gap({ spread: 5 } as never)).toThrow('spread is now called spreadMs')
    const faults: string[] = []
    createNotifier(io, { onError: ({ code }) => void faults.push(code) }).gap({ spreadMs: Number.NaN })
    expect(faults).toEqual(['bad-option'])
  })
})
