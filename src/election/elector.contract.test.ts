import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryBrowser } from '../../test/browser.js'
import type { HubEnvironment } from '../platform/environment.js'
import type { Elector, Leadership } from './elector.js'
import { createHeartbeatElector } from './heartbeat-elector.js'
import { createLockElector } from './lock-elector.js'

const NAME = 'partyline/v1/app/test/hub'
/** A clean end is answered within this (ms). */
const AT_ONCE = 100
/** A silent death, and the first election, within this. */
const SOON = 3_000

const ELECTORS: readonly { kind: string; create: (environment: HubEnvironment, name: string) => Elector }[] = [
  {
    kind: 'Web Locks',
    create({ locks }, name) {
      if (!locks) throw new Error('no Web Locks')
      return createLockElector(locks, name)
    },
  },
  {
    kind: 'heartbeats',
    create({ openChannel, ...powers }, name) {
      if (!openChannel) throw new Error('no channels')
      return createHeartbeatElector({ ...powers, openChannel }, name)
    },
  },
]

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

describe.each(ELECTORS)('the elector by $kind', ({ create }) => {
  function setUp() {
    // Messages take time, so that candidates that answer each other for ever fail the test instead of hanging it.
    const browser = createMemoryBrowser({ route: (deliver) => void setTimeout(deliver, 1) })
    const all: Candidate[] = []
    let most = 0

    function follow(elect: (signal: AbortSignal) => Promise<Leadership>, crash: () => void): Candidate {
      const life = new AbortController()
      const candidate: Candidate = {
        state: 'waiting',
        reason: undefined,
        signal: life.signal,
        end: (reason) => life.abort(reason),
        crash() {
          candidate.state = 'crashed'
          crash()
        },
      }
      all.push(candidate)
      life.signal.addEventListener('abort', () => {
        if (candidate.state === 'holding') candidate.state = 'ended'
      })
      elect(life.signal).then(
        ({ lost }) => {
          // It may have been taken again by now.
          candidate.state = lost.aborted ? 'lost' : 'holding'
          most = Math.max(most, holders().length)
          lost.addEventListener('abort', () => {
            candidate.state = 'lost'
          })
        },
        (reason: unknown) => {
          candidate.state = 'rejected'
          candidate.reason = reason
        },
      )
      return candidate
    }
    const holders = () => all.filter(({ state }) => state === 'holding')

    function tab(name = NAME) {
      const { environment, crash } = browser.tab()
      const elector = create(environment, name)
      return {
        campaign: () => follow(elector.campaign, crash),
        steal: () => follow(elector.steal, crash),
      }
    }
    return {
      browser,
      holders,
      tab,
      holder(): Candidate {
        const [holder, ...others] = holders()
        if (!holder || others.length > 0) throw new Error(`${holders().length} holders`)
        return holder
      },
      pass: (ms: number) => vi.advanceTimersByTimeAsync(ms),
      /** The largest number of holders at the same moment. */
      most: () => most,
      /** What is left of all candidates: locks, channels, timers, and listeners on the signals except our own. */
      left: () => [
        ...browser.locks.names(),
        ...browser.channels.names(),
        ...Array.from({ length: vi.getTimerCount() }, () => 'a timer'),
        ...all.flatMap(({ signal }) => getEventListeners(signal, 'abort').slice(1)),
      ],
    }
  }

  it('elects the only candidate', async () => {
    const { tab, pass } = setUp()
    const only = tab().campaign()
    await pass(SOON)
    expect(only.state).toBe('holding')
  })

  it('elects one of ten, and keeps it', async () => {
    const { tab, pass, holder, most } = setUp()
    const candidates = Array.from({ length: 10 }, () => tab().campaign())
    await pass(SOON)
    const elected = holder()
    await pass(60_000)
    expect(holder()).toBe(elected)
    expect(candidates.filter(({ state }) => state === 'waiting')).toHaveLength(9)
    expect(most()).toBe(1)
  })

  it('keeps the holder when others come', async () => {
    const { tab, pass, holder } = setUp()
    const first = tab().campaign()
    await pass(SOON)
    for (let tabs = 0; tabs < 5; tabs++) {
      tab().campaign()
      await pass(777)
    }
    await pass(SOON)
    expect(holder()).toBe(first)
  })

  it('goes to the next in the queue at once when the holder ends', async () => {
    const { tab, pass, holder, holders, left, most } = setUp()
    const candidates = Array.from({ length: 10 }, () => tab().campaign())
    await pass(SOON)
    for (let rest = 10; rest > 0; rest--) {
      holder().end()
      await pass(AT_ONCE)
      expect(holders()).toHaveLength(rest > 1 ? 1 : 0)
    }
    expect(candidates.every(({ state }) => state === 'ended')).toBe(true)
    expect(most()).toBe(1)
    expect(left()).toEqual([])
  })

  it('goes to the next in the queue when the holder crashes', async () => {
    const { tab, pass, holder, most } = setUp()
    for (let tabs = 0; tabs < 10; tabs++) tab().campaign()
    await pass(SOON)
    for (let crashes = 0; crashes < 9; crashes++) {
      const before = holder()
      before.crash()
      await pass(SOON)
      expect(holder()).not.toBe(before)
      await pass(crashes * 111)
    }
    expect(most()).toBe(1)
  })

  it('survives the crash of some in the queue', async () => {
    const { tab, pass, holder } = setUp()
    const candidates = Array.from({ length: 5 }, () => tab().campaign())
    await pass(SOON)
    for (const candidate of candidates.slice(1, 4)) candidate.crash()
    const first = holder()
    first.end()
    await pass(SOON)
    expect(holder()).not.toBe(first)
  })

  it('rejects with the reason of a signal that aborts before the election, and leaves nothing', async () => {
    const { tab, pass, left } = setUp()
    const holder = tab().campaign()
    await pass(SOON)
    const candidate = tab().campaign()
    await pass(1_234)
    candidate.end('the tab was closed')
    await pass(0)
    expect(candidate).toMatchObject({ state: 'rejected', reason: 'the tab was closed' })
    expect(holder.state).toBe('holding')
    holder.end()
    await pass(0)
    expect(left()).toEqual([])
  })

  it('does nothing at all with a signal that has aborted already', async () => {
    const { browser, tab, pass, left } = setUp()
    const holder = tab().campaign()
    await pass(SOON)
    const elector = create(browser.tab().environment, NAME)
    const before = left().length
    await expect(elector.campaign(AbortSignal.abort('over'))).rejects.toBe('over')
    await expect(elector.steal(AbortSignal.abort('over'))).rejects.toBe('over')
    await pass(SOON)
    expect(holder.state).toBe('holding')
    expect(left()).toHaveLength(before)
  })

  it('can be cancelled in the very moment of a steal', async () => {
    const { tab, pass, holders } = setUp()
    tab().campaign()
    await pass(SOON)
    const challenger = tab().steal()
    challenger.end('never mind')
    tab().campaign()
    await pass(2 * SOON)
    expect(challenger).toMatchObject({ state: 'rejected', reason: 'never mind' })
    expect(holders()).toHaveLength(1)
  })

  it('moves the leadership to the candidate that steals, and the former holder learns it', async () => {
    const { tab, pass, left, most } = setUp()
    const former = tab().campaign()
    await pass(SOON)
    const challenger = tab().steal()
    await pass(SOON)
    expect(former.state).toBe('lost')
    expect(challenger.state).toBe('holding')
    expect(most()).toBe(1)
    await pass(60_000)
    expect(challenger.state).toBe('holding')
    // A lost leadership needs no end to be cleaned up.
    challenger.end()
    await pass(0)
    expect(left()).toEqual([])
  })

  it('lets a steal go before those in the queue, and they stay in the queue', async () => {
    const { tab, pass, holder } = setUp()
    for (let tabs = 0; tabs < 10; tabs++) tab().campaign()
    await pass(SOON)
    const former = holder()
    const challenger = tab().steal()
    await pass(SOON)
    expect(holder()).toBe(challenger)
    challenger.end()
    await pass(AT_ONCE)
    expect(holder()).not.toBe(former)
  })

  it('takes a free leadership by a steal', async () => {
    const { tab, pass } = setUp()
    const challenger = tab().steal()
    await pass(SOON)
    expect(challenger.state).toBe('holding')
  })

  it('steals with an elector that is in the queue as well', async () => {
    const { tab, pass, holder } = setUp()
    tab().campaign()
    await pass(SOON)
    const visible = tab()
    const queued = visible.campaign()
    await pass(100)
    const challenger = visible.steal()
    await pass(SOON)
    expect(holder()).toBe(challenger)
    expect(queued.state).toBe('waiting')
    challenger.end()
    await pass(AT_ONCE)
    expect(holder()).toBe(queued)
  })

  it('has one holder after ten steals at once', async () => {
    const { tab, pass, holder, most } = setUp()
    tab().campaign()
    await pass(SOON)
    for (let tabs = 0; tabs < 10; tabs++) tab().steal()
    await pass(SOON)
    const elected = holder()
    await pass(60_000)
    expect(holder()).toBe(elected)
    expect(most()).toBe(1)
  })

  it('takes the former holder back into the queue', async () => {
    const { tab, pass, holder } = setUp()
    const first = tab()
    const former = first.campaign()
    await pass(SOON)
    const challenger = tab().steal()
    await pass(SOON)
    expect(former.state).toBe('lost')
    const again = first.campaign()
    await pass(SOON)
    expect(holder()).toBe(challenger)
    challenger.end()
    await pass(AT_ONCE)
    expect(holder()).toBe(again)
  })

  it('never reports a loss to a holder that gave up the leadership', async () => {
    const { tab, pass } = setUp()
    const first = tab().campaign()
    await pass(SOON)
    first.end()
    tab().steal()
    await pass(SOON)
    expect(first.state).toBe('ended')
  })

  it('keeps leaderships of different names apart', async () => {
    const { tab, pass, holders } = setUp()
    tab('one').campaign()
    tab('two').campaign()
    await pass(SOON)
    tab('two').steal()
    await pass(SOON)
    expect(holders()).toHaveLength(2)
  })
})

interface Candidate {
  state: 'waiting' | 'holding' | 'lost' | 'ended' | 'rejected' | 'crashed'
  reason: unknown
  readonly signal: AbortSignal
  end(reason?: unknown): void
  crash(): void
}
