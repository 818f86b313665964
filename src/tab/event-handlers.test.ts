import { expect, it } from 'vitest'
import { createEventHandlers } from './event-handlers.js'

it('a handler hears nothing that is older than its subscription, and all that came since', () => {
  let monotonic = 0
  const handlers = createEventHandlers({
    report: (code) => expect.fail(code),
    monotonic: () => monotonic,
    tab: () => 'me',
    onChanged: () => undefined,
  })
  const heard: string[] = []
  const listen = (who: string) => handlers.add('note', ({ n }: { n: number }) => heard.push(`${who} ${n}`))
  const noRules = new Map<string, never>()
  monotonic = 1_000
  listen('first')
  monotonic = 2_000
  listen('second')
  monotonic = 3_000
  const sentAgain = [1, 2, 3].map((n) => ['note', { n }] as const)
  handlers.deliver(sentAgain, noRules, [2_500, 1_500, 500])
  expect(heard).toEqual(['first 2', 'first 3', 'second 3'])
  heard.length = 0
  handlers.deliver([['note', { n: 4 }]], noRules)
  expect(heard).toEqual(['first 4', 'second 4'])
})

it('a handler in one tab hears what was given to its tab, also if it was handed on; the others hear it once', () => {
  const changes: string[] = []
  const handlers = createEventHandlers({
    report: (code) => changes.push(code),
    monotonic: () => 5,
    tab: () => 'me',
    onChanged: () => changes.push('changed'),
  })
  const heard: string[] = []
  const listen = (event: string, place: 'one-tab' | 'visible' | 'every-tab') =>
    handlers.add(event, () => heard.push(`${event} ${place}`), { in: place })
  const stops = [
    listen('note', 'every-tab'),
    listen('note', 'one-tab'),
    listen('*', 'one-tab'),
    listen('note', 'visible'),
  ]
  expect(handlers.names()).toEqual(['note', '*'])
  expect(handlers.oneTab()).toEqual([
    ['note', 5],
    ['*', 5],
  ])
  const told = (envelope: object | undefined, visibleSince?: number) => {
    heard.length = 0
    handlers.deliver([['note', {}, envelope] as never], new Map(), undefined, visibleSince)
    return [...heard]
  }
  expect(told(undefined)).toEqual(['note every-tab'])
  expect(told(undefined, 0)).toEqual(['note every-tab', 'note visible'])
  expect(told({ one: ['me', ''] })).toEqual(['note every-tab', 'note one-tab'])
  expect(told({ one: ['other', 'me'] })).toEqual(['* one-tab', 'note every-tab'])
  expect(told({ one: ['me', '-'], isHandedOn: true }, 0)).toEqual(['note one-tab'])
  expect(told({ one: ['other', '-'], isHandedOn: true }, 0)).toEqual([])
  // The hub is told of the first handler of an event, and of each that runs in one tab.
  expect(changes).toEqual(['changed', 'changed', 'changed'])
  for (const stop of stops) stop()
  stops[0]?.()
  expect(handlers.names()).toEqual([])
  expect(changes).toHaveLength(6)
  handlers.add('note', () => undefined, { in: 'onetab' as never })
  expect(changes.slice(6)).toEqual(['bad-option', 'changed'])
})

it('a handler of * hears every event as the server sent it, and nothing else changes', () => {
  let monotonic = 0
  const changes: string[] = []
  const handlers = createEventHandlers({
    report: (code) => changes.push(code),
    monotonic: () => monotonic,
    tab: () => 'me',
    onChanged: () => changes.push('names'),
  })
  const heard: unknown[] = []
  const stop = handlers.add('*', (event: unknown) => heard.push(event))
  handlers.add('note', (metadata: unknown) => heard.push(metadata))
  expect(handlers.names()).toEqual(['*', 'note'])
  const rules = new Map([['note', { parse: () => ({ value: 'parsed' }) }]])
  handlers.deliver(
    [
      ['note', { n: 1 }, { trace: 't', origin: 'o' }],
      ['other', { n: 2 }],
      ['broken', null],
      // An event of that name is one like any other.
      ['*', { n: 3 }],
    ],
    rules,
  )
  expect(heard).toEqual([
    { name: 'note', metadata: { n: 1 }, trace: 't' },
    'parsed',
    { name: 'other', metadata: { n: 2 } },
    { name: 'broken', metadata: {} },
    { name: '*', metadata: { n: 3 } },
  ])
  heard.length = 0
  monotonic = 1_000
  handlers.deliver([['other', {}]], rules, [5_000])
  expect(heard).toEqual([])
  stop()
  handlers.deliver([['other', {}]], rules)
  expect(heard).toEqual([])
  expect(changes).toEqual(['names', 'names', 'names'])
})
