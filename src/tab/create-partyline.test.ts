import type { StandardSchemaV1 } from '@standard-schema/spec'
import { QueryClient, QueryObserver } from '@tanstack/react-query'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
// Loaded beforehand, so that the line's own imports of them take no real time.
import './session.js'
import './tab-hosts.js'
import '../hub/tab-hub.js'
import '../election/heartbeat-elector.js'
import { createMemoryBrowser } from '../../test/browser.js'
import { createFakeTransport } from '../../test/fake-transport.js'
import { until } from '../../test/until.js'
import type { OpenSharedWorker } from '../platform/shared-worker.js'
import { simulatedSha256 } from '../testing/sha256.js'
import { deliverEvent } from '../transport/metadata.js'
import type { PartylineError } from '../util/errors.js'
import { createPartyline } from './create-partyline.js'
import type { Line } from './line.js'
import type { LineEnvironment } from './line-hints.js'
import type { PartylineOptions } from './options.js'

const inTab = vi.hoisted(() => ({ open: undefined as unknown }))
vi.mock('../transport/socket-io.js', () => ({
  openSocketIo: (...args: unknown[]) => (inTab.open as (...all: unknown[]) => unknown)(...args),
}))

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

const fail = (): never => {
  throw new Error('broken schema')
}

type Events = { changed: { id: string }; profile_updated: unknown }

function setUp({ webLocks = true, channels = true } = {}) {
  const world = createMemoryBrowser({ sharedWorkers: true, webLocks, channels })
  const inTabTransport = createFakeTransport()
  inTab.open = inTabTransport.open
  const errors: PartylineError[] = []

  function openTab(options: Partial<PartylineOptions<Events>> = {}, worker?: { open: OpenSharedWorker | undefined }) {
    const tab = world.tab(worker)
    const queryClient = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } })
    const line: Line<Events> = createPartyline<Events>(
      {
        invalidates: {
          changed: { touches: ['thing'], targets: (m) => [['thing', m.id]] },
          profile_updated: ['profile'],
        },
        onError: (error) => errors.push(error),
        ...options,
      },
      tab.environment,
    )
    const fetched: string[] = []
    /** Puts a query into use. */
    const use = (queryKey: readonly unknown[]) =>
      new QueryObserver(queryClient, {
        queryKey,
        queryFn: async () => {
          fetched.push(JSON.stringify(queryKey))
          return fetched.length
        },
      }).subscribe(() => undefined)
    return {
      ...tab,
      line,
      queryClient,
      fetched,
      use,
      mount: (identity: string | null = 'u1') =>
        line.mount({ queryClient, identity, auth: () => ({ token: `of ${identity}` }) }),
    }
  }
  const server = {
    up: (recovered = false) => {
      const { handlers } = world.transport.last
      handlers.onUp(recovered)
      handlers.onEvent('_line', { quietForMs: 0 })
    },
    emit: (name: string, metadata?: unknown) => deliverEvent(world.transport.last.handlers, name, metadata),
  }
  const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms)
  return { world, inTabTransport, errors, openTab, server, settle, codes: () => errors.map((error) => error.code) }
}

describe('sign-in guard', () => {
  it.each([null, undefined, ''])('opens nothing for the identity %j', async (identity) => {
    const { openTab, world, settle } = setUp()
    const { line, queryClient } = openTab()
    const unmount = line.mount({ queryClient, identity })
    await settle(1_000)
    expect(line.status.name).toBe('idle')
    expect(world.workerNames()).toEqual([])
    unmount()
  })

  it('connects, says where it stands, and keeps the status object until something changes', async () => {
    const { openTab, server, settle } = setUp()
    const { line, mount } = openTab()
    expect(line.status).toMatchObject({ name: 'idle', tabs: 0 })
    mount()
    expect(line.status.name).toBe('connecting')
    await settle()
    server.up()
    await settle()
    expect(line.status).toMatchObject({ name: 'connected', host: 'shared-worker', tabs: 1, steps: [] })
    expect(line.status).toBe(line.status)
    const changed = vi.fn()
    line.subscribe(changed)
    await settle(60_000)
    expect(changed).not.toHaveBeenCalled()
  })

  const somewhere: [string, Record<string, unknown>, readonly string[]][] = [
    ['a server that renders pages', {}, []],
    ['a server with the API of workers', { WorkerGlobalScope: class {}, location: undefined }, []],
    ['React Native', { navigator: { product: 'ReactNative' } }, ['no-host']],
    [
      'a browser’s worker',
      { WorkerGlobalScope: class {}, location: { href: 'https://app.example/w.js' } },
      ['no-host'],
    ],
  ]
  it.each(somewhere)('without a document mounts nothing: on %s', (_where, globals, expected) => {
    for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value)
    const codes: string[] = []
    const line = createPartyline({ invalidates: { a: ['a'] }, onError: ({ code }) => codes.push(code) })
    for (const identity of ['u1', 'u2']) {
      const unmount = line.mount({ queryClient: new QueryClient(), identity })
      expect(line.status.name).toBe('idle')
      unmount()
    }
    line.retry()
    line.signOut()
    expect(codes).toEqual(expected)
    expect(vi.getTimerCount()).toBe(0)
    vi.unstubAllGlobals()
  })
})

describe('one identity, one hub', () => {
  it('shares a socket among tabs, and not among identities, names or endpoints', async () => {
    const { openTab, world, settle } = setUp()
    for (let tab = 0; tab < 3; tab++) openTab().mount('u1')
    await settle()
    expect(world.transport.live()).toBe(1)
    openTab().mount('u2')
    openTab({ name: 'other' }).mount('u1')
    openTab({ url: 'https://elsewhere.example' }).mount('u1')
    await settle()
    expect(world.transport.live()).toBe(4)
    expect(world.workerNames().some((name) => name.includes('u1'))).toBe(false)
  })

  it('joins a mount to the one that is there, and an immediate remount (StrictMode)', async () => {
    const { openTab, world, settle, codes } = setUp()
    const { mount } = openTab()
    mount()()
    const unmount = mount()
    const second = mount()
    await settle()
    expect(world.transport.opened).toHaveLength(1)
    world.transport.last.handlers.onUp(false)
    world.transport.last.handlers.onEvent('_line', { quietForMs: 0 })
    second()
    await settle(60_000)
    expect(world.transport.live()).toBe(1)
    unmount()
    await settle(5_000)
    expect(world.transport.live()).toBe(0)
    expect(codes()).toEqual([])
  })

  it('after a switch of identity delivers nothing of the former one, and closes its socket at once', async () => {
    const { openTab, world, server, settle } = setUp()
    const { line, mount, queryClient } = openTab()
    const heard: unknown[] = []
    line.on('changed', (m) => heard.push(m.id))
    const unmount = mount('u1')
    await settle()
    const former = world.transport.last
    server.up()
    await settle()
    former.handlers.onEvent('changed', { id: 'before' })
    await settle(50)
    unmount()
    line.mount({ queryClient, identity: 'u2' })
    former.handlers.onEvent('changed', { id: 'late' })
    await settle(50)
    expect(former.closed).toBe(true)
    expect(world.transport.live()).toBe(1)
    expect(heard).toEqual(['before'])
  })

  it('a switch in one tab leaves the tabs of the other identity alone', async () => {
    const { openTab, world, settle } = setUp()
    const [switches, remains] = [openTab(), openTab()]
    const unmount = switches.mount('u1')
    remains.mount('u1')
    await settle()
    const shared = world.transport.last
    shared.handlers.onUp(false)
    shared.handlers.onEvent('_line', { quietForMs: 0 })
    const heard: string[] = []
    remains.line.on('changed', (m) => heard.push(m.id))
    await settle()
    unmount()
    switches.mount('u2')
    await settle(5_000)
    shared.handlers.onEvent('changed', { id: '1' })
    await settle()
    expect(remains.line.status).toMatchObject({ name: 'connected', tabs: 1 })
    expect(heard).toEqual(['1'])
    expect(world.transport.live()).toBe(2)
  })

  it('signing out by identity null closes the socket without a linger', async () => {
    const { openTab, world, settle } = setUp()
    const { line, mount, queryClient } = openTab()
    const unmount = mount('u1')
    await settle()
    unmount()
    line.mount({ queryClient, identity: null })
    await settle()
    expect(world.transport.live()).toBe(0)
    expect(line.status.name).toBe('idle')
  })

  it('signOut ends every tab at once; a new mount starts again', async () => {
    const { openTab, world, server, settle } = setUp()
    const tabs = [openTab(), openTab()] as const
    const heard: string[] = []
    for (const tab of tabs) {
      tab.line.on('changed', (m) => heard.push(m.id))
      tab.mount('u1')
    }
    await settle()
    server.up()
    await settle()
    const former = world.transport.last
    former.handlers.onEvent('changed', { id: 'first' })
    await settle()
    heard.length = 0
    // In flight: admitted by the hub, not yet posted.
    former.handlers.onEvent('changed', { id: 'in flight' })
    tabs[0].line.signOut()
    expect(tabs[0].line.status.name).toBe('signed-out')
    await settle(50)
    expect(tabs.map((tab) => tab.line.status.name)).toEqual(['signed-out', 'signed-out'])
    expect(world.transport.live()).toBe(0)
    expect(heard).toEqual([])
    tabs[0].mount('u1')
    await settle()
    expect(world.transport.live()).toBe(1)
    expect(tabs[0].line.status.name).toBe('connecting')
  })

  it.each([
    ['at once', 0],
    ['after it has ended', 2_500],
  ])('a page that leaves after its own signOut, %s, holds nothing and hears nothing', async (_when, ms) => {
    const { openTab, world, settle } = setUp()
    const [leaves, remains] = [openTab(), openTab({ name: 'other' })]
    leaves.mount('u1')
    remains.mount('u1')
    await settle()
    leaves.line.signOut()
    await settle(ms)
    leaves.page.fire('away')
    await settle()
    expect(leaves.page.listenerCount()).toBe(0)
    expect(world.locks.names().filter((name) => name.includes('/app/') && name.includes('/tab/'))).toEqual([])
    expect(leaves.line.status.name).toBe('signed-out')
    leaves.page.fire('back')
    await settle(10_000)
    expect(world.transport.live()).toBe(1)
  })

  it('takes a lock of another name at each mount: a hub that hangs may still wait for the former one', async () => {
    const { openTab, world, settle } = setUp()
    const tab = openTab()
    const held = () => world.locks.names().filter((name) => name.includes('/tab/'))
    const unmount = tab.mount('u1')
    await settle()
    const former = held()
    unmount()
    await settle()
    tab.mount('u1')
    await settle()
    expect(held()).toHaveLength(1)
    expect(held()).not.toEqual(former)
  })

  it('a tab that slept through a sign-out does not bring the session back', async () => {
    const { openTab, world, settle } = setUp()
    const [here, asleep] = [openTab(), openTab()]
    here.mount('u1')
    asleep.mount('u1')
    await settle()
    asleep.page.fire('away')
    await settle()
    here.line.signOut()
    await settle()
    asleep.page.fire('back')
    await settle()
    expect(asleep.line.status.name).toBe('signed-out')
    expect(world.transport.live()).toBe(0)
  })
})

describe('events reach the cache', () => {
  it('refetches what the event can have changed, and nothing else', async () => {
    const { openTab, server, settle } = setUp()
    const { mount, use, fetched } = openTab({ jitterMs: 0 })
    mount()
    await settle()
    server.up()
    await settle(10)
    for (const key of [['thing', '1'], ['thing', '2'], ['profile'], ['other']]) use(key)
    await settle(10)
    fetched.length = 0
    server.emit('changed', { id: '2' })
    await settle(200)
    expect(fetched).toEqual(['["thing","2"]'])
  })

  it('resyncs the mapped queries after a reconnect, within the jitter', async () => {
    const { openTab, server, settle, world } = setUp()
    const { mount, use, fetched, line } = openTab()
    mount()
    await settle()
    server.up()
    for (const key of [['thing', '1'], ['profile'], ['other']]) use(key)
    await settle(5_000)
    fetched.length = 0
    world.transport.last.handlers.onDown('transport close')
    await settle()
    expect(line.status).toMatchObject({ name: 'disconnected', reason: 'transport close' })
    server.up()
    await settle(999)
    expect(fetched).toEqual([])
    await settle(1_001)
    expect(fetched.sort()).toEqual(['["profile"]', '["thing","1"]'])
    expect(line.status.lastGap?.reason).toBe('the connection was lost and made again')
  })

  it('a second tab, loaded while the hub was connected, fetches nothing twice', async () => {
    const { openTab, server, settle } = setUp()
    openTab().mount()
    await settle()
    server.up()
    await settle(10_000)
    const late = openTab()
    late.use(['profile'])
    late.mount()
    await settle(10_000)
    expect(late.fetched).toEqual(['["profile"]'])
  })

  it('a rule that throws refetches what it can reach, and is reported', async () => {
    const { openTab, server, settle, errors } = setUp()
    const { mount, use, fetched } = openTab({
      jitterMs: 0,
      invalidates: {
        changed: { touches: ['thing'], targets: (m: { id: string }) => [['thing', m.id.toString()]] },
        profile_updated: ['profile'],
      },
    })
    mount()
    await settle()
    server.up()
    await settle(10)
    for (const key of [['thing', '1'], ['other']]) use(key)
    await settle(10)
    fetched.length = 0
    server.emit('changed', {})
    await settle(200)
    expect(fetched).toEqual(['["thing","1"]'])
    expect(errors).toMatchObject([{ code: 'rule-failed', detail: { event: 'changed' } }])
  })

  it.each([
    [
      'gives a value',
      (value: unknown) => ({ value: { id: `${(value as { id: string }).id}!` } }),
      ['2!'],
      '["thing","2!"]',
      [],
    ],
    ['refuses', () => ({ issues: [{ message: 'no id' }] }), [], '["thing","2"]', ['bad-metadata']],
    ['throws', () => fail(), [], '["thing","2"]', ['rule-failed']],
  ])(
    'asks a schema once per event, for its rule and its handlers: one that %s',
    async (_what, answer, ids, key, expected) => {
      const { openTab, server, settle, codes } = setUp()
      const validate = vi.fn(answer)
      const schema = { '~standard': { version: 1, vendor: 'test', validate } } as StandardSchemaV1<
        unknown,
        { id: string }
      >
      const { mount, line, use, fetched } = openTab({
        jitterMs: 0,
        invalidates: {
          changed: { touches: ['thing'], schema, targets: (m) => [['thing', m.id]] },
          profile_updated: ['profile'],
        },
      })
      mount()
      await settle()
      server.up()
      await settle(10)
      use(['thing', key.includes('!') ? '2!' : '2'])
      await settle(10)
      fetched.length = 0
      const heard: string[] = []
      for (let handler = 0; handler < 2; handler++) line.on('changed', ({ id }) => heard.push(id))
      server.emit('changed', { id: '2' })
      await settle(200)
      expect(validate).toHaveBeenCalledTimes(1)
      expect(heard).toEqual([...ids, ...ids])
      expect(fetched).toEqual([key])
      expect(codes()).toEqual(expected)
      server.emit('changed', { id: '2' })
      await settle(200)
      expect(validate).toHaveBeenCalledTimes(2)
    },
  )

  it('knows the events of its own request by the hash, though the clock is set meanwhile', async () => {
    const { openTab, server, settle } = setUp()
    const tab = openTab()
    tab.use(['thing', '1'])
    tab.mount()
    await settle()
    server.up()
    await settle(5_000)
    let secret = ''
    await tab.line.request(async (headers) => {
      secret = headers['x-partyline-origin'] ?? ''
    })
    tab.queryClient.setQueryData(['thing', '1'], 'from the answer')
    tab.fetched.length = 0
    await settle(100)
    vi.setSystemTime(Date.now() + 3_600_000)
    server.emit('changed', { id: '1', _line: { origin: simulatedSha256(secret).slice(0, 22) } })
    await settle(1_000)
    expect(tab.fetched).toEqual([])
    // What the event carries is no secret: whoever sends that causes a fetch, like anybody.
    server.emit('changed', { id: '1', _line: { origin: secret } })
    await settle(1_000)
    expect(tab.fetched).toEqual(['["thing","1"]'])
  })

  it('calls handlers of events without a rule, and goes on after one that throws', async () => {
    const { openTab, server, settle, codes } = setUp()
    const { mount, line } = openTab()
    const heard: unknown[] = []
    mount()
    await settle()
    server.up()
    line.on('profile_updated', () => {
      throw new Error('broken handler')
    })
    const off = line.on('profile_updated', (m) => heard.push(m))
    await settle()
    server.emit('profile_updated', { by: 'me' })
    await settle(50)
    expect(heard).toEqual([{ by: 'me' }])
    expect(codes()).toEqual(['handler-failed'])
    off()
    server.emit('profile_updated')
    await settle(50)
    expect(heard).toHaveLength(1)
  })
})

describe('the ladder', () => {
  it.each([
    ['no SharedWorker', undefined, 'this browser has no SharedWorker', []],
    [
      'a constructor that throws',
      () => {
        throw new Error('blocked by policy')
      },
      'blocked by policy',
      ['host-failed'],
    ],
    [
      'a script that is a 404',
      Object.assign(
        () => ({
          port: new MessageChannel().port1,
          addEventListener: (_type: 'error', listener: (event: Event) => void) =>
            void setTimeout(() => listener(new Event('error')), 5),
        }),
        { script: '/assets/worker-1.js' },
      ),
      "the worker's script /assets/worker-1.js could not be loaded or started",
      ['host-failed'],
    ],
    [
      'a worker that stays silent',
      () => ({ port: new MessageChannel().port1, addEventListener: () => undefined }),
      'the hub did not answer for 7500 ms',
      ['host-failed'],
    ],
  ] satisfies [string, OpenSharedWorker | undefined, string, string[]][])(
    'goes on to a leader tab: %s',
    async (_title, open, reason, expected) => {
      const { openTab, inTabTransport, settle, codes } = setUp()
      const { line, mount } = openTab({}, { open })
      mount()
      await settle(5_000)
      // The in-tab hub is a chunk of its own, loaded in real time.
      await until(() => expect(line.status.host).toBe('leader-tab'))
      expect(line.status.role).toBe('leader')
      expect(line.status.steps).toEqual([{ host: 'shared-worker', reason }])
      inTabTransport.last.handlers.onUp(false)
      inTabTransport.last.handlers.onEvent('_line', { quietForMs: 0 })
      await settle()
      expect(line.status).toMatchObject({ name: 'connected', tabs: 1 })
      expect(codes()).toEqual(expected)
    },
  )

  it('without SharedWorker and BroadcastChannel uses this tab alone, and says why', async () => {
    const { openTab, inTabTransport, settle, codes } = setUp({ channels: false })
    const { line, mount } = openTab({}, { open: undefined })
    mount()
    await settle(10)
    await until(() => expect(line.status.host).toBe('this-tab'))
    expect(line.status.steps).toEqual([
      { host: 'shared-worker', reason: 'this browser has no SharedWorker' },
      { host: 'leader-tab', reason: 'this browser has no BroadcastChannel' },
    ])
    inTabTransport.last.handlers.onUp(false)
    inTabTransport.last.handlers.onEvent('_line', { quietForMs: 0 })
    await settle()
    expect(line.status).toMatchObject({ name: 'connected', tabs: 1, role: undefined })
    expect(codes()).toEqual([])
  })

  it('a transport that the worker does not know runs in the leader tab, and the remedy is said', async () => {
    const { openTab, settle, codes, errors } = setUp()
    const own = createFakeTransport()
    const transport = { name: 'mine', load: async () => own.open as never }
    const tabs = [openTab({ transport }), openTab({ transport })]
    for (const tab of tabs) tab.mount()
    await until(() => expect(tabs.map(({ line }) => line.status.host)).toEqual(['leader-tab', 'leader-tab']))
    expect(own.live()).toBe(1)
    own.last.handlers.onUp(false)
    own.last.handlers.onEvent('_line', { quietForMs: 0 })
    await settle(10)
    expect(tabs.map(({ line }) => line.status.name)).toEqual(['connected', 'connected'])
    expect(codes()).toEqual(['unknown-transport', 'unknown-transport'])
    expect(errors[0]?.message).toMatch(/no transport 'mine'.*serveWorker\(\{ transports \}\)/)
  })

  it.each([
    ['another name', 'sockets'],
    ['no name', { load: () => createFakeTransport().open }],
    ['nothing to load', { name: 'mine' }],
    ['a name of ours', { name: 'sse', load: () => createFakeTransport().open }],
    ['null', null],
  ])('a transport with %s is a bad option, and Socket.IO is taken', async (_, transport) => {
    const { openTab, codes, world } = setUp()
    openTab({ transport: transport as never }).mount()
    expect(codes()).toEqual(['bad-option'])
    await until(() => expect(world.transport.last.settings.transport).toBe('socket.io'))
  })

  it('a forced host is the only one tried, and its failure is told with the reason', async () => {
    const { openTab, settle, codes, inTabTransport } = setUp()
    const { line, mount } = openTab({ host: 'shared-worker' }, { open: undefined })
    mount()
    await settle(100)
    expect(line.status).toMatchObject({ name: 'connecting', reason: 'shared-worker: this browser has no SharedWorker' })
    expect(codes()).toEqual(['no-host'])
    expect(inTabTransport.opened).toEqual([])
  })

  it.each([true, false])('attaches again when the worker dies (Web Locks: %s)', async (webLocks) => {
    const { openTab, world, server, settle } = setUp({ webLocks })
    const tabs = [openTab({ jitterMs: 0 }), openTab({ jitterMs: 0 })]
    for (const tab of tabs) tab.mount()
    await until(() => expect(world.transport.live()).toBe(1))
    server.up()
    await settle(10)
    await settle(1_000)
    const epoch = tabs[0]?.line.status.epoch
    world.killWorkers()
    if (!webLocks) await settle(40_000)
    await until(() => expect(world.transport.live()).toBe(1))
    server.up()
    await settle(10)
    for (const { line } of tabs) {
      await until(() => expect(line.status).toMatchObject({ name: 'connected', tabs: 2 }))
      expect(line.status.epoch).not.toBe(epoch)
    }
  })

  it('steps down when the worker is lost again and again', async () => {
    const { openTab, world, settle } = setUp()
    const { line, mount } = openTab()
    mount()
    await settle()
    for (let time = 0; time < 3; time++) {
      await settle(1_000)
      world.killWorkers()
      await settle(10)
    }
    await until(() => expect(line.status.host).toBe('leader-tab'))
    expect(line.status.steps[0]?.reason).toContain('lost 3 times')
  })
})

describe('parking', () => {
  it('goes silent and holds no locks while away, and catches up without a gap when back', async () => {
    const { openTab, world, server, settle } = setUp()
    const remains = openTab({ jitterMs: 0 })
    const parks = openTab({ jitterMs: 0 })
    remains.mount()
    parks.mount()
    await settle()
    server.up()
    await settle(10)
    parks.use(['thing', '1'])
    parks.use(['profile'])
    await settle(10)
    parks.fetched.length = 0
    parks.page.fire('away')
    await settle(10)
    expect(world.locks.names().filter((name) => name.includes(parks.line.origin))).toEqual([])
    expect(parks.line.status.name).toBe('disconnected')
    expect(remains.line.status.tabs).toBe(1)
    server.emit('changed', { id: '1' })
    await settle(1_000)
    parks.page.fire('back')
    await settle(200)
    expect(parks.line.status.name).toBe('connected')
    expect(parks.fetched).toEqual(['["thing","1"]'])
  })
})

describe('bad input', () => {
  it('reports options that can not work and takes their defaults', async () => {
    const { openTab, codes, settle } = setUp()
    const { mount, line } = openTab({
      lingerMs: -1,
      jitterMs: Number.NaN,
      socket: { parser: () => undefined, auth: { token: 'secret' } as never },
      host: 'moon' as 'auto',
      debounce: { waitMs: -5 },
      anyValues: 'none' as never,
    })
    mount()
    await settle()
    expect(codes().every((code) => code === 'bad-option')).toBe(true)
    expect(codes()).toHaveLength(7)
    expect(line.status.host).toBe('shared-worker')
  })

  it.each([
    'data',
    {},
    { event: '' },
    { event: 7 },
    { event: 'type', metadata: ['payload'] },
    { event: 'type', on: '' },
  ])('an envelope that can’t be read is a bad option, and there is none: %j', (envelope) => {
    const { openTab, errors } = setUp()
    openTab({ envelope: envelope as never })
    expect(errors).toMatchObject([{ code: 'bad-option', detail: { option: 'envelope' } }])
  })

  it('a field that an envelope does not have is named', () => {
    const { openTab, errors } = setUp()
    openTab({ envelope: { on: 'data', event: 'type', meta: 'payload' } as never })
    expect(errors.map(({ message }) => message)).toEqual([
      'envelope.meta is not an option. Did you mean envelope.metadata?',
    ])
  })

  it.each([
    { anyValues: undefined, refetched: [['all']] },
    { anyValues: [-1], refetched: [[-1]] },
  ])('does not skip what means "any": $anyValues', async ({ anyValues, refetched }) => {
    const { openTab, server, settle } = setUp()
    const { line, mount, use } = openTab({
      invalidates: {
        changed: (m: { id: string }) => [{ queryKey: ['tx'], scope: { id: m.id } }],
        profile_updated: [],
      },
      ...(anyValues && { anyValues }),
    })
    for (const id of ['all', -1]) use(['tx', { id }])
    mount()
    await settle()
    server.up()
    await settle(5_000)
    const receipts = vi.fn()
    line.onReceipt(receipts)
    server.emit('changed', { id: '7' })
    await settle(1_000)
    const [{ refetched: keys }] = receipts.mock.calls[0] as [{ refetched: [string, { id: unknown }][] }]
    expect(keys.map(([, { id }]) => [id])).toEqual(refetched)
  })

  it('reports an option that is none, with the name that was meant', () => {
    const { openTab, errors } = setUp()
    openTab({
      linger: 0,
      debounce: { wait: 5, maxWaitMs: 10 },
      polling: { interval: 1 },
      spread: {},
      socket: { any: 1 },
      anyValues: ['none', 0, -1, false],
    } as object)
    expect(errors.map(({ message }) => message)).toEqual([
      'linger is not an option. Did you mean lingerMs?',
      'debounce.wait is not an option. Did you mean debounce.waitMs?',
      'polling.interval is not an option. Did you mean polling.intervalMs?',
      'spread is not an option',
    ])
    expect(errors[1]).toMatchObject({ code: 'bad-option', detail: { option: 'debounce.wait' } })
  })

  it('auth that throws, or gives what can not cross, is reported, and never answered with a hang', async () => {
    const { openTab, world, settle, codes, errors } = setUp()
    const { line, queryClient } = openTab()
    line.mount({
      queryClient,
      identity: 'u1',
      auth: () => {
        throw new TypeError('the session of s3cr3t is over')
      },
    })
    await settle()
    // What was thrown may quote the credentials, and this text goes to every tab. `cause` stays here.
    await expect(world.transport.last.handlers.auth()).rejects.toThrow('auth failed with TypeError')
    expect(codes()).toEqual(['auth-failed'])
    expect(errors[0]?.message).toBe('auth failed with TypeError')
    expect(String(errors[0]?.cause)).toContain('s3cr3t')
  })

  it('what auth threw is in the console of its own tab, beside the words that every tab gets', async () => {
    const { openTab, settle, world } = setUp()
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const cause = new TypeError('no session')
    const tabs = [openTab({ onError: undefined as never }), openTab({ onError: undefined as never })]
    for (const { line, queryClient } of tabs)
      line.mount({ queryClient, identity: 'u1', auth: () => Promise.reject(cause) })
    await settle()
    await expect(world.transport.last.handlers.auth()).rejects.toThrow()
    world.transport.last.handlers.onNoCredentials('auth failed with TypeError')
    await settle()
    const words = '[partyline] auth-failed: auth failed with TypeError (docs/errors.md#auth-failed)'
    expect(warn.mock.calls).toEqual([
      [words, cause],
      [words, cause],
    ])
  })

  it.each<[what: string, auth: unknown, words: string]>([
    ['a text in place of a function', 's3cr3t', 'auth is no function, but of type string'],
    ['an object in place of a function', { token: 's3cr3t' }, 'auth is no function, but of type object'],
    ['a function that gives a text', () => 's3cr3t', 'auth gave no object, but a string'],
    ['a function that gives a list', async () => ['s3cr3t'], 'auth gave no plain object'],
  ])('auth that is %s is told of in words that do not quote it, in every tab', async (_what, auth, words) => {
    const { openTab, world, settle, errors } = setUp()
    const { line, queryClient } = openTab()
    line.mount({ queryClient, identity: 'u1', auth: auth as () => object })
    await settle()
    const message = `${words}: it is a function that gives the credentials, as () => ({ token })`
    await expect(world.transport.last.handlers.auth()).rejects.toThrow(message)
    expect(errors.map((error) => [error.code, error.message])).toEqual([['auth-failed', message]])
  })

  it('auth may give more than can cross to the hub: what is data crosses', async () => {
    const { openTab, world, settle, codes } = setUp()
    const { line, queryClient } = openTab()
    line.mount({ queryClient, identity: 'u1', auth: async () => ({ token: 'secret', renew: () => undefined }) })
    await settle()
    expect(await world.transport.last.handlers.auth()).toMatchObject({ token: 'secret' })
    expect(codes()).toEqual([])
  })

  it.each([{ id: 'ann' }, false, Number.NaN])(
    'an identity that is no name (%j) is nobody, and reported',
    async (identity) => {
      const { openTab, world, settle, codes } = setUp()
      const { line, queryClient } = openTab()
      line.mount({ queryClient, identity: identity as never })
      await settle()
      expect(codes()).toEqual(['bad-option'])
      expect(world.workerNames()).toEqual([])
    },
  )

  it('a subscriber that throws is reported, and the line connects', async () => {
    const { openTab, server, settle, codes } = setUp()
    const { line, mount } = openTab()
    line.subscribe(() => {
      throw new Error('broken subscriber')
    })
    mount()
    await settle()
    server.up()
    await settle()
    expect(line.status).toMatchObject({ name: 'connected', host: 'shared-worker' })
    expect(new Set(codes())).toEqual(new Set(['handler-failed']))
  })

  it('signOut while the url is still asked for gives nobody credentials, and signs the other tabs out', async () => {
    const { openTab, world, settle } = setUp()
    const other = openTab({ url: async () => 'https://eu.example' })
    other.mount()
    await settle()
    let answer: (url: string) => void = () => undefined
    const { line, mount } = openTab({
      url: () =>
        new Promise<string>((resolve) => {
          answer = resolve
        }),
    })
    mount()
    line.signOut()
    expect(line.status.name).toBe('signed-out')
    await settle()
    expect(other.line.status.name).toBe('signed-out')
    answer('https://eu.example')
    await settle(100)
    expect([line.status.name, other.line.status.name]).toEqual(['signed-out', 'signed-out'])
    await settle(10_000)
    expect(world.transport.live()).toBe(0)
  })

  it('a line that is signed out stays signed out while its url is asked for again', async () => {
    const { openTab, settle } = setUp()
    const { line, mount } = openTab({ url: () => Promise.reject(new Error('offline')) })
    mount()
    line.signOut()
    await settle(12_000)
    expect(line.status).toMatchObject({ name: 'signed-out', reason: 'signed out in this tab' })
    mount()
    expect(line.status.name).toBe('connecting')
  })

  it('the same without other tabs opens no socket', async () => {
    const { openTab, world, settle } = setUp()
    const { line, mount } = openTab({ url: async () => 'https://eu.example' })
    mount()
    line.signOut()
    await settle(10_000)
    expect(line.status.name).toBe('signed-out')
    expect(world.transport.opened).toEqual([])
  })

  it('a url function is awaited, and asked again when it fails', async () => {
    const { openTab, world, settle, codes } = setUp()
    const answers = [() => Promise.reject(new Error('offline')), () => Promise.resolve('https://eu.example')]
    const { mount } = openTab({ url: () => (answers.shift() as () => Promise<string>)() })
    mount()
    await settle(5_000)
    expect(world.transport.last.settings.url).toBe('https://eu.example/')
    expect(codes()).toEqual(['connect-failed'])
  })

  it('another identity while mounted replaces the first and says so', async () => {
    const { openTab, world, settle, codes } = setUp()
    const { mount } = openTab()
    mount('u1')
    await settle()
    mount('u2')
    await settle()
    expect(codes()).toEqual(['mounted-twice'])
    expect(world.transport.live()).toBe(1)
    expect(world.transport.last.settings.identity).toBe('u2')
  })

  it('without onError, warns once per subject and never with credentials', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { openTab, server, settle } = setUp()
    const { mount } = openTab({ onError: undefined as never })
    mount()
    await settle()
    server.up()
    for (let time = 0; time < 3; time++) server.emit('nobody_knows', { token: 'of u1' })
    await settle(50)
    expect(warn.mock.calls).toEqual([
      [
        "[partyline] unknown-event: no tab has a rule or a handler for the event 'nobody_knows' (docs/errors.md#unknown-event)",
      ],
    ])
  })
})

describe('development hints', () => {
  /** A misspelt key: the cache has `thing`. */
  const misspelt = { changed: (m: { id: string }) => [['things', m.id]], profile_updated: ['profile'] }

  async function emitTwenty(loadHints?: LineEnvironment['loadHints']) {
    const { world, server, settle, codes, errors } = setUp()
    const tab = world.tab()
    const queryClient = new QueryClient()
    const environment: LineEnvironment = { ...tab.environment, ...(loadHints && { loadHints }) }
    const onError = (error: PartylineError) => errors.push(error)
    const line = createPartyline<Events>(
      { invalidates: { ...misspelt, changed: { touches: ['things'], targets: misspelt.changed } }, onError },
      environment,
    )
    queryClient.setQueryData(['thing', '1'], 1)
    line.mount({ queryClient, identity: 'u1' })
    await settle()
    server.up()
    for (let time = 0; time < 20; time++) {
      server.emit('changed', { id: '1' })
      await settle(1_500)
    }
    return codes()
  }
  const hints = () => import('../inspect/hints.js')

  it('are said through onError, once', async () => {
    const loaded = await hints()
    expect(await emitTwenty(async () => loaded)).toEqual(['rule-missed'])
  })

  it('are not loaded in production', async () => {
    vi.stubEnv('NODE_ENV', 'production')
    const loadHints = vi.fn(hints)
    expect(await emitTwenty(loadHints)).toEqual([])
    expect(loadHints).not.toHaveBeenCalled()
    vi.unstubAllEnvs()
  })

  it('are missed by nobody if they can not be loaded', async () => {
    expect(await emitTwenty(() => Promise.reject(new Error('404')))).toEqual([])
    expect(await emitTwenty()).toEqual([])
  })
})

it('a handler of * hears what no rule and no other handler names, and then no event is unknown', async () => {
  const { openTab, server, settle, codes } = setUp()
  const { line, mount } = openTab()
  const heard: unknown[] = []
  mount()
  const stop = line.on('*', (event) => heard.push(event))
  await settle()
  server.up()
  await settle(50)
  server.emit('unmapped', { n: 1 })
  server.emit('changed', { id: 'a', _line: { trace: 't' } })
  await settle(50)
  expect(heard).toEqual([
    { name: 'unmapped', metadata: { n: 1 } },
    { name: 'changed', metadata: { id: 'a' }, trace: 't' },
  ])
  expect(codes()).toEqual([])
  stop()
  await settle(50)
  server.emit('unmapped', { n: 2 })
  await settle(50)
  expect(heard.length).toBe(2)
  expect(codes()).toEqual(['unknown-event'])
})

describe('an emptied cache', () => {
  const SECRET = 'the salary of u1'

  it('is only for an app that asks for it', async () => {
    const { openTab, settle } = setUp()
    const { mount, queryClient } = openTab()
    mount('u1')()
    queryClient.setQueryData(['salary'], SECRET)
    mount('u2')
    mount(null)
    await settle(1_000)
    expect(queryClient.getQueryData(['salary'])).toBe(SECRET)
  })

  it('after a switch: what is on the screen starts again, the rest is removed, fetches under way included', async () => {
    const { openTab, settle } = setUp()
    const { mount, queryClient, use, fetched } = openTab({ clearOnSwitch: true })
    const unmount = mount('u1')
    await settle(100)
    queryClient.setQueryData(['salary'], SECRET)
    queryClient.setQueryData(['unmapped'], SECRET)
    use(['salary'])
    const slow = queryClient.fetchQuery({
      queryKey: ['slow'],
      queryFn: () => new Promise((done) => setTimeout(done, 50, SECRET)),
    })
    slow.catch(() => undefined)
    await settle(10)
    expect(fetched).toEqual([])
    unmount()
    mount('u2')
    expect(JSON.stringify(queryClient.getQueryCache().getAll())).not.toContain(SECRET)
    await settle(1_000)
    expect(fetched).toEqual(['["salary"]'])
    expect(queryClient.getQueryData(['salary'])).toBe(1)
    expect(queryClient.getQueryCache().getAll()).toHaveLength(1)
  })

  it('after an identity that became nobody, or was unmounted before the next one came', async () => {
    const { openTab, settle } = setUp()
    const { mount, queryClient, use, fetched } = openTab({ clearOnSwitch: true })
    for (const next of [null, 'u2']) {
      const unmount = mount('u1')
      queryClient.setQueryData(['salary'], SECRET)
      const stop = use(['salary'])
      unmount()
      await settle(5_000)
      // Gone for a while, but perhaps it comes back.
      expect(queryClient.getQueryData(['salary'])).toBe(SECRET)
      const end = mount(next)
      await settle(100)
      expect(JSON.stringify(queryClient.getQueryCache().getAll())).not.toContain(SECRET)
      // Nobody is there to fetch for.
      expect(fetched).toHaveLength(next === null ? 0 : 1)
      stop()
      end()
      await settle()
    }
  })

  it.each([
    ['signed out and in again', 'u1', true],
    ['gone, and another one came', 'u2', false],
  ])('is filled again for an identity that was %s', async (_what, next, signsOut) => {
    const { openTab, settle } = setUp()
    const { line, mount, queryClient, use, fetched } = openTab({ clearOnSwitch: true })
    const unmount = mount('u1')
    use(['profile'])
    await settle()
    if (signsOut) line.signOut()
    unmount()
    mount(null)
    await settle(5_000)
    expect(queryClient.getQueryData(['profile'])).toBeUndefined()
    fetched.length = 0
    mount(next)
    await settle(100)
    expect(fetched).toEqual(['["profile"]'])
  })

  it('not after a remount of the same identity', async () => {
    const { openTab, settle } = setUp()
    const { mount, queryClient } = openTab({ clearOnSwitch: true })
    const unmount = mount('u1')
    queryClient.setQueryData(['salary'], SECRET)
    unmount()
    await settle(10_000)
    mount('u1')
    await settle(100)
    expect(queryClient.getQueryData(['salary'])).toBe(SECRET)
  })

  it('in every tab that is signed out, and nothing is fetched for nobody', async () => {
    const { openTab, settle } = setUp()
    const tabs = [openTab({ clearOnSwitch: true }), openTab({ clearOnSwitch: true })]
    for (const { mount, queryClient, use } of tabs) {
      mount('u1')
      queryClient.setQueryData(['salary'], SECRET)
      use(['salary'])
    }
    await settle()
    tabs[0]?.line.signOut()
    await settle(10_000)
    for (const { queryClient, fetched } of tabs) {
      expect(queryClient.getQueryData(['salary'])).toBeUndefined()
      expect(fetched).toEqual([])
    }
  })
})

it('tells who listens to receipts which events each of them answers', async () => {
  const { openTab, server, settle } = setUp()
  const { mount, line } = openTab()
  const names: string[][] = []
  mount()
  await settle()
  server.up()
  await settle(10_000)
  const stop = line.onReceipt(({ cause, events }) => {
    if (cause === 'events') names.push(events.map(({ name }) => name))
  })
  server.emit('changed', {})
  await settle(1_000)
  stop()
  server.emit('changed', {})
  await settle(1_000)
  expect(names).toEqual([['changed']])
})

describe('polling', () => {
  const polling = { downForMs: 10_000, intervalMs: 5_000 }

  it('is off unless it was asked for', async () => {
    const { openTab, settle } = setUp()
    const { mount, use, fetched } = openTab()
    mount()
    use(['profile'])
    await settle(600_000)
    expect(fetched).toHaveLength(1)
  })

  it('begins when the line has been down for long enough, and stops when it is back', async () => {
    const { openTab, server, world, settle } = setUp()
    const { mount, use, fetched, line } = openTab({ polling })
    const causes: string[] = []
    line.onReceipt(({ cause }) => causes.push(cause))
    mount()
    use(['profile'])
    await settle()
    server.up()
    await settle(60_000)
    const before = fetched.length
    world.transport.last.handlers.onDown('transport close')
    await settle(8_000)
    world.transport.last.handlers.onUp(true)
    await settle(60_000)
    expect(fetched).toHaveLength(before)
    world.transport.last.handlers.onDown('transport close')
    await settle(10_000)
    expect(fetched).toHaveLength(before)
    await settle(30_000)
    expect(causes.filter((cause) => cause === 'poll').length).toBeGreaterThanOrEqual(4)
    expect(fetched.length - before).toBeLessThanOrEqual(6)
    server.up(true)
    const after = fetched.length
    await settle(60_000)
    expect(fetched).toHaveLength(after)
  })

  it('is done by visible tabs, and by none that is parked or unmounted', async () => {
    const { openTab, world, settle } = setUp()
    const [hidden, away, gone] = [openTab({ polling }), openTab({ polling }), openTab({ polling })]
    const unmounts = [hidden, away, gone].map((tab) => {
      tab.use(['profile'])
      return tab.mount()
    })
    await settle()
    world.transport.last.handlers.onDown('transport close')
    hidden.page.hide()
    away.page.fire('away')
    unmounts[2]?.()
    await settle(60_000)
    expect([hidden, away, gone].map(({ fetched }) => fetched.length)).toEqual([1, 1, 1])
    hidden.page.show()
    await settle(7_000)
    expect(hidden.fetched).toHaveLength(2)
  })
})

describe('the end of credentials', () => {
  it('is what `expiresAt` of them says, and reported when that can not be', async () => {
    const { openTab, world, settle, codes } = setUp()
    const { line, queryClient } = openTab()
    let expiresAt: unknown = Date.now() + 600_000
    line.mount({ queryClient, identity: 'u1', auth: () => ({ token: 'secret', expiresAt }) })
    await settle()
    const { handlers } = world.transport.last
    expect(await handlers.auth()).toMatchObject({ token: 'secret', expiresAt })
    handlers.onUp(false)
    handlers.onEvent('_line', { quietForMs: 0 })
    // In seconds, as a JWT has it; a text; gone already.
    for (const odd of [1_900, '2030-01-01', Number.NaN]) {
      expiresAt = odd
      await handlers.auth()
    }
    expect(codes()).toEqual(['bad-option', 'bad-option', 'bad-option'])
    await settle(600_000)
    expect(world.transport.last.renewals).toEqual([])
    expiresAt = Date.now() + 600_000
    await handlers.auth()
    await settle(550_000)
    expect(world.transport.last.renewals).toHaveLength(1)
  })
})

it('leaves nothing behind: timers, listeners, locks', async () => {
  const { openTab, world, server, settle } = setUp()
  const { mount, page, use } = openTab()
  const unmount = mount()
  await settle()
  server.up()
  const stop = use(['profile'])
  server.emit('profile_updated')
  await settle()
  unmount()
  await settle(10_000)
  stop()
  expect(page.listenerCount()).toBe(0)
  expect(world.locks.names()).toEqual([])
  vi.clearAllTimers()
})
