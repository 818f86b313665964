import { expose } from 'comlink'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryBrowser, createPipe, NO_SIGN_OUTS } from '../../test/browser.js'
import { SETTINGS } from '../../test/fake-hub.js'
import type { SignOutWatch } from '../platform/sign-out-marks.js'
import type { Hello, HubMessage, Welcome } from '../wire/protocol.js'
import { createLink } from './link.js'
import type { LinkState } from './link-options.js'
import type { Rung } from './rungs.js'

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms)
const WELCOME: Extract<Welcome, { ok: true }> = {
  ok: true,
  host: 'leader-tab',
  epoch: 'epoch-1',
  seq: 4,
  socket: { name: 'connected' },
  tabs: 2,
}

interface Hub {
  /** How long the welcome takes, in milliseconds. */
  readonly delayMs?: number
  readonly welcome?: Partial<Extract<Welcome, { ok: true }>>
}

/** A link to a hub that the test plays, over the one rung that there is. */
function setUp(hub: () => Hub = () => ({}), rung: Partial<Rung> = {}, signOuts = NO_SIGN_OUTS, calls: object = {}) {
  const { environment, page } = createMemoryBrowser().tab()
  const hellos: Hello[] = []
  const nudges: string[] = []
  const log: string[] = []
  let post: (message: HubMessage) => void = () => undefined
  let state: LinkState | undefined
  const follower: Rung = {
    host: 'leader-tab',
    async open() {
      const { port1, port2 } = createPipe()
      const { delayMs = 0, welcome } = hub()
      const attach = async (hello: Hello) => {
        hellos.push(hello)
        if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs))
        return { ...WELCOME, ...welcome }
      }
      const nudge = (why: string) => void nudges.push(why)
      expose(
        { attach, nudge, ping: () => true, subscribe: () => null, ...calls },
        port2 as Parameters<typeof expose>[1],
      )
      post = (message) => port2.postMessage(message)
      return port1
    },
    ...rung,
  }
  const link = createLink({
    environment,
    key: 'key',
    check: 'check',
    tab: 't',
    settings: SETTINGS,
    signOuts,
    rungs: [follower],
    follow: follower,
    events: () => ['a'],
    topics: () => [],
    oneTab: () => ({ names: [], hiddenForMs: 0 }),
    onTopics: () => undefined,
    auth: async () => ({ ok: true, auth: {} }),
    report: (code, message) => log.push(`${code}: ${message}`),
    onState: (next) => {
      state = next
    },
    onEvents: () => log.push('events'),
    onGap: (reason) => log.push(`gap: ${reason}`),
    onVouched: () => log.push('vouched'),
  })
  return {
    environment,
    link,
    page,
    hellos,
    nudges,
    log,
    post: (message: HubMessage) => post(message),
    state: () => state,
  }
}

it('delivers nothing once this tab has signed out, though the hub has not yet heard of it', async () => {
  const { link, log, post, state } = setUp(undefined, {}, undefined, { signOut: () => null })
  await settle(10)
  log.length = 0
  link.signOut()
  post({ kind: 'events', seq: 5, events: '[["a",{}]]' })
  post({ kind: 'gap', seq: 6, reason: 'one' })
  post({ kind: 'problem', code: 'auth-failed', message: 'of the session that has ended' })
  await settle(10)
  expect(state()?.phase).toBe('signed-out')
  expect(log).toEqual([])
  link.close(false)
  await settle(10_000)
})

describe('an inspection', () => {
  it.each([
    ['nothing in time', () => new Promise(() => undefined)],
    ['an error', () => Promise.reject(new Error('no'))],
    ['nonsense', () => 'all is well'],
    ['null', () => null],
  ])('that brings %s is none, and the tab stays with its hub', async (_, inspect) => {
    const { link, hellos, state, log } = setUp(undefined, {}, undefined, { inspect, simulate: inspect })
    await settle(10)
    let told: unknown = 'no answer'
    void link.inspect(0).then((answer) => {
      told = answer
    })
    let simulated = false
    void link.simulate({ name: 'drop' }).then(() => {
      simulated = true
    })
    await settle(3_500)
    expect([told, simulated]).toEqual([undefined, true])
    await settle(20_000)
    expect([hellos.length, state()?.phase, log]).toEqual([1, 'attached', []])
  })
})

describe('a hello', () => {
  it('says how old the page is as it is sent, whatever the wall clock says', async () => {
    const { hellos, post } = setUp(() => ({ welcome: { replay: [] } }))
    await settle(3_000)
    vi.setSystemTime(5)
    post({ kind: 'promoted' })
    await settle(10)
    const ages = hellos.map(({ since }) => Math.round(since.ageMs / 100))
    expect(ages).toEqual([0, 30])
    expect(hellos[1]?.since).toMatchObject({ epoch: 'epoch-1', seq: 4 })
  })

  it('claims no position while a gap is owed', async () => {
    const { hellos, post } = setUp()
    await settle()
    post({ kind: 'promoted' })
    await settle()
    post({ kind: 'gap', seq: 5, reason: 'events before the first connection are not known' })
    post({ kind: 'promoted' })
    await settle()
    expect(hellos.map(({ since }) => since.seq)).toEqual([undefined, -1, 5])
  })

  it('has the settings over a port', async () => {
    const { hellos } = setUp()
    await settle()
    expect(hellos[0]).toMatchObject({ settings: SETTINGS, check: 'check' })
  })
})

describe('a welcome', () => {
  it('that took longer than the hub allows for is a gap', async () => {
    const { log } = setUp(() => ({ delayMs: 1_200, welcome: { replay: [['a', {}]] } }))
    await settle(2_000)
    expect(log).toEqual([expect.stringMatching(/^gap: the hub's welcome took 1\d\d\d ms$/), 'events'])
  })

  it('that was quick is vouched for, and so is a slow one by the numbers of the same hub', async () => {
    let delayMs = 900
    const { log, post } = setUp(() => ({ delayMs, welcome: { replay: [] } }))
    await settle(2_000)
    expect(log).toEqual(['vouched'])
    delayMs = 3_000
    post({ kind: 'promoted' })
    await settle(5_000)
    expect(log).toEqual(['vouched', 'vouched'])
  })

  it('brings the problems of the present outage', async () => {
    const problems = [{ code: 'connect-failed', message: 'refused' }] as const
    const { log } = setUp(() => ({ welcome: { problems } }))
    await settle()
    expect(log).toEqual(['connect-failed: refused'])
  })
})

describe('a retry', () => {
  it('asks the hub for an attempt', async () => {
    const { link, nudges } = setUp()
    await settle()
    link.retry('retry')
    link.retry('mount')
    await settle()
    expect(nudges).toEqual(['retry', 'mount'])
  })

  it.each(['retry', 'online', 'visible'] as const)('cuts a rest short (%s)', async (how) => {
    let fails = true
    const open = vi.fn(() => (fails ? Promise.reject(new Error('no chunk')) : new Promise<never>(() => undefined)))
    const resting = setUp(undefined, { open })
    await settle(1_000)
    const before = open.mock.calls.length
    await settle(1_000)
    expect(open.mock.calls.length).toBe(before)
    fails = false
    if (how === 'retry') resting.link.retry('retry')
    else resting.page.fire(how)
    await settle()
    expect(open.mock.calls.length).toBe(before + 1)
  })
})

describe('a hub that is lost as soon as it is found', () => {
  it('is looked for ever more slowly', async () => {
    const { hellos, post } = setUp()
    for (let ms = 0; ms < 60_000; ms += 10) {
      await settle(10)
      post({ kind: 'closed', reason: 'it ends' })
    }
    expect(hellos.length).toBeLessThan(20)
  })
})

describe('a follower', () => {
  it('loads the hub’s code when it has been attached for a while, again after a failure, and not after its end', async () => {
    const preload = vi.fn<() => Promise<unknown>>().mockRejectedValueOnce(new Error('503')).mockResolvedValue(undefined)
    const { link } = setUp(() => ({ welcome: { role: 'follower' } }), { preload })
    await settle(4_000)
    expect(preload).toHaveBeenCalledTimes(0)
    await settle(8_000)
    expect(preload).toHaveBeenCalledTimes(1)
    await settle(300_000)
    expect(preload).toHaveBeenCalledTimes(2)
    link.close(false)
    const gone = setUp(() => ({ welcome: { role: 'follower' } }), { preload })
    await settle(1_000)
    gone.link.close(false)
    await settle(60_000)
    expect(preload).toHaveBeenCalledTimes(2)
  })

  it('is the only tab that does: a leader has it, and tabs of a worker need none', async () => {
    const preload = vi.fn(async () => undefined)
    setUp(() => ({ welcome: { role: 'leader' } }), { preload })
    await settle(60_000)
    expect(preload).not.toHaveBeenCalled()
  })
})

describe('a message that can not be sent', () => {
  it('is a coded failure of the rung', async () => {
    const { log } = setUp(undefined, {
      async open() {
        const { port1 } = createPipe()
        const postMessage = () => {
          throw new DOMException('a function could not be cloned', 'DataCloneError')
        }
        return { ...port1, postMessage }
      },
    })
    await settle(100)
    expect(log[0]).toBe('host-failed: leader-tab: a function could not be cloned. It is tried again')
  })
})

describe('a mark that no event told of', () => {
  it.each(['visible', 'online', 'promoted', 'attached'])('ends the session when the link looks: %s', async (when) => {
    let last: ReturnType<SignOutWatch['last']> = 'before'
    const { page, post, state } = setUp(
      () => {
        if (when === 'attached') last = 'since'
        return {}
      },
      {},
      { ...NO_SIGN_OUTS, last: () => last },
    )
    await settle()
    if (when !== 'attached') expect(state()?.phase).toBe('attached')
    last = 'since'
    if (when === 'visible') page.show()
    if (when === 'online') page.fire('online')
    if (when === 'promoted') post({ kind: 'promoted' })
    await settle()
    expect(state()).toMatchObject({ phase: 'signed-out', reason: 'signed out in a tab of this browser' })
  })
})
