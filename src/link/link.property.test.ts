import { expose } from 'comlink'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createMemoryBrowser, createPipe, NO_SIGN_OUTS } from '../../test/browser.js'
import { SETTINGS } from '../../test/fake-hub.js'
import type { PageMoment } from '../platform/page.js'
import type { Endpoint } from '../wire/endpoint.js'
import type { HubMessage, Welcome } from '../wire/protocol.js'
import type { Host } from '../wire/status.js'
import { createLink } from './link.js'
import type { LinkState } from './link-options.js'
import { NotSupportedError, type Rung } from './rungs.js'

// Every state of a link has a way out: whatever happens, a tab is attached soon after all else is well again.

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

/** How long a rung whose code stalls takes to give up. */
const STALL_MS = 60_000
/** The longest rest, a handshake's limit for both ports, and the stall of a rung. */
const SOON_MS = 60_000 + STALL_MS + 20_000

/** What a rung does with the next attempt; `silent`: its hub answers nothing. */
type Mood = 'well' | 'fails' | 'unsupported' | 'stalls' | 'throws' | 'silent' | 'standby' | 'wrong-hub' | 'dies'
type Act =
  | { readonly kind: 'mood'; readonly rung: number; readonly mood: Mood }
  | { readonly kind: 'hub'; readonly how: 'closed' | 'promoted' | 'mute' | 'fails' | 'unlocks' }
  | { readonly kind: 'page'; readonly moment: PageMoment }
  | { readonly kind: 'retry' }
  | { readonly kind: 'pass'; readonly ms: number }

const mood = fc.constantFrom<Mood>(
  ...(['well', 'fails', 'unsupported', 'stalls', 'throws', 'silent', 'standby', 'wrong-hub', 'dies'] as const),
)
const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ kind: fc.constant('mood' as const), rung: fc.nat(2), mood }),
  fc.record({
    kind: fc.constant('hub' as const),
    how: fc.constantFrom('closed' as const, 'promoted' as const, 'mute' as const, 'fails' as const, 'unlocks' as const),
  }),
  fc.record({
    kind: fc.constant('page' as const),
    moment: fc.constantFrom<PageMoment>('away', 'back', 'visible', 'online'),
  }),
  fc.constant<Act>({ kind: 'retry' }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(1, 50, 900, 3_000, 16_000, 70_000) }),
)

const HOSTS: readonly Host[] = ['shared-worker', 'leader-tab', 'this-tab']

function setUp(webLocks: boolean) {
  const browser = createMemoryBrowser({ webLocks })
  const { environment, page } = browser.tab()
  const moods: Mood[] = ['well', 'well', 'well']
  let lives = 0
  /** The hub that was asked last. */
  let last: { post(message: HubMessage): void; mute(): void; fail(): void; unlock(): void } | undefined

  function startHub(host: Host, mood: Mood, fail: (reason: string) => void): Endpoint {
    const { port1, port2 } = createPipe()
    const life = new AbortController()
    const epoch = `epoch-${++lives}`
    const lock = `hub/${epoch}`
    let isMute = mood === 'silent'
    const answer = <T>(value: T): T | Promise<never> => (isMute ? new Promise<never>(() => undefined) : value)
    void environment.locks?.request(
      lock,
      { signal: new AbortController().signal },
      () => new Promise((resolve) => life.signal.addEventListener('abort', () => resolve())),
    )
    const welcome: Welcome =
      mood === 'standby' || mood === 'wrong-hub'
        ? { ok: false, code: mood, message: mood }
        : {
            ok: true,
            host,
            epoch,
            seq: 0,
            socket: { name: 'connected' },
            tabs: 1,
            ...(environment.locks && { lock }),
          }
    const calls = {
      attach: () => answer(welcome),
      ping: () => answer(true),
      subscribe: () => answer(null),
      nudge: () => answer(null),
    }
    expose(calls, port2 as Parameters<typeof expose>[1])
    const post = (message: HubMessage) => port2.postMessage(message)
    last = {
      post,
      mute() {
        isMute = true
      },
      fail: () => fail('the worker failed'),
      unlock: () => life.abort(),
    }
    if (mood === 'dies') setTimeout(() => post({ kind: 'closed', reason: 'it died' }), 5)
    // Another tab's hub is over a channel. A tab's own hub is in its thread, and can't be silent while the tab is not.
    return host === 'leader-tab' ? { ...port1, shared: true } : port1
  }

  const rungs = HOSTS.map(
    (host, index): Rung => ({
      host,
      tries: host === 'shared-worker' ? 2 : 1,
      open({ fail }) {
        const asked = moods[index] ?? 'well'
        const mood = asked === 'silent' && host === 'this-tab' ? 'stalls' : asked
        if (mood === 'throws') throw new DOMException('refused', 'SecurityError')
        if (mood === 'unsupported') return Promise.reject(new NotSupportedError('there is none'))
        if (mood === 'fails') return Promise.reject(new Error('it failed'))
        if (mood === 'stalls')
          return new Promise((_, reject) => setTimeout(() => reject(new Error('it stalled')), STALL_MS))
        return Promise.resolve(startHub(host, mood, fail))
      },
    }),
  )
  let state: LinkState | undefined
  const link = createLink({
    environment,
    key: 'key',
    check: 'c',
    tab: 't',
    settings: SETTINGS,
    signOuts: NO_SIGN_OUTS,
    rungs,
    follow: { host: 'leader-tab', open: () => Promise.reject(new Error('nobody answers')) },
    events: () => ['a'],
    topics: () => [],
    oneTab: () => ({ names: [], hiddenForMs: 0 }),
    onTopics: () => undefined,
    auth: async () => ({ ok: true, auth: {} }),
    report: () => undefined,
    onState: (next) => {
      state = next
    },
    onEvents: () => undefined,
    onGap: () => undefined,
    onVouched: () => undefined,
  })

  return {
    link,
    state: () => state,
    async act(what: Act): Promise<void> {
      if (what.kind === 'mood') moods[what.rung] = what.mood
      else if (what.kind === 'page') page.fire(what.moment)
      else if (what.kind === 'retry') link.retry('retry')
      else if (what.kind === 'pass') await vi.advanceTimersByTimeAsync(what.ms)
      else if (what.how === 'closed') last?.post({ kind: 'closed', reason: 'it ends' })
      else if (what.how === 'promoted') last?.post({ kind: 'promoted' })
      else if (what.how === 'mute') last?.mute()
      else if (what.how === 'unlocks') last?.unlock()
      else last?.fail()
      await vi.advanceTimersByTimeAsync(0)
    },
    /** All is well again, and the page is there. */
    recover(): void {
      moods.fill('well')
      page.fire('back')
    },
  }
}

it('comes back from any sequence of failures, losses, parks and backs', async () => {
  const sequences = fc.array(act, { minLength: 1, maxLength: 14, size: 'max' })
  const property = fc.asyncProperty(fc.boolean(), sequences, async (webLocks, acts) => {
    const { link, state, act: perform, recover } = setUp(webLocks)
    for (const what of acts) await perform(what)
    recover()
    await vi.advanceTimersByTimeAsync(SOON_MS)
    expect(state()?.phase).toBe('attached')
    link.close(false)
    await vi.advanceTimersByTimeAsync(STALL_MS)
    expect(vi.getTimerCount()).toBe(0)
  })
  await fc.assert(property, { numRuns: 300 })
}, 120_000)

it('never tries in a tight loop, whatever its rungs do', async () => {
  for (const mood of ['fails', 'throws', 'unsupported', 'standby', 'wrong-hub', 'dies'] as const) {
    const { link, act: perform } = setUp(true)
    let attempts = 0
    const { setTimeout: after } = globalThis
    vi.stubGlobal('setTimeout', ((run: () => void, ms: number) =>
      after(() => {
        attempts++
        run()
      }, ms)) as typeof setTimeout)
    for (let rung = 0; rung < 3; rung++) await perform({ kind: 'mood', rung, mood })
    await perform({ kind: 'hub', how: 'closed' })
    await vi.advanceTimersByTimeAsync(600_000)
    vi.unstubAllGlobals()
    link.close(false)
    expect([mood, attempts < 2_000]).toEqual([mood, true])
  }
})
