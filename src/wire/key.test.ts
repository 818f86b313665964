import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkOf, type KeySettings, keyOf, signOutNameOf } from './key.js'

const URL = 'https://api.example/'
const BASE: KeySettings = { url: URL, identity: 'ann' }

const OTHERS: readonly { readonly what: string; readonly settings: KeySettings }[] = [
  { what: 'identity', settings: { ...BASE, identity: 'bob' } },
  { what: 'server', settings: { ...BASE, url: 'https://other.example/' } },
  { what: 'namespace', settings: { ...BASE, url: `${URL}admin` } },
  { what: 'path of Socket.IO', settings: { ...BASE, socket: { path: '/admin/socket.io' } } },
  { what: 'transport', settings: { ...BASE, transport: 'websocket' } },
]

describe('a key', () => {
  it.each(OTHERS)('differs for another $what, as its check does', ({ settings }) => {
    expect(keyOf('app', settings)).not.toBe(keyOf('app', BASE))
    expect(checkOf('app', settings)).not.toBe(checkOf('app', BASE))
  })

  it('differs for another app', () => {
    expect(keyOf('other', BASE)).not.toBe(keyOf('app', BASE))
    expect(checkOf('other', BASE)).not.toBe(checkOf('app', BASE))
  })

  it.each([
    { transport: 'socket.io' as const },
    { socket: { path: '/socket.io' } },
    { socket: { path: '/socket.io/' } },
    { socket: { query: { tenant: 1 } } },
  ])('is the same for what is the default, or tells no endpoints apart (%o)', (more) => {
    expect(keyOf('app', { ...BASE, ...more })).toBe(keyOf('app', BASE))
    expect(checkOf('app', { ...BASE, ...more })).toBe(checkOf('app', BASE))
  })

  it('never holds the identity or the address', () => {
    const settings = { url: 'https://secret.example/room', identity: 'ann@example.org' }
    for (const text of [keyOf('app', settings), checkOf('app', settings), signOutNameOf('app', settings)])
      expect(text).not.toMatch(/secret|ann/)
  })

  it('is never the same for two endpoints, however the parts are cut', () => {
    const part = fc.string({ maxLength: 12, unit: fc.constantFrom('a', '\n', '"', ',', '/') })
    const endpoint = fc.record({
      url: part,
      identity: part,
      socket: fc.record({ path: part.map((path) => `${path}x`) }),
    })
    fc.assert(
      fc.property(endpoint, endpoint, (one, other) => {
        fc.pre(JSON.stringify(one) !== JSON.stringify(other))
        expect(keyOf('app', one)).not.toBe(keyOf('app', other))
      }),
    )
  })
})

describe('another reading of the wire', () => {
  const envelope = { on: 'data', event: 'type', metadata: 'payload' }
  const wrapped = { ...BASE, envelope }

  it('is another key: a hub has one reading, and a tab would miss what it can’t read', () => {
    const others = [BASE, { ...BASE, envelope: { ...envelope, metadata: undefined } }]
    for (const other of others) {
      expect(keyOf('app', wrapped)).not.toBe(keyOf('app', other))
      expect(checkOf('app', wrapped)).not.toBe(checkOf('app', other))
    }
    expect(keyOf('app', { ...BASE, envelope: undefined })).toBe(keyOf('app', BASE))
  })

  it('is the same sign-out', () => {
    expect(signOutNameOf('app', wrapped)).toBe(signOutNameOf('app', BASE))
  })
})

describe('the name of a sign-out', () => {
  it.each(OTHERS)('differs for another $what', ({ settings }) => {
    expect(signOutNameOf('app', settings)).not.toBe(signOutNameOf('app', BASE))
  })

  it('differs for another app, and needs no address that a function has yet to give', () => {
    expect(signOutNameOf('other', BASE)).not.toBe(signOutNameOf('app', BASE))
    const pending = { ...BASE, url: () => URL }
    expect(signOutNameOf('app', { ...pending })).toBe(signOutNameOf('app', { ...BASE, url: async () => URL }))
    expect(signOutNameOf('app', { ...pending, identity: 'bob' })).not.toBe(signOutNameOf('app', pending))
  })
})
