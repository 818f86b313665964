import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { SETTINGS, setUpHub } from '../../test/fake-hub.js'

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

const pass = (ms = 50) => vi.advanceTimersByTimeAsync(ms)

async function setUp(events: readonly string[] = ['paid']) {
  const envelope = { on: 'data', event: 'type', metadata: 'payload' }
  const hub = setUpHub({ settings: { ...SETTINGS, envelope } })
  const tab = await hub.attach(events)
  hub.server.up()
  await pass()
  tab.got.length = 0
  return { ...hub, tab, told: () => tab.batches().flat() }
}

it('events inside of another one are events by their own names', async () => {
  const { server, told, tab, attach, hub } = await setUp()
  const other = await attach(['profile'])
  other.got.length = 0
  server.emit('data', { type: 'paid', payload: { id: 7 } })
  server.emit('data', { type: 'profile', payload: '7' })
  server.emit('paid', { id: 8 })
  await pass()
  expect(told()).toEqual([
    ['paid', { id: 7 }],
    ['paid', { id: 8 }],
  ])
  expect(other.batches().flat()).toEqual([['profile', { value: '7' }]])
  expect([...tab.of('problem'), ...tab.of('gap'), ...other.of('gap')]).toEqual([])
  expect(hub.inspect(0).counters.events).toBe(3)
})

it('a tab that attaches later is sent them again by these names', async () => {
  const { server, attach } = await setUp()
  const { epoch, seq } = (await attach(['paid'])).welcome
  server.emit('data', { type: 'paid', payload: { id: 7 } })
  server.emit('data', { type: 'other' })
  await pass()
  const late = await attach(['paid'], { since: { epoch, seq, ageMs: 0 } })
  expect(late.welcome.replay).toEqual([['paid', { id: 7 }]])
})

it('one that nobody knows is named by its own name', async () => {
  const { server, tab } = await setUp()
  for (const type of ['nobody', 'nobody', 'no_one']) server.emit('data', { type })
  await pass()
  expect(tab.of('problem').map(({ code, event }) => [code, event])).toEqual([
    ['unknown-event', 'nobody'],
    ['unknown-event', 'no_one'],
  ])
})

it('an envelope without a name is told, and counts as an event of which nobody knows what it was', async () => {
  const { server, tab, told } = await setUp()
  server.emit('data', { kind: 'paid' })
  await pass()
  expect(tab.of('problem')).toMatchObject([
    {
      code: 'bad-frame',
      message: expect.stringContaining("names no event at 'type', where the envelope 'data' should"),
    },
  ])
  expect(tab.of('gap')).toHaveLength(1)
  // A flood of them is no flood of refetches.
  for (let count = 0; count < 1_000; count++) server.emit('data', count % 2 ? 'paid' : { type: new ArrayBuffer(1) })
  await pass(1_000)
  expect(tab.of('gap').length).toBeLessThan(3)
  expect(told()).toEqual([])
})

it('an event inside is no word of the server to the hub', async () => {
  const { server, tab, ended, transport } = await setUp()
  server.emit('data', { type: '_line', payload: { identity: 'somebody else', move: true } })
  await pass(1_000)
  expect(tab.of('state')).toEqual([])
  expect([ended(), transport.last.attempts]).toEqual([0, 1])
  expect(tab.of('problem')).toMatchObject([{ code: 'bad-frame' }])
})

it('what the server says about an event may be beside it or inside', async () => {
  const { server, told } = await setUp()
  server.emit('data', { type: 'paid', payload: { n: 1 }, _line: { id: 1, origin: 'o' } })
  server.emit('data', { type: 'paid', payload: { n: 1, _line: { id: 1 } } })
  server.emit('data', { type: 'paid', payload: { n: 2, _line: { againMs: 5 } }, _line: { id: 2 } })
  await pass()
  expect(told()).toEqual([
    ['paid', { n: 1 }, { origin: 'o' }],
    ['paid', { n: 2 }, { againMs: 5 }],
  ])
})

it('a hub that has no envelope in its settings hands the wire’s events on', async () => {
  const { attach, server } = setUpHub()
  const tab = await attach(['data'])
  server.up()
  server.emit('data', { type: 'paid', payload: {} })
  await pass()
  expect(tab.batches().flat()).toEqual([['data', { type: 'paid', payload: {} }]])
})
