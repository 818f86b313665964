import { expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { drawHostilePackets, HOSTILE, untilDone } from '../../test/hostile.js'
import { afterwards, connect, listen, until } from '../../test/real-server.js'
import { createNotifier, createSessions } from './index.js'

// A client that speaks Socket.IO as no client does, byte by byte, in the session of a real user.

/** Fails the test, whoever caused it. */
function watchProcess(): unknown[] {
  const faults: unknown[] = []
  const add = (thrown: unknown) => void faults.push(thrown)
  process.on('unhandledRejection', add)
  process.on('uncaughtException', add)
  afterwards(() => process.off('unhandledRejection', add).off('uncaughtException', add))
  return faults
}

it(`survives ${HOSTILE} hostile packets, keeps nothing of them, and goes on to serve who is beside it`, async () => {
  const faults = watchProcess()
  const groups = drawHostilePackets()
  const { io, url } = await listen({ connectionStateRecovery: { skipMiddlewares: false } })
  const authorize = vi.fn(async (_session: object, topic: string) => topic.length < 3)
  const codes = new Set<string>()
  createSessions(io, {
    authenticate: ({ token }) => (token === 'ann' || token === 'bob' ? { userId: token } : 'token unknown'),
    topics: { authorize, limit: HOSTILE },
    replay: () => [],
    newest: () => 1,
    // They are to get through: what is in them is tested here, and not their number. Joins are limited by the topics.
    maxSendsPerSecond: Number.POSITIVE_INFINITY,
    onError: ({ code }) => void codes.add(code),
  })
  const notify = createNotifier(io)
  const ann = connect(url, { token: 'ann' })
  await until(() => expect(ann.heard).toEqual(['up']))

  let heard = 0
  io.on('connection', (socket) => void socket.onAny(() => heard++))
  let sent = 0
  let sockets = 0
  function open(): void {
    sockets++
    const socket = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`)
    socket.on('error', () => undefined)
    socket.on('message', (data) => {
      const text = String(data)
      if (text.startsWith('0')) socket.send('40{"token":"bob"}')
      // Let in, or the answer to the last ping.
      else if (text.startsWith('40') || text.startsWith('44/_mark')) send()
    })
    const send = () => {
      const packets = groups[sent++]
      if (!packets) return socket.terminate()
      for (const packet of packets) socket.send(packet)
      // No server has this namespace, and so each answers.
      socket.send('40/_mark,')
    }
    socket.on('close', () => sent <= groups.length && open())
  }
  open()
  await untilDone(
    () => sent + sockets,
    () => sent > groups.length,
    () => String(groups[sent - 1]),
  )
  expect(sockets).toBeGreaterThan(100)
  expect(heard).toBeGreaterThan(HOSTILE / 2)
  expect(authorize.mock.calls.length).toBeGreaterThan(10)

  await until(() => expect(io.of('/').sockets.size).toBe(1))
  expect(io.engine.clientsCount).toBe(1)
  expect([...io.of('/').adapter.rooms.keys()].sort()).toEqual([...io.of('/').sockets.keys(), 'user_ann'].sort())
  notify.user('ann', 'changed', { n: 1 })
  await until(() => expect(ann.events.at(-1)).toEqual(['changed', { n: 1 }]))
  expect(ann.events.map(([name]) => name)).toEqual(['_line', 'changed'])
  expect([faults, [...codes]]).toEqual([[], []])
}, 300_000)
