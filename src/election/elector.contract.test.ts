import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createFakeBrowser } from '../../test/fake-browser.js'
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
    // Messages take their time, so that who answers for ever fails the test instead of hanging it.
    const browser = createFakeBrowser({ route: (deliver) => void setTimeout(deliver, 1) })
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
        stand: () => follow(elector.campaign, crash),
        depose: () => follow(elector.steal, crash),
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
      /** How many held the office at the same moment, at most. */
      most: () => most,
      /** What is left of everybody: locks, channels, timers, and listeners on the signals but our own. */
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
    const only = tab().stand()
    await pass(SOON)
    expect(only.state).toBe('holding')
  })

  it('elects one of ten, and keeps it', async () => {
    const { tab, pass, holder, most } = setUp()
    const candidates = Array.from({ length: 10 }, () => tab().stand())
    await pass(SOON)
    const elected = holder()
    await pass(60_000)
    expect(holder()).toBe(elected)
    expect(candidates.filter(({ state }) => state === 'waiting')).toHaveLength(9)
    expect(most()).toBe(1)
  })

  it('keeps the holder when others come', async () => {
    const { tab, pass, holder } = setUp()
    const first = tab().stand()
    await pass(SOON)
    for (let tabs = 0; tabs < 5; tabs++) {
      tab().stand()
      await pass(777)
    }
    await pass(SOON)
    expect(holder()).toBe(first)
  })

  it('goes to the next in line at once when the holder ends', async () => {
    const { tab, pass, holder, holders, left, most } = setUp()
    const candidates = Array.from({ length: 10 }, () => tab().stand())
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

  it('goes to the next in line when the holder crashes', async () => {
    const { tab, pass, holder, most } = setUp()
    for (let tabs = 0; tabs < 10; tabs++) tab().stand()
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

  it('survives the crash of some in line', async () => {
    const { tab, pass, holder } = setUp()
    const candidates = Array.from({ length: 5 }, () => tab().stand())
    await pass(SOON)
    for (const candidate of candidates.slice(1, 4)) candidate.crash()
    const first = holder()
    first.end()
    await pass(SOON)
    expect(holder()).not.toBe(first)
  })

  it('rejects with the reason of a signal that aborts before the election, and leaves nothing', async () => {
    const { tab, pass, left } = setUp()
    const holder = tab().stand()
    await pass(SOON)
    const candidate = tab().stand()
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
    const holder = tab().stand()
    await pass(SOON)
    const elector = create(browser.tab().environment, NAME)
    const before = left().length
    await expect(elector.campaign(AbortSignal.abort('over'))).rejects.toBe('over')
    await expect(elector.steal(AbortSignal.abort('over'))).rejects.toBe('over')
    await pass(SOON)
    expect(holder.state).toBe('holding')
    expect(left()).toHaveLength(before)
  })

  it('can be called off in the very moment of deposing', async () => {
    const { tab, pass, holders } = setUp()
    tab().stand()
    await pass(SOON)
    const deposer = tab().depose()
    deposer.end('never mind')
    tab().stand()
    await pass(2 * SOON)
    expect(deposer).toMatchObject({ state: 'rejected', reason: 'never mind' })
    expect(holders()).toHaveLength(1)
  })

  it('moves the office to who deposes, and the former learns it', async () => {
    const { tab, pass, left, most } = setUp()
    const former = tab().stand()
    await pass(SOON)
    const deposer = tab().depose()
    await pass(SOON)
    expect(former.state).toBe('lost')
    expect(deposer.state).toBe('holding')
    expect(most()).toBe(1)
    await pass(60_000)
    expect(deposer.state).toBe('holding')
    // What was lost needs no end to be cleaned up.
    deposer.end()
    await pass(0)
    expect(left()).toEqual([])
  })

  it('moves the office before those in line, and they stay in line', async () => {
    const { tab, pass, holder } = setUp()
    for (let tabs = 0; tabs < 10; tabs++) tab().stand()
    await pass(SOON)
    const former = holder()
    const deposer = tab().depose()
    await pass(SOON)
    expect(holder()).toBe(deposer)
    deposer.end()
    await pass(AT_ONCE)
    expect(holder()).not.toBe(former)
  })

  it('takes an empty office by deposing', async () => {
    const { tab, pass } = setUp()
    const deposer = tab().depose()
    await pass(SOON)
    expect(deposer.state).toBe('holding')
  })

  it('deposes with an elector that stands in line as well', async () => {
    const { tab, pass, holder } = setUp()
    tab().stand()
    await pass(SOON)
    const visible = tab()
    const inLine = visible.stand()
    await pass(100)
    const deposer = visible.depose()
    await pass(SOON)
    expect(holder()).toBe(deposer)
    expect(inLine.state).toBe('waiting')
    deposer.end()
    await pass(AT_ONCE)
    expect(holder()).toBe(inLine)
  })

  it('has one holder after ten deposed at once', async () => {
    const { tab, pass, holder, most } = setUp()
    tab().stand()
    await pass(SOON)
    for (let tabs = 0; tabs < 10; tabs++) tab().depose()
    await pass(SOON)
    const elected = holder()
    await pass(60_000)
    expect(holder()).toBe(elected)
    expect(most()).toBe(1)
  })

  it('takes the former holder back in line', async () => {
    const { tab, pass, holder } = setUp()
    const first = tab()
    const former = first.stand()
    await pass(SOON)
    const deposer = tab().depose()
    await pass(SOON)
    expect(former.state).toBe('lost')
    const again = first.stand()
    await pass(SOON)
    expect(holder()).toBe(deposer)
    deposer.end()
    await pass(AT_ONCE)
    expect(holder()).toBe(again)
  })

  it('never says that an office was lost which its holder laid down', async () => {
    const { tab, pass } = setUp()
    const first = tab().stand()
    await pass(SOON)
    first.end()
    tab().depose()
    await pass(SOON)
    expect(first.state).toBe('ended')
  })

  it('keeps offices of different names apart', async () => {
    const { tab, pass, holders } = setUp()
    tab('one').stand()
    tab('two').stand()
    await pass(SOON)
    tab('two').depose()
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
