import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server } from 'socket.io'
import { describe, expect, it } from 'vitest'
import { WebSocketServer } from 'ws'
import { createMemoryBrowser, createPipe } from '../../test/browser.js'
import { afterwards, until } from '../../test/real-server.js'
import { openWebSocket } from '../../test/real-sockets.js'
import { createNotifier, createSessions } from '../server/index.js'
import { openSocketIo } from '../transport/socket-io.js'
import { type HubMessage, PROTOCOL, type Settings } from '../wire/protocol.js'
import { createHub } from './hub.js'

// A hub and a real server of each kind, which knows of topics as its documentation says.

interface Far {
  readonly port: number
  /** The topics that somebody is in. */
  topics(): readonly string[]
  tell(topic: string, event: string): void
  end(topic: string): void
  drop(): void
}

const NO = 'not your project'
const allows = (topic: string) => topic.startsWith('mine')

async function socketIo(): Promise<Far> {
  const http = createServer()
  const io = new Server(http, { transports: ['websocket'] })
  createSessions(io, {
    authenticate: () => ({ userId: 'ann' }),
    topics: { authorize: async (_session, topic) => allows(topic) || NO },
  })
  const notify = createNotifier(io)
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  afterwards(() => io.close())
  return {
    port: (http.address() as AddressInfo).port,
    topics: () =>
      [...io.of('/').adapter.rooms.keys()].filter((room) => room.startsWith('topic:')).map((room) => room.slice(6)),
    tell: (topic, event) => notify.topic(topic, event),
    end: (topic) => notify.endTopic('ann', topic, 'archived'),
    drop: () => {
      for (const socket of io.of('/').sockets.values()) socket.conn.close()
    },
  }
}

/** As docs/protocol.md asks of a server. */
async function webSocket(): Promise<Far> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  const joined = new Map<string, Set<(event: string, metadata?: object) => void>>()
  server.on('connection', (socket) => {
    const say = (event: string, metadata?: object) => socket.send(JSON.stringify({ event, metadata }))
    socket.on('message', (data) => {
      const { event, metadata } = JSON.parse(String(data))
      if (event === '_line:auth') say('_line', { ok: true })
      for (const topic of (metadata?.topics ?? []) as string[]) {
        if (event === '_line:leave') joined.get(topic)?.delete(say)
        if (event !== '_line:join') continue
        if (allows(topic)) joined.set(topic, (joined.get(topic) ?? new Set()).add(say))
        say('_line', { topic, ok: allows(topic), message: NO, request: metadata.request })
      }
    })
    socket.on('close', () => {
      for (const sockets of joined.values()) sockets.delete(say)
    })
  })
  await new Promise((resolve) => server.once('listening', resolve))
  const drop = () => {
    for (const socket of server.clients) socket.terminate()
  }
  afterwards(() => {
    drop()
    server.close()
  })
  return {
    port: (server.address() as AddressInfo).port,
    topics: () => [...joined].filter(([, sockets]) => sockets.size > 0).map(([topic]) => topic),
    tell(topic, event) {
      for (const say of joined.get(topic) ?? []) say(event)
    },
    end(topic) {
      for (const say of joined.get(topic) ?? []) say('_line', { topic, ok: false, message: 'archived' })
      joined.delete(topic)
    },
    drop,
  }
}

describe.each([
  ['Socket.IO', openSocketIo, socketIo],
  ['plain WebSocket', openWebSocket(), webSocket],
] as const)('topics over %s', (_name, open, serve) => {
  it('are joined, received, refused, taken away, left, and joined again over the next connection', async () => {
    const far = await serve()
    const settings: Settings = {
      url: `http://127.0.0.1:${far.port}/`,
      identity: 'ann',
      socket: { reconnectionDelay: 20, reconnectionDelayMax: 40 },
      lingerMs: 0,
      authTimeoutMs: 1_000,
    }
    const { environment } = createMemoryBrowser({ webLocks: false }).tab()
    const hub = createHub({
      environment,
      key: 'k',
      host: 'this-tab',
      settings,
      openTransport: open,
      onEnd: () => undefined,
    })
    afterwards(() => hub.close('the test is over'))
    const { port1, port2 } = createPipe()
    const got: HubMessage[] = []
    port1.addEventListener('message', ({ data }) => {
      const message = data as HubMessage
      got.push(message)
      if (message.kind === 'credentials-request') hub.credentials(message.request, { ok: true, auth: {} })
    })
    const hello = { protocol: PROTOCOL, tab: 't', settings, check: 'c', events: ['changed'], since: { ageMs: 0 } }
    await hub.attach(port2, { ...hello, topics: ['mine', 'yours'] }, true)
    const said = () =>
      got.flatMap((message) =>
        message.kind === 'topic' ? [`${message.topic} ${message.ok ? 'joined' : message.message}`] : [],
      )
    const heard = () => got.filter(({ kind }) => kind === 'events').length

    await until(() => expect(said().sort()).toEqual(['mine joined', `yours ${NO}`]))
    far.tell('mine', 'changed')
    await until(() => expect(heard()).toBe(1))

    hub.subscribe('t', ['changed'], ['mine', 'mine too', 'yours'])
    await until(() => expect(said().at(-1)).toBe('mine too joined'))
    far.end('mine')
    await until(() => expect(said().at(-1)).toBe('mine archived'))
    expect(far.topics()).toEqual(['mine too'])
    hub.subscribe('t', ['changed'], ['mine'])
    await until(() => expect(far.topics()).toEqual([]))

    far.drop()
    await until(() => expect(said().at(-1)).toBe('mine joined'))
    expect(far.topics()).toEqual(['mine'])
    far.tell('mine', 'changed')
    await until(() => expect(heard()).toBe(2))
  })
})
