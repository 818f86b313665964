import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createElector } from '../election/create-elector.js'
import type { Endpoint } from '../endpoint.js'
import { serveHub } from '../hub/serve.js'
import { createFakeBrowser } from '../testing/fake-browser.js'
import { SETTINGS } from '../testing/fake-hub.js'
import { createFakeTransport } from '../testing/fake-transport.js'
import { followRung } from './follow-link.js'
import { type LoadHub, leaderTabRung } from './leader-link.js'
import { createLink } from './link.js'
import type { LinkState } from './link-options.js'
import { thisTabRung } from './this-tab-link.js'

const KEY = 'partyline/v1/app/test'

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms)

/** Tabs without a SharedWorker, whose hub's chunk may fail to load. */
function setUp() {
  const browser = createFakeBrowser()
  const transport = createFakeTransport()
  const errors: string[] = []

  /** `busy`: for so long (ms) its hub does not get to answering. */
  function open(failures: number, busy = 0) {
    const { environment, page, crash } = browser.tab()
    let left = failures
    let loads = 0
    const load =
      (host: 'leader-tab' | 'this-tab'): LoadHub =>
      async (elector) => {
        loads++
        if (left-- > 0) throw new TypeError('Failed to fetch dynamically imported module')
        const served = serveHub({ environment, key: KEY, host, open: transport.open, elector })
        const late = (endpoint: Endpoint): Endpoint => ({
          ...endpoint,
          postMessage: (message) => void setTimeout(() => endpoint.postMessage(message), busy),
        })
        return busy > 0 ? { ...served, connect: (endpoint) => served.connect(late(endpoint)) } : served
      }
    const states: LinkState[] = []
    createLink({
      environment,
      key: KEY,
      tab: environment.id(),
      settings: SETTINGS,
      rungs: [
        leaderTabRung(environment, KEY, createElector(environment, KEY), load('leader-tab')),
        thisTabRung(environment, KEY, new Map(), load('this-tab')),
      ],
      follow: followRung(environment, KEY),
      events: () => ['a'],
      topics: () => [],
      onTopics: () => undefined,
      auth: async () => ({ ok: true, auth: {} }),
      report: (code) => errors.push(code),
      onState: (state) => states.push(state),
      onEvents: () => undefined,
      onGap: () => undefined,
      onVouched: () => undefined,
      onLate: () => undefined,
    })
    return { page, crash, state: () => states.at(-1), loads: () => loads }
  }
  return { open, transport, errors }
}

it('a hub chunk that can not be loaded for a moment is loaded again, and nobody gets a socket of its own', async () => {
  const { open, transport, errors } = setUp()
  const first = open(1)
  await settle(1_000)
  expect(first.state()).toMatchObject({ phase: 'attached', host: 'leader-tab', role: 'leader', steps: [] })
  expect(errors).toEqual([])
  const second = open(0)
  await settle(1_000)
  expect(second.state()).toMatchObject({ role: 'follower' })
  expect(transport.live()).toBe(1)
})

it('one that can not be loaded for long is told of, tried again after rests, and the office is free meanwhile', async () => {
  const { open, transport, errors } = setUp()
  const ill = open(13)
  await settle(200)
  expect(ill.loads()).toBe(4)
  expect(ill.state()).toMatchObject({ phase: 'seeking', reason: expect.stringContaining('could not be loaded') })
  expect(errors).toEqual(['host-failed'])
  const well = open(0)
  await settle(1_000)
  expect(well.state()).toMatchObject({ role: 'leader' })
  await settle(60_000)
  expect(ill.state()).toMatchObject({ phase: 'attached', role: 'follower', steps: [] })
  expect(transport.live()).toBe(1)
  // And when it is alone it gets there in the end.
  well.crash()
  for (const connection of transport.opened) connection.closed = true
  await settle(120_000)
  expect(ill.state()).toMatchObject({ phase: 'attached', role: 'leader', steps: [] })
  expect(transport.live()).toBe(1)
})

it('a hub in this very tab is waited for: nothing but this tab itself can keep it from answering', async () => {
  const { open, transport, errors } = setUp()
  const busy = open(0, 60_000)
  await settle(59_000)
  expect(busy.state()?.phase).not.toBe('attached')
  await settle(2_000)
  expect(busy.state()).toMatchObject({ phase: 'attached', role: 'leader', steps: [] })
  expect([busy.loads(), errors, transport.live()]).toEqual([1, [], 1])
})
