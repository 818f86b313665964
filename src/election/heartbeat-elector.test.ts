import { afterAll, describe, expect, it } from 'vitest'
import { createHostileElection } from '../../test/hostile-election.js'
import type { Throttle } from '../../test/hostile-tabs.js'

const PROMPT = { delay: 2, duplicates: 0, loss: 0 }
/** Time enough for the first election, and for every candidate to learn of it. */
const SETTLED = 5_000

const kindOf = (message: unknown) => (message as { election: string }).election

async function setUp(tabs: number, seed = 1) {
  const world = createHostileElection(seed, PROMPT)
  const { time, holders } = world
  for (let tab = 0; tab < tabs; tab++) world.join()
  await time.pass(SETTLED)
  return {
    ...world,
    holder() {
      const [holder, ...others] = holders()
      if (!holder || others.length > 0) throw new Error(`${holders().length} holders`)
      return holder
    },
    others: () => world.players.filter(({ alive, holding }) => alive && !holding),
    /** The kinds of messages that were sent since then. */
    sent: (since: number) => new Set(world.messages.slice(since).map(({ message }) => kindOf(message))),
  }
}

describe('takeover', () => {
  const worst = new Map<string, number>()
  afterAll(() => console.log('worst takeover, ms:', Object.fromEntries(worst)))

  /** The longest time without a holder in many elections, where every tab's timers are slowed like this. */
  async function longest(how: Throttle, end: 'crash' | 'close', trials: number): Promise<number> {
    let longest = 0
    for (let seed = 0; seed < trials; seed++) {
      const world = await setUp(2 + (seed % 9), seed)
      for (const { tab } of world.players) tab.throttle(how)
      await world.time.pass(70_000 + world.random() * 70_000)
      world.holder()[end]()
      const began = world.time.now()
      let took: number | undefined
      await world.time.pass(200_000, () => {
        if (world.holders().length > 0) took ??= world.time.now() - began
      })
      expect(world.holders()).toHaveLength(1)
      longest = Math.max(longest, took ?? Number.POSITIVE_INFINITY)
    }
    worst.set(`${how}, ${end}`, Math.round(longest))
    return longest
  }

  it.each<[how: string, Throttle, crash: number, close: number, trials: number]>([
    ['where tabs are visible', 'none', 2_600, 100, 40],
    ['where all tabs are hidden', 'second', 5_000, 2_100, 20],
    ['where all tabs are hidden for long', 'nested', 5_000, 2_100, 20],
    ['where every timer runs once a minute', 'minute', 190_000, 190_000, 20],
  ])('is as quick as promised %s', async (_how, throttle, crash, close, trials) => {
    expect(await longest(throttle, 'crash', trials)).toBeLessThan(crash)
    expect(await longest(throttle, 'close', trials)).toBeLessThan(close)
  })
})

describe('a newcomer', () => {
  it('is elected at once where nobody is', async () => {
    for (let seed = 0; seed < 50; seed++) {
      const { join, time } = createHostileElection(seed, PROMPT)
      const first = join()
      await time.pass(600)
      expect(first.holding).toBe(true)
    }
  })

  it('learns within a moment that there is a holder', async () => {
    const { join, time, messages } = await setUp(1)
    join()
    await time.pass(100)
    const before = messages.length
    await time.pass(800)
    expect(messages.length).toBe(before)
  })

  it('does not keep the leadership of a holder that was merely busy', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const { holder, join, time } = await setUp(3, seed)
      const busy = holder()
      busy.tab.freeze()
      join()
      await time.pass(1_500)
      busy.tab.thaw()
      await time.pass(60_000)
      expect(holder()).toBe(busy)
      expect(busy.elections).toBe(1)
    }
  })

  it('keeps the leadership of a holder that was silent for as long as candidates wait', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const { holder, join, time } = await setUp(1, seed)
      const hung = holder()
      hung.tab.freeze()
      const newcomer = join()
      await time.pass(5_000)
      hung.tab.thaw()
      await time.pass(60_000)
      expect(holder()).toBe(newcomer)
      expect(newcomer.elections).toBe(1)
    }
  })
})

describe('a holder whose timers are slowed', () => {
  it.each<Throttle>(['second', 'nested', 'minute'])(
    'keeps the leadership, because it answers claims (%s)',
    async (how) => {
      const { players, holder, time, most } = await setUp(5)
      const first = holder()
      first.tab.throttle(how)
      await time.pass(300_000)
      expect(holder()).toBe(first)
      expect(players.map(({ elections }) => elections).sort()).toEqual([0, 0, 0, 0, 1])
      expect(most()).toBe(1)
    },
  )

  it('keeps it also when nobody else is there', async () => {
    const { holder, time } = await setUp(1)
    const only = holder()
    only.tab.throttle('minute')
    await time.pass(300_000)
    expect(only).toMatchObject({ holding: true, elections: 1 })
  })
})

describe('a holder that was frozen', () => {
  it.each([1, 2, 3, 4, 5, 6])('finds out that it was replaced (chance %i)', async (seed) => {
    const { holder, time, holders } = await setUp(4, seed)
    const former = holder()
    former.tab.freeze()
    await time.pass(10_000)
    const successor = holders().find((player) => player !== former)
    expect(holders()).toHaveLength(2)
    former.tab.thaw()
    await time.pass(5)
    expect(holders()).toEqual([successor])
    await time.pass(60_000)
    expect(holder()).toBe(successor)
    expect(successor?.elections).toBe(1)
  })

  it('keeps the leadership when the whole machine was asleep', async () => {
    const { holder, players, time, most } = await setUp(4)
    const first = holder()
    for (const { tab } of players) tab.freeze()
    await time.pass(3_600_000)
    for (const { tab } of players) tab.thaw()
    await time.pass(60_000)
    expect(holder()).toBe(first)
    expect(most()).toBe(1)
  })

  it('loses the leadership even to a newcomer that never heard of it', async () => {
    const { holder, join, time, holders } = await setUp(1)
    const hung = holder()
    hung.tab.freeze()
    const newcomer = join()
    newcomer.steal()
    await time.pass(1_000)
    expect(newcomer.holding).toBe(true)
    hung.tab.thaw()
    await time.pass(5)
    expect(holders()).toEqual([newcomer])
    await time.pass(60_000)
    expect(newcomer.elections).toBe(1)
  })
})

describe('a holder whose leadership was stolen', () => {
  it('does not get it back by campaigning again at once', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const { holder, others, players, time, most } = await setUp(3, seed)
      const [challenger] = others()
      const former = holder()
      challenger?.steal()
      await time.pass(60_000)
      expect(holder()).toBe(challenger)
      expect(former.elections).toBe(1)
      expect(players.reduce((sum, { elections }) => sum + elections, 0)).toBe(2)
      expect(most()).toBe(1)
    }
  })
})

describe('a newcomer that steals', () => {
  it('outbids a holder whose term is ahead of its clock', async () => {
    const { holder, join, time } = await setUp(3)
    const former = holder()
    const newcomer = join()
    newcomer.tab.jump(-3_600_000)
    newcomer.steal()
    await time.pass(1_000)
    expect(holder()).toBe(newcomer)
    expect(former.holding).toBe(false)
  })
})

describe('a candidate', () => {
  it('does not take the leadership when it was frozen during its own claim', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const { holder, others, time, players, messages, holders } = await setUp(3, seed)
      holder().crash()
      // Until the first claim is sent.
      const before = messages.length
      while (messages.length === before) await time.pass(1)
      const claimant = messages.at(-1)?.from
      const frozen = others().find(({ tab }) => tab.name === claimant)
      frozen?.tab.freeze()
      await time.pass(10_000)
      expect(holders()).toHaveLength(1)
      frozen?.tab.thaw()
      await time.pass(60_000)
      expect(frozen?.elections).toBe(0)
      expect(players.filter(({ elections }) => elections > 0)).toHaveLength(2)
    }
  })

  it('waits while another one claims', async () => {
    let claims = 0
    for (let seed = 0; seed < 20; seed++) {
      const { holder, messages, time } = await setUp(10, seed)
      holder().crash()
      const before = messages.length
      await time.pass(3_000)
      claims += new Set(
        messages.slice(before).flatMap(({ from, message }) => (kindOf(message) === 'claim' ? [from] : [])),
      ).size
    }
    // Now and then two within the milliseconds that a message takes.
    expect(claims).toBeLessThan(25)
  })

  it('gives way to a holder that it learns of before its own claim is through', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const { join, change, time, most, holders } = createHostileElection(seed, { ...PROMPT, loss: 1 })
      join()
      await time.pass(100)
      join()
      await time.pass(100)
      change(PROMPT)
      await time.pass(3_000)
      expect(holders()).toHaveLength(1)
      expect(most()).toBe(1)
    }
  })

  it('sends nothing while a holder beats', async () => {
    const { messages, sent, time, holder } = await setUp(10)
    const before = messages.length
    await time.pass(60_000)
    expect(sent(before)).toEqual(new Set(['beat']))
    expect(messages.slice(before).every(({ from }) => from === holder().tab.name)).toBe(true)
    expect(messages.length - before).toBe(60 * 9)
  })

  it('leaves its claim to others when it is closed', async () => {
    const { holder, others, time, messages, holders } = await setUp(3)
    holder().crash()
    const before = messages.length
    while (messages.length === before) await time.pass(1)
    const claimant = messages.at(-1)?.from
    others()
      .find(({ tab }) => tab.name === claimant)
      ?.close()
    await time.pass(100)
    expect(holders()).toHaveLength(1)
  })

  it('ignores a resignation that a successor has overtaken', async () => {
    const { holder, tab, time, messages } = await setUp(3)
    holder().close()
    await time.pass(1_000)
    const resigned = messages.map(({ message }) => message).find((message) => kindOf(message) === 'resign')
    const before = messages.length
    tab().environment.openChannel('hub').postMessage(resigned)
    await time.pass(500)
    expect(messages.slice(before).map(({ message }) => kindOf(message))).not.toContain('claim')
  })

  it('ignores other messages on the channel', async () => {
    const { join, tab, time, holder } = await setUp(3)
    const first = holder()
    const stranger = tab().environment.openChannel('hub')
    for (const message of [
      undefined,
      null,
      'beat',
      7,
      {},
      { election: 'beat' },
      { election: 'beat', term: Number.NaN, candidate: 'x' },
      { election: 'steal', term: '99999999999999', candidate: 'x' },
      { election: 'steal', term: 1e300, candidate: 'x' },
      { election: 'steal', term: Number.MAX_SAFE_INTEGER, candidate: 7 },
      { election: 'coup', term: Number.MAX_SAFE_INTEGER, candidate: 'x' },
    ]) {
      stranger.postMessage(message)
    }
    await time.pass(SETTLED)
    expect(holder()).toBe(first)
    join().steal()
    await time.pass(SETTLED)
    expect(holder()).not.toBe(first)
  })
})
