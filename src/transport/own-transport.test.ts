import { describe, expect, it, vi } from 'vitest'
import { adaptTransport } from './own-transport.js'
import type {
  OpenOwnTransport,
  OwnTransportHandlers,
  OwnTransportMethods,
  Transport,
  TransportHandlers,
} from './transport.js'

const SETTINGS = { url: 'https://api.example', identity: 'u1', socket: {}, lingerMs: 0, authTimeoutMs: 0 }

function open(make: (handlers: OwnTransportHandlers) => Partial<OwnTransportMethods>) {
  const heard: unknown[][] = []
  const handlers = new Proxy({} as TransportHandlers, {
    ownKeys: () => NAMES,
    getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
    get:
      (_, name) =>
      (...args: unknown[]) =>
        void heard.push([name, ...args]),
  })
  let given: OwnTransportHandlers | undefined
  const openOwn: OpenOwnTransport = (_, reports) => {
    given = reports
    return { connect() {}, reconnect() {}, disconnect() {}, close() {}, ...make(reports) }
  }
  const transport = adaptTransport(openOwn)(SETTINGS, handlers)
  return { heard, transport, reports: given as OwnTransportHandlers }
}
const NAMES = [
  'auth',
  'onUp',
  'onDown',
  'onAttemptFailed',
  'onRefused',
  'onRetryAfter',
  'onNoCredentials',
  'onAlive',
  'onPing',
  'onEvent',
  'onBadFrame',
]
const fail = () => {
  throw new Error('broken')
}

describe('a transport of the app’s own', () => {
  it('its events are checked: an object, or the value of one, null for what is no JSON, the reserved field apart', () => {
    const { reports, heard } = open(() => ({}))
    reports.onEvent('a', { x: 1, _line: { id: 4 } })
    reports.onEvent('b')
    reports.onEvent('c', 'text')
    reports.onEvent('d', { at: new Date(0) })
    expect(heard).toEqual([
      ['onEvent', 'a', { x: 1 }, { id: 4 }],
      ['onEvent', 'b', {}],
      ['onEvent', 'c', { value: 'text' }],
      ['onEvent', 'd', null],
    ])
  })

  it('what it throws is a failed attempt, or nothing', async () => {
    const { transport, heard } = open(() => ({
      connect: fail,
      reconnect: fail,
      disconnect: fail,
      send: fail,
      close: fail,
      probe: fail,
      renew: fail,
    }))
    transport.connect()
    transport.reconnect()
    transport.disconnect('keep')
    transport.send?.('x', {})
    await expect(transport.probe?.()).rejects.toThrow()
    await expect(transport.renew?.({})).rejects.toThrow()
    transport.close()
    expect(heard).toEqual([
      ['onAttemptFailed', 'broken'],
      ['onAttemptFailed', 'broken'],
    ])
  })

  it('an attempt that has begun when it throws is ended, so that the next one is made', () => {
    let current: object | undefined
    const { transport } = open(() => ({
      connect() {
        if (current) return
        current = {}
        throw new Error('broken')
      },
      disconnect() {
        current = undefined
      },
    }))
    transport.connect()
    expect(current).toBeUndefined()
  })

  it('what it can’t do stays undone', () => {
    const { transport } = open(() => ({}))
    for (const ability of ['probe', 'renew', 'send']) expect(transport).not.toHaveProperty(ability)
  })

  it('what the hub says of topics is asked of its `join` and `leave`, and answered', async () => {
    const asked: unknown[] = []
    const { transport, heard } = open(() => ({
      async join(topic) {
        asked.push(['join', topic])
        if (topic === 'broken') throw new Error('no database')
        return topic === 'board' || 'there is no such topic'
      },
      leave: (topic) => void asked.push(['leave', topic]),
    }))
    transport.send?.('_line:join', { topics: ['board', 'vault', 'broken'], request: 7 })
    transport.send?.('_line:leave', { topics: ['board'] })
    transport.send?.('anything', { else: true })
    await vi.waitFor(() => expect(heard).toHaveLength(3))
    expect(asked).toEqual([
      ['join', 'board'],
      ['join', 'vault'],
      ['join', 'broken'],
      ['leave', 'board'],
    ])
    expect(heard).toEqual([
      ['onEvent', '_line', { topic: 'board', request: 7, ok: true }],
      ['onEvent', '_line', { topic: 'vault', request: 7, ok: false, message: 'there is no such topic' }],
      ['onEvent', '_line', { topic: 'broken', request: 7, ok: false, code: 'unavailable', message: 'no database' }],
    ])
  })

  it('is not heard after its end, and keeps its own `this`', () => {
    const sent = vi.fn()
    const { transport, reports, heard } = open(
      () =>
        ({
          sent,
          send() {
            ;(this as { sent: typeof sent }).sent()
          },
        }) as Partial<Transport>,
    )
    transport.send?.('x', {})
    expect(sent).toHaveBeenCalled()
    transport.close()
    reports.onUp(false)
    reports.onEvent('late', {})
    expect(heard).toEqual([])
  })
})
