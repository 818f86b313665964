import { QueryClient, QueryObserver } from '@tanstack/react-query'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
// Loaded beforehand, so that the line's own imports of them take no real time.
import '../tab/session.js'
import './console.js'
import './recorder.js'
import { createMemoryBrowser } from '../../test/browser.js'
import { createPartyline } from '../tab/create-partyline.js'
import type { Line } from '../tab/line.js'
import type { PartylineOptions } from '../tab/options.js'
import { deliverEvent } from '../transport/metadata.js'
import type { PartylineError } from '../util/errors.js'
import type { LineRecord } from './inspection.js'

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

type Events = { changed: { id: string; type?: string }; profile_updated: unknown }

const SECRET = 's3cr3t'

const fail = (message: string): never => {
  throw new Error(message)
}

function setUp() {
  const world = createMemoryBrowser({ sharedWorkers: true })
  function openTab(options: Partial<PartylineOptions<Events>> = {}) {
    const tab = world.tab()
    const queryClient = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } })
    const errors: PartylineError[] = []
    const line: Line<Events> = createPartyline<Events>(
      {
        url: 'https://api.example',
        invalidates: {
          changed: {
            touches: ['thing', 'list'],
            targets: (m) => [
              ['thing', m.type === 'broken' ? fail(m.id) : m.id],
              { queryKey: ['list'], scope: { type: m.type } },
            ],
          },
          profile_updated: ['profile'],
        },
        onError: (error) => errors.push(error),
        ...options,
      },
      tab.environment,
    )
    const use = (queryKey: readonly unknown[], queryFn: () => Promise<unknown> = async () => 1) =>
      new QueryObserver(queryClient, { queryKey, queryFn }).subscribe(() => undefined)
    const records: LineRecord[] = []
    return {
      ...tab,
      line,
      queryClient,
      errors,
      use,
      records,
      record: () => line.onRecord((record) => records.push(record)),
      of: (kind: LineRecord['kind'], from: LineRecord['from'] = 'tab') =>
        records.filter((record) => record.kind === kind && record.from === from),
      mount: (identity: string | null = 'u1', auth: () => object = () => ({ token: SECRET })) =>
        line.mount({ queryClient, identity, auth }),
    }
  }
  const server = {
    up() {
      const { handlers } = world.transport.last
      handlers.onUp(false)
      handlers.onEvent('_line', { quietForMs: 0 })
    },
    emit: (name: string, metadata?: unknown) => deliverEvent(world.transport.last.handlers, name, metadata),
  }
  const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms)
  return { world, openTab, server, settle }
}

describe('records', () => {
  it('tell of the way to a connection, of an event and of what it refetched, numbered without a hole', async () => {
    const { openTab, server, settle, world } = setUp()
    const { record, records, mount, use, of } = openTab()
    record()
    await settle()
    mount()
    use(['thing', 'a'])
    use(['list', { type: 'fee' }])
    await settle()
    server.up()
    await world.transport.last.handlers.auth()
    await settle(3_000)
    server.emit('changed', { id: 'a', type: 'card', _line: { trace: 'trace-1' } })
    server.emit('profile_updated', { id: 'a' })
    await settle(3_000)

    expect(records.map(({ n }) => n)).toEqual(records.map((_, index) => index + 1))
    expect(of('status').map((one) => one.kind === 'status' && 'name' in one && one.name)).toEqual(
      expect.arrayContaining(['connecting', 'connected']),
    )
    expect(of('event')).toMatchObject([
      { event: { name: 'changed', metadata: { id: 'a', type: 'card' }, trace: 'trace-1' }, isMapped: true },
      { event: { name: 'profile_updated' }, isMapped: true },
    ])
    const receipts = of('receipt').filter((one) => 'receipt' in one && one.receipt.cause === 'events')
    expect(receipts).toMatchObject([
      {
        receipt: {
          refetched: [['thing', 'a']],
          skipped: [['list', { type: 'fee' }]],
          events: [{ trace: 'trace-1' }, {}],
        },
        skippedBy: ['type'],
      },
    ])
    expect(of('fetch')).toMatchObject([
      { queryKey: ['thing', 'a'], outcome: 'succeeded' },
      { queryKey: ['list', { type: 'fee' }], outcome: 'succeeded' },
      { queryKey: ['thing', 'a'], outcome: 'succeeded' },
    ])
    expect(of('credentials')).toMatchObject([{ step: 'asked' }, { step: 'given' }])
    expect(JSON.parse(JSON.stringify(records))).toMatchObject(records.map(({ n, at }) => ({ n, at })))
  })

  it('of the hub come once each, with their wall-clock time, while somebody listens to a visible tab', async () => {
    const { openTab, server, settle } = setUp()
    const { record, records, mount, page, line } = openTab()
    mount()
    await settle()
    server.up()
    const stop = record()
    await settle(5_000)
    const fromHub = () => records.filter(({ from }) => from === 'hub')
    const before = fromHub().length
    expect(before).toBeGreaterThan(0)
    for (const { at } of fromHub()) expect(Math.abs(at - 1_000_000)).toBeLessThanOrEqual(10_000)
    // A second listener, and a snapshot, cause no second copy.
    const second: LineRecord[] = []
    line.onRecord((one) => second.push(one))
    await settle(3_000)
    await line.inspect()
    const texts = fromHub().map(({ n: _, ...rest }) => JSON.stringify(rest))
    expect(new Set(texts).size).toBe(texts.length)
    expect(second.filter(({ from }) => from === 'hub').length).toBe(fromHub().length)
    // A hidden tab does not ask.
    page.hide()
    await line.simulate({ name: 'drop' })
    const hidden = fromHub().length
    await settle(10_000)
    expect(fromHub().length).toBe(hidden)
    page.show()
    await settle(2_000)
    expect(fromHub().length).toBeGreaterThan(hidden)
    stop()
  })

  it('are kept, 500 of them, for whoever listens later; who stops hears nothing more', async () => {
    const { openTab, server, settle } = setUp()
    const { line, mount, records } = openTab()
    mount()
    await settle()
    server.up()
    await line.inspect()
    for (let count = 0; count < 600; count++) server.emit('profile_updated', { count })
    await settle(2_000)
    const stop = line.onRecord((record) => records.push(record))
    await settle()
    expect(records.length).toBe(500)
    expect(records.at(-1)?.n).toBeGreaterThan(600)
    stop()
    const stopped = line.onRecord(() => expect.fail('it has stopped'))
    stopped()
    const count = records.length
    server.emit('profile_updated', {})
    await settle(2_000)
    expect(records.length).toBe(count)
  })

  it('go on over an unmount and a mount, and a listener that throws is reported and does not harm the others', async () => {
    const { openTab, server, settle } = setUp()
    const { line, mount, record, of, errors, use } = openTab()
    line.onRecord((one) => {
      if (one.kind === 'event') throw new Error('broken listener')
    })
    record()
    await settle()
    const unmount = mount()
    use(['profile'])
    await settle()
    server.up()
    await settle(3_000)
    unmount()
    await settle(100)
    mount()
    await settle(100)
    server.emit('profile_updated', {})
    await settle(2_000)
    expect(of('event').length).toBe(1)
    expect(of('fetch').length).toBe(2)
    expect(errors.map(({ code }) => code)).toEqual(['handler-failed'])
  })

  it('of what a listener has thrown are none: it may throw at each of them', async () => {
    const { openTab, settle } = setUp()
    const { line, record, records, mount, errors } = openTab()
    record()
    await settle()
    line.onRecord(() => {
      if (errors.length < 100) throw new Error('broken listener')
    })
    mount()
    await settle(1_000)
    expect(errors.map(({ code }) => code)).toEqual(records.map(() => 'handler-failed'))
    expect(records.map(({ kind }) => kind)).not.toContain('error')
    expect((await line.inspect()).errors).toMatchObject([{ code: 'handler-failed', count: errors.length }])
  })

  it.each(['a sign-out', 'another identity', 'another identity and client', 'nobody'])(
    'of an identity are gone after its end: %s',
    async (how) => {
      const { openTab, server, settle } = setUp()
      const { line, mount, use, queryClient } = openTab()
      const unmount = mount('u1')
      use(['thing', 'mine'], async () => Promise.reject(new Error('mine')))
      await line.inspect()
      await settle()
      server.up()
      await settle(3_000)
      server.emit('changed', { id: 'mine' })
      server.emit('changed', { id: 'mine', type: 'broken' })
      await settle(3_000)
      const text = async () => {
        const { queries: _, ...inspection } = await line.inspect()
        return JSON.stringify(inspection)
      }
      expect(await text()).toContain('mine')
      const asking = line.inspect()
      if (how === 'a sign-out') line.signOut()
      else if (how === 'nobody') {
        unmount()
        line.mount({ queryClient, identity: null })
      } else {
        unmount()
        const client = how === 'another identity' ? queryClient : new QueryClient()
        line.mount({ queryClient: client, identity: 'u2' })
      }
      expect(JSON.stringify((await asking).records)).not.toContain('mine')
      expect((await line.inspect()).identity).toBe(how.startsWith('another') ? 'u2' : undefined)
      await settle(5_000)
      expect(await text()).not.toContain('mine')
      const late: string[] = []
      line.onRecord((record) => late.push(JSON.stringify(record)))
      line.onError((error) => late.push(error.message, JSON.stringify(error.detail)))
      await settle(2_000)
      expect(late.join()).not.toContain('mine')
    },
  )

  it('begin with the first call, and cost nothing before: the code is not even loaded', async () => {
    const { openTab, settle } = setUp()
    const tab = openTab()
    const load = vi.fn((run: () => Promise<object>) => run())
    const names: string[] = []
    const { environment } = tab
    const line = createPartyline<Events>(
      { invalidates: { changed: ['a'], profile_updated: ['b'] } },
      {
        ...environment,
        chunks: {
          load: async (run) => {
            names.push(String(run))
            return (await load(run as () => Promise<object>)) as never
          },
          loadFrom: async () => ({}),
          look: async () => 'there',
        },
      },
    )
    line.mount({ queryClient: tab.queryClient, identity: 'u1' })
    await settle(10_000)
    expect(names.join()).not.toContain('recorder')
    const before = names.length
    await line.inspect()
    expect(names.length).toBe(before + 1)
  })

  it('whose code can’t be loaded: a coded error, a rejection, and the next call tries again', async () => {
    const { openTab, settle } = setUp()
    let isThere = false
    const errors: string[] = []
    const { environment, queryClient } = openTab()
    const line = createPartyline<Events>(
      { invalidates: { changed: ['a'], profile_updated: ['b'] }, onError: ({ code }) => errors.push(code) },
      {
        ...environment,
        chunks: {
          load: (run) => (isThere || !String(run).includes('recorder') ? run() : Promise.reject(new Error('no file'))),
          loadFrom: async () => ({}),
          look: async () => 'unreachable',
        },
      },
    )
    line.mount({ queryClient, identity: 'u1' })
    const records: LineRecord[] = []
    line.onRecord((record) => records.push(record))
    const failed = expect(line.inspect()).rejects.toThrow('no file')
    await settle(120_000)
    await failed
    expect(errors).toContain('inspect-failed')
    isThere = true
    line.onRecord((record) => records.push(record))
    await settle()
    expect(records.length).toBeGreaterThan(0)
  })
})

describe('what a tab sends', () => {
  it('is recorded when it has settled: by its name and outcome, and never its data', async () => {
    const { openTab, server, settle, world } = setUp()
    const { line, record, mount, of, errors } = openTab()
    record()
    mount()
    await settle()
    server.up()
    server.emit('_line', { identity: 'u1' })
    await settle(3_000)
    const sent = [line.send('chat:say', { text: SECRET }), line.send('chat:say', { text: SECRET })] as const
    const isRefused = expect(sent[1]).rejects.toMatchObject({ code: 'rejected' })
    await settle(40)
    for (const answer of [{ id: 'm1' }, { ok: false, message: SECRET }])
      world.transport.last.asked.shift()?.answer(answer)
    await settle()
    await isRefused
    await expect(line.send('_line:no')).rejects.toMatchObject({ code: 'bad-send' })
    const sends = of('send').map(({ n, at, from, ...rest }) => rest)
    expect(sends).toEqual([
      { kind: 'send', event: 'chat:say', outcome: 'ok', durationMs: expect.any(Number) },
      { kind: 'send', event: 'chat:say', outcome: 'rejected', durationMs: expect.any(Number) },
      { kind: 'send', event: '_line:no', outcome: 'bad-send', durationMs: expect.any(Number) },
    ])
    expect(JSON.stringify(sends)).not.toContain(SECRET)
    expect(errors).toEqual([])
  })
})

describe('a snapshot', () => {
  it('says where everything stands', async () => {
    const { openTab, server, settle } = setUp()
    const tab = openTab({ name: 'bank' })
    const { line, mount, use, queryClient } = tab
    await line.inspect()
    mount()
    use(['thing', 'a'])
    use(['list', { type: 'fee' }])
    queryClient.setQueryData(['other'], 1)
    line.topic('room')
    await settle()
    server.up()
    await settle(3_000)
    server.emit('changed', { id: 'a', type: 'card' })
    server.emit('changed', { id: 'b', type: 'card' })
    await settle(3_000)
    tab.page.hide()
    server.emit('changed', { id: 'a', type: 'card' })
    await settle(1_000)
    const inspection = await line.inspect()
    expect(inspection).toMatchObject({
      at: Date.now(),
      tab: { id: line.origin, title: 'a page', isVisible: false },
      status: { name: 'connected', host: 'shared-worker' },
      identity: 'u1',
      settings: { url: 'https://api.example/', name: 'bank', jitterMs: 2_000, transport: 'socket.io', lingerMs: 5_000 },
      rules: [
        {
          event: 'changed',
          touches: [['thing'], ['list']],
          isDeclared: true,
          hasSchema: false,
          events: 3,
          hits: 2,
          misses: 1,
        },
        { event: 'profile_updated', touches: [['profile']], isDeclared: true, events: 0, hits: 0, misses: 0 },
      ],
      topics: [{ name: 'room' }],
      savings: { events: 3, outcomes: { refetched: 1, deferred: 1 }, fetches: 3, fetchesWithoutPartyline: 7 },
      hub: { host: 'shared-worker', socket: { name: 'connected' }, counters: { events: 3 } },
    })
    expect(inspection.settings.key).toMatch(/\w/)
    expect(Object.values(inspection.settings).some((value) => typeof value === 'function')).toBe(false)
    const [thing, list, other] = inspection.queries
    expect(thing).toMatchObject({
      queryKey: ['thing', 'a'],
      isActive: true,
      live: 'auto',
      lastEvent: { name: 'changed' },
      reachedBy: ['changed'],
    })
    expect(thing?.pendingSince).toBeGreaterThan(1_000_000)
    expect(list).toMatchObject({ lastEvent: undefined, pendingSince: undefined, reachedBy: ['changed'] })
    expect(other).toMatchObject({ isActive: false, reachedBy: [] })
    expect(inspection.records.length).toBeGreaterThan(0)
    expect(JSON.parse(JSON.stringify(inspection))).toBeTruthy()
  })

  it('counts the errors by code and subject, with those that came before recording', async () => {
    const { openTab, server, settle } = setUp()
    const { line, mount } = openTab({ jitterMs: -1 })
    mount()
    await settle()
    server.up()
    await settle(3_000)
    server.emit('changed', new Map())
    await settle(1_000)
    const { errors } = await line.inspect()
    expect(errors).toMatchObject([
      { code: 'bad-option', detail: { option: 'jitterMs' }, count: 1, firstAt: 1_000_000 },
      { code: 'bad-metadata', detail: { event: 'changed' }, count: 1 },
    ])
  })

  it('is given before anybody is signed in, too', async () => {
    const { openTab } = setUp()
    const { line } = openTab()
    expect(await line.inspect()).toMatchObject({ identity: undefined, hub: undefined, queries: [], rules: [] })
    expect(await line.explain('changed', {})).toEqual([])
    await expect(line.simulate({ name: 'gap' })).rejects.toMatchObject({ code: 'not-mounted' })
  })
})

it('explains an event without a report, a fetch or a record', async () => {
  const { openTab, server, settle } = setUp()
  const { line, mount, use, record, of, errors } = openTab()
  record()
  mount()
  use(['thing', 'a'])
  use(['list', { type: 'fee' }])
  use(['profile'])
  await settle()
  server.up()
  await settle(3_000)
  const fetches = of('fetch').length
  expect(await line.explain('changed', { id: 'a', type: 'card' })).toMatchObject([
    { queryKey: ['thing', 'a'], outcome: 'matches' },
    { queryKey: ['list', { type: 'fee' }], outcome: 'skipped', reason: 'type: fee is not card' },
    { queryKey: ['profile'], outcome: 'unmatched' },
  ])
  await settle(3_000)
  expect(of('fetch').length).toBe(fetches)
  expect(of('event')).toEqual([])
  expect((await line.inspect()).rules[0]).toMatchObject({ events: 0 })
  expect(errors).toEqual([])
})

it('a simulated event is heard and refetches, as if the server had sent it', async () => {
  const { openTab, server, settle } = setUp()
  const { line, mount, use, record, of } = openTab()
  record()
  await settle()
  mount()
  use(['thing', 'a'])
  await settle()
  server.up()
  await settle(3_000)
  await line.simulate({ name: 'event', event: 'changed', metadata: { id: 'a' } })
  await expect(line.simulate({ name: 'move-leader' })).rejects.toThrow("'move-leader' was not simulated")
  await settle(3_000)
  expect(of('event')).toMatchObject([{ event: { name: 'changed', metadata: { id: 'a' } } }])
  expect(of('fetch').length).toBe(2)
})

it('nothing that comes out holds a credential, wherever there is one', async () => {
  const { openTab, server, settle, world } = setUp()
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
  const out: string[] = []
  const { line, mount, use } = openTab({
    url: `https://me:${SECRET}@api.example/app?key=${SECRET}#${SECRET}`,
    debug: true,
    socket: {
      path: `/live?key=${SECRET}`,
      extraHeaders: { authorization: `Bearer ${SECRET}` },
      query: { key: SECRET },
      auth: { token: SECRET } as never,
      protocols: [SECRET],
      transportOptions: { websocket: { extraHeaders: { cookie: SECRET } } },
    },
    onError: () => undefined,
  })
  line.onRecord((record) => out.push(JSON.stringify(record)))
  await settle()
  let calls = 0
  mount('u1', () => {
    if (calls++ % 2 === 1) throw new Error(`invalid token=${SECRET} of Bearer ${SECRET}`)
    return { token: SECRET, password: SECRET, expiresAt: Date.now() + 60_000 }
  })
  use(['thing', 'a'], async () => Promise.reject(new Error(`401 for https://x:${SECRET}@api.example/?token=${SECRET}`)))
  await settle()
  server.up()
  await world.transport.last.handlers.auth()
  await expect(world.transport.last.handlers.auth()).rejects.toThrow('auth failed')
  await settle(3_000)
  server.emit('changed', { id: 'a', token: SECRET, nested: { apiKey: SECRET } })
  await settle(10_000)
  await line.simulate({ name: 'refusal' })
  await settle(10_000)
  out.push(
    JSON.stringify(await line.inspect()),
    JSON.stringify(await line.explain('changed', { id: 'a', token: SECRET })),
  )
  out.push(...log.mock.calls.map((call) => call.join(' ')))
  expect(out.length).toBeGreaterThan(20)
  expect(out.filter((text) => text.includes(SECRET))).toEqual([])
})

it('debug prints one line per record, the hub’s too', async () => {
  const { openTab, server, settle } = setUp()
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
  const { mount, use } = openTab({ debug: true })
  await settle()
  mount()
  use(['thing', 'a'])
  await settle()
  server.up()
  await settle(3_000)
  server.emit('changed', { id: 'a' })
  await settle(3_000)
  const lines = log.mock.calls.map((call) => call.join(' '))
  for (const line of lines) expect(line).toMatch(/^\[partyline\] \d\d:\d\d:\d\d\.\d{3} \S[^\n]*$/)
  expect(lines.some((line) => / hub: connection /.test(line))).toBe(true)
  expect(lines.some((line) => line.includes('changed {id: "a"} -> 1 refetched'))).toBe(true)
})

describe('emitLocal', () => {
  it('gives an event to this tab alone: to its handlers wherever they run, its rule and its receipts', async () => {
    const { openTab, settle } = setUp()
    const [one, other] = [openTab(), openTab()]
    const heard: unknown[] = []
    const receipts: unknown[] = []
    for (const tab of [one, other]) {
      tab.use(['thing', 'a'])
      tab.line.on('changed', (m) => heard.push([tab === one, m]))
      tab.line.on('changed', (m) => heard.push([tab === one, m]), { in: 'one-tab' })
      tab.line.on('*', ({ metadata }) => heard.push([tab === one, metadata]), { in: 'one-tab' })
      tab.line.onReceipt((receipt) => receipts.push(receipt))
      tab.mount()
    }
    one.record()
    await settle(3_000)
    await one.line.emitLocal('changed', { id: 'a' })
    expect(heard).toEqual([
      [true, { id: 'a' }],
      [true, { id: 'a' }],
      [true, { id: 'a' }],
    ])
    await settle(3_000)
    expect(receipts).toMatchObject([{ events: [{ name: 'changed' }], refetched: [['thing', 'a']] }])
    expect(one.of('event')).toMatchObject([{ event: { name: 'changed', metadata: { id: 'a' } } }])
    expect(one.errors).toEqual([])
  })

  it('waits for a session whose code or address is not there yet', async () => {
    let tellUrl = (_: string) => {}
    const { openTab, settle } = setUp()
    const { line, mount } = openTab({ url: () => new Promise<string>((resolve) => (tellUrl = resolve)) })
    const heard: unknown[] = []
    line.on('changed', (m) => heard.push(m))
    mount()
    const emitted = line.emitLocal('changed', { id: 'a' })
    await settle()
    expect(heard).toEqual([])
    tellUrl('https://api.example')
    await settle()
    await emitted
    expect(heard).toEqual([{ id: 'a' }])
  })

  it('rejects with a code what it can not do', async () => {
    const { openTab, settle } = setUp()
    const { line, mount } = openTab()
    await expect(line.emitLocal('changed', { id: 'a' })).rejects.toMatchObject({ code: 'not-mounted' })
    const unmount = mount()
    const early = expect(line.emitLocal('changed', { id: 'a' })).rejects.toMatchObject({ code: 'not-mounted' })
    unmount()
    await settle()
    await early
    mount()
    await settle()
    const emit: (event: string, metadata?: unknown) => Promise<void> = line.emitLocal as never
    await expect(emit('chagned')).rejects.toMatchObject({ code: 'unknown-event', detail: { event: 'chagned' } })
    await expect(emit('changed', { id: 1n })).rejects.toMatchObject({ code: 'bad-metadata' })
    line.on('*', () => undefined)
    await emit('chagned')
  })
})
