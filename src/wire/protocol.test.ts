import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isHello, isTabMessage } from '../hub/tab-pipe.js'
import { isHubMessage, readEvents, writeEvents } from './messages.js'
import { isMetadata, PROTOCOL } from './protocol.js'

describe('what a tab accepts from a hub', () => {
  it.each([
    { kind: 'events', seq: 1, events: '[["a",{}]]' },
    { kind: 'events', seq: 0, events: '' },
    { kind: 'gap', seq: 3, reason: 'why' },
    { kind: 'state', socket: { name: 'connected' }, tabs: 2 },
    { kind: 'credentials-request', request: 1 },
    { kind: 'problem', code: 'unknown-event', message: 'text' },
    { kind: 'signed-out', reason: 'why' },
    { kind: 'closed', reason: 'why' },
    { kind: 'promoted' },
    { kind: 'describe' },
    { kind: 'topic', topic: 'p', ok: true, ageMs: 1 },
    { kind: 'topic', topic: 'p', ok: false, name: 'refused', message: 'why' },
  ])('%j', (message) => expect(isHubMessage(message)).toBe(true))

  it.each([
    undefined,
    null,
    1,
    'events',
    [],
    {},
    { kind: 'nonsense' },
    { kind: 'toString' },
    { kind: 'events', events: '[]' },
    { kind: 'events', seq: 1, events: [['a', {}]] },
    { kind: 'gap', seq: '1', reason: 'why' },
    { kind: 'gap', seq: 1 },
    { kind: 'state', tabs: 1 },
    { kind: 'state', socket: {}, tabs: 1 },
    { kind: 'credentials-request' },
    { kind: 'problem' },
    { kind: 'problem', code: 'bad-frame' },
    { kind: 'signed-out' },
    { kind: 'closed', reason: 7 },
    { kind: 'topic', topic: 1, ok: true, ageMs: 1 },
    { kind: 'topic', topic: 'p', ok: true },
    { kind: 'topic', topic: 'p' },
    // Comlink's own traffic shares the endpoint.
    { id: 'x', type: 'RAW', value: 1 },
    { id: 'x', type: 'APPLY', path: ['attach'], argumentList: [] },
  ])('refuses %j', (message) => expect(isHubMessage(message)).toBe(false))
})

describe('a batch of events', () => {
  it('crosses as it is, whatever JSON can carry', () => {
    const pair = fc.tuple(fc.string(), fc.oneof(fc.constant(null), fc.dictionary(fc.string(), fc.jsonValue())))
    fc.assert(
      fc.property(fc.array(pair), (events) => {
        // Zero has one sign in JSON.
        expect(readEvents(writeEvents(events))).toEqual(JSON.parse(JSON.stringify(events)))
      }),
    )
    const envelope = { origin: 'me.1', waitMs: 3 }
    expect(
      readEvents(
        writeEvents([
          ['__proto__', null],
          ['a', { n: 1 }, envelope],
        ]),
      ),
    ).toEqual([
      ['__proto__', null],
      ['a', { n: 1 }, envelope],
    ])
  })

  it.each(['', '{', 'null', '{"a":1}', '["a"]', '[[1,{}]]', '[["a","text"]]', '[["a",{}],["b",[]]]', '[["a",{},1]]'])(
    'is none: %s',
    (text) => expect(readEvents(text)).toEqual([]),
  )
})

describe('what a hub accepts from a tab', () => {
  const hello = {
    protocol: PROTOCOL,
    tab: 't',
    events: ['a'],
    check: 'c',
    since: { ageMs: 1 },
    settings: { url: 'u', identity: 'i', socket: {}, lingerMs: 1, authTimeoutMs: 1 },
  }

  it('accepts a well-formed hello, and one with fields of a later version', () => {
    expect(isHello(hello)).toBe(true)
    expect(isHello({ ...hello, since: { epoch: 'e', seq: 4, ageMs: 1 }, lock: 'l', later: true })).toBe(true)
  })

  it.each(['protocol', 'tab', 'events', 'since', 'check'])('refuses a hello without %s', (field) =>
    expect(isHello({ ...hello, [field]: undefined })).toBe(false),
  )
  it.each(['url', 'identity', 'socket', 'lingerMs', 'authTimeoutMs'])('refuses settings without %s', (field) =>
    expect(isHello({ ...hello, settings: { ...hello.settings, [field]: undefined } })).toBe(false),
  )

  it('accepts a hello without settings, as it comes over a channel, but not with any others', () => {
    expect(isHello({ ...hello, settings: undefined })).toBe(true)
    for (const settings of [null, 'u', {}]) expect(isHello({ ...hello, settings })).toBe(false)
  })

  it.each([-1, Number.NaN, '1', undefined])('refuses an age of %s', (ageMs) =>
    expect(isHello({ ...hello, since: { ageMs } })).toBe(false),
  )

  it('accepts topics that are names, and no topics at all', () => {
    expect(isHello({ ...hello, topics: ['p'] })).toBe(true)
    for (const topics of ['p', [1], {}, null]) expect(isHello({ ...hello, topics })).toBe(false)
  })

  it('accepts a detach', () => {
    expect(isTabMessage({ kind: 'detach', release: true })).toBe(true)
    expect(isTabMessage({ kind: 'attach' })).toBe(false)
  })

  it('accepts a description', () => {
    expect(isTabMessage({ kind: 'description', title: '', isVisible: false })).toBe(true)
    expect(isTabMessage({ kind: 'description', title: 7, isVisible: true })).toBe(false)
    expect(isTabMessage({ kind: 'description', title: 'a page' })).toBe(false)
  })
})

it('no value, however odd, makes a guard throw', () => {
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true, withDate: true, withMap: true }), (value) => {
      for (const guard of [isHubMessage, isTabMessage, isHello, isMetadata]) {
        expect(typeof guard(value)).toBe('boolean')
        expect(typeof guard({ kind: 'events', seq: 1, events: [value], settings: value, since: value })).toBe('boolean')
      }
    }),
  )
})
