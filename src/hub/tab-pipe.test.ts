import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryBrowser, createPipe } from '../../test/browser.js'
import { KEY, SETTINGS } from '../../test/fake-hub.js'
import type { Elector } from '../election/elector.js'
import { findOwner } from '../link/find-owner.js'
import type { HubEnvironment, Locks } from '../platform/environment.js'
import { type Endpoint, listen } from '../wire/endpoint.js'
import { type Hello, PROTOCOL } from '../wire/protocol.js'
import { serveHub } from './serve.js'

// Whoever notices first that one end of a pipe is gone closes the other one.

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

const pass = (ms = 0) => vi.advanceTimersByTimeAsync(ms)

/** A hub server that leads as soon as it campaigns, its own tab at a port, and followers over channels. */
function setUp({ webLocks = true, locks }: { webLocks?: boolean; locks?: (real: Locks) => Locks } = {}) {
  const browser = createMemoryBrowser({ webLocks })
  const campaigns: { signal: AbortSignal; lost: AbortController }[] = []
  let isElected = true
  const campaign: Elector['campaign'] = (signal) => {
    const lost = new AbortController()
    campaigns.push({ signal, lost })
    return isElected ? Promise.resolve({ lost: lost.signal }) : new Promise(() => undefined)
  }
  const real: HubEnvironment = browser.tab().environment
  const environment = { ...real, ...(locks && real.locks && { locks: locks(real.locks) }) }
  const { transport } = browser
  const served = serveHub({
    environment,
    key: KEY,
    host: 'leader-tab',
    open: transport.open,
    elector: { campaign, steal: campaign },
  })
  let tabs = 0

  function tabAt(endpoint: Endpoint, environment: HubEnvironment, crash: () => void) {
    const id = `t${++tabs}`
    const lock = `${KEY}/tab/${id}`
    const life = new AbortController()
    void environment.locks?.request(lock, { signal: life.signal }, () => new Promise(() => undefined))
    const got: unknown[] = []
    listen(endpoint, (data) => void got.push(data))
    const attach = (change: Partial<Hello> = {}) => {
      const hello: Hello = { protocol: PROTOCOL, tab: id, check: 'c', events: [], since: { ageMs: 0 }, ...change }
      const value = { ...hello, ...(environment.locks && { lock }) }
      endpoint.postMessage({ id: 'x', type: 'APPLY', path: ['attach'], argumentList: [{ type: 'RAW', value }] })
    }
    return {
      attach,
      crash,
      got,
      answers: () => got.flatMap((data) => ('value' in (data as object) ? [(data as { value: unknown }).value] : [])),
      /** As a tab leaves: it says so, and closes its end. */
      leave() {
        endpoint.postMessage({ kind: 'detach' })
        endpoint.close()
      },
    }
  }

  return {
    transport,
    campaigns,
    /** It is elected no more. */
    loseElections(): void {
      isElected = false
    },
    /** The server's own tab. */
    ownTab() {
      const { port1, port2 } = createPipe()
      served.connect(port2)
      const { environment, crash } = browser.tab()
      return tabAt(port1, environment, crash)
    },
    async follower() {
      const { environment, crash } = browser.tab()
      const endpoint = await new Promise<Endpoint>((resolve) => {
        findOwner({ environment, key: KEY }, new AbortController().signal, resolve)
      })
      return tabAt(endpoint, environment, crash)
    },
    /** How many ends of pipes over channels are open. */
    ends: () => browser.channels.names().filter((name) => name.includes('/pipe/')).length,
  }
}

type Follower = Awaited<ReturnType<ReturnType<typeof setUp>['follower']>>

/** What a follower may do with its pipe; the owner has a hub, or none yet. */
const ENDS: readonly (readonly [what: string, hasHub: boolean, end: (follower: Follower) => Promise<void> | void])[] = [
  ['never attached', true, ({ crash }) => crash()],
  [
    'left while it attached, before there was a hub',
    false,
    (follower) => {
      follower.attach()
      follower.leave()
    },
  ],
  [
    'left while it attached',
    true,
    (follower) => {
      follower.attach()
      follower.leave()
    },
  ],
  [
    'left while it stood by',
    false,
    async (follower) => {
      follower.attach()
      await pass()
      expect(follower.answers()).toMatchObject([{ code: 'standby' }])
      follower.leave()
    },
  ],
  [
    'was refused, and crashed',
    true,
    async (follower) => {
      follower.attach({ check: 'another' })
      await pass()
      expect(follower.answers()).toMatchObject([{ code: 'wrong-hub' }])
      follower.crash()
    },
  ],
  [
    'left when it was attached',
    true,
    async (follower) => {
      follower.attach()
      await pass()
      expect(follower.answers()).toMatchObject([{ ok: true }])
      follower.leave()
    },
  ],
]

describe.each([true, false])('the pipe of a follower (Web Locks: %s)', (webLocks) => {
  it.each(ENDS)('that %s is closed', async (_, hasHub, end) => {
    const { ownTab, follower, ends, campaigns } = setUp({ webLocks })
    ownTab().attach(hasHub ? { settings: SETTINGS } : {})
    await pass()
    const tab = await follower()
    expect(ends()).toBe(2)
    await end(tab)
    // Less than a leadership without a hub lasts.
    await pass(hasHub ? 6_000 : 3_000)
    expect(campaigns[0]?.signal.aborted).toBe(false)
    expect(ends()).toBe(0)
  })

  it('that is gone when the owner has a hub is closed', async () => {
    const { ownTab, follower, ends } = setUp({ webLocks })
    const own = ownTab()
    own.attach()
    await pass()
    const tab = await follower()
    tab.attach()
    await pass()
    tab.crash()
    ownTab().attach({ settings: SETTINGS })
    await pass(6_000)
    expect(ends()).toBe(0)
  })

  it('that waits for its owner’s hub holds up no later campaign', async () => {
    const { ownTab, follower, campaigns, loseElections, ends } = setUp({ webLocks })
    const own = ownTab()
    own.attach()
    await pass()
    const tab = await follower()
    tab.attach()
    await pass()
    loseElections()
    campaigns[0]?.lost.abort()
    tab.crash()
    expect(ends()).toBe(0)
    own.attach()
    await pass(2_000)
    expect(campaigns.map(({ signal }) => signal.aborted)).toEqual([true, false])
    own.leave()
    await pass(100)
    expect(campaigns.map(({ signal }) => signal.aborted)).toEqual([true, true])
  })
})

describe('an attach over a channel', () => {
  it('makes no hub, whatever settings it brings: any script could say where credentials go', async () => {
    const { ownTab, follower, transport } = setUp()
    ownTab().attach()
    await pass()
    const script = await follower()
    script.attach({ settings: { ...SETTINGS, url: 'https://evil.example' } })
    await pass()
    expect(script.answers()).toMatchObject([{ ok: false, code: 'standby' }])
    expect(transport.opened).toEqual([])
  })
})

describe('a tab whose lock the browser refuses to watch', () => {
  it('is gone once it has been silent for long, and is told, should it be alive', async () => {
    const { ownTab, follower, ends } = setUp({
      locks: (real) => ({
        request: (name, ...rest) =>
          name.includes('/tab/')
            ? Promise.reject(new DOMException('no', 'SecurityError'))
            : real.request(name, ...rest),
      }),
    })
    ownTab().attach({ settings: SETTINGS })
    await pass()
    const tab = await follower()
    tab.attach()
    await pass()
    expect(ends()).toBe(2)
    await pass(300_000)
    expect(tab.got).toContainEqual(expect.objectContaining({ kind: 'closed' }))
    expect(ends()).toBe(1)
  })
})
