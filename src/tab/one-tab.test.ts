import { QueryClient } from '@tanstack/react-query'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { createTestBrowser, type TestBrowserOptions, type TestTab } from '../testing/test-browser.js'
import type { Line } from './line.js'

// Handlers `in: 'one-tab'` and `in: 'visible'`, in a simulated browser.

const HOSTS: Record<string, TestBrowserOptions> = {
  'a worker': {},
  'a leader tab': { sharedWorker: false },
  'a worker, without Web Locks': { webLocks: false },
  'a leader tab, without Web Locks': { sharedWorker: false, webLocks: false },
}
/** A tab that has been a candidate since so long before an event, and is one for so long after it, has it run somewhere. */
const SETTLED_MS = 1_500

interface Events {
  paid: { n: number }
}

type Heard = { readonly tab: number; readonly n: number }

function openBrowser(options: TestBrowserOptions) {
  const browser = createTestBrowser({ ...options, latency: 5 })
  /** What ran in one tab, of `paid` and of `*`; in visible tabs; in every tab. */
  const heard = { one: [] as Heard[], star: [] as Heard[], visible: [] as Heard[], every: [] as Heard[] }
  const tabs: { tab: TestTab; line: Line<Events>; stop: (() => void) | undefined; index: number; since: number }[] = []
  let sent = 0

  return {
    browser,
    heard,
    tabs,
    open(handles = true) {
      const tab = browser.openTab()
      const line = tab.createPartyline<Events>({ invalidates: { paid: ['paid'] } } as never) as Line<Events>
      const own = { tab, line, stop: undefined as (() => void) | undefined, index: tabs.length, since: browser.now() }
      line.on('paid', ({ n }) => heard.every.push({ tab: own.index, n }))
      line.on('paid', ({ n }) => heard.visible.push({ tab: own.index, n }), { in: 'visible' })
      line.mount({ queryClient: new QueryClient(), identity: 'ann' })
      tabs.push(own)
      if (handles) this.handle(own)
      return own
    },
    handle(own: (typeof tabs)[number]) {
      own.since = browser.now()
      const stops = [
        own.line.on('paid', ({ n }) => heard.one.push({ tab: own.index, n }), { in: 'one-tab' }),
        own.line.on('*', ({ metadata }) => heard.star.push({ tab: own.index, n: Number(metadata['n']) }), {
          in: 'one-tab',
        }),
      ]
      own.stop = () => {
        for (const stop of stops) stop()
        own.stop = undefined
      }
    },
    emit(): number {
      browser.server.emit('ann', 'paid', { n: ++sent })
      return sent
    },
  }
}

for (const [host, options] of Object.entries(HOSTS)) {
  it(`runs in the visible tab, else in the one that was visible last, with ${host}`, async () => {
    const { browser, heard, tabs, open, emit, ...rest } = openBrowser(options)
    const world = { browser, heard, tabs, open, emit, ...rest }
    const [one, two, three] = [world.open(), world.open(), world.open(false)] as const
    await browser.settle()
    const ranIn = async () => {
      heard.one.length = 0
      world.emit()
      await browser.pass(500)
      expect(heard.star).toEqual(heard.one)
      heard.star.length = 0
      return heard.one.map(({ tab }) => tab)
    }
    three.tab.hide()
    two.tab.hide()
    await browser.pass(100)
    expect(await ranIn()).toEqual([0])
    one.tab.hide()
    await browser.pass(100)
    expect(await ranIn()).toEqual([0])
    // One without a handler is not chosen, however visible.
    three.tab.show()
    await browser.pass(100)
    expect(await ranIn()).toEqual([0])
    two.tab.show()
    await browser.pass(100)
    expect(await ranIn()).toEqual([1])
    two.tab.close()
    await browser.pass(options.webLocks === false ? 200_000 : 5_000)
    expect(await ranIn()).toEqual([0])
    one.stop?.()
    await browser.pass(100)
    expect(await ranIn()).toEqual([])
    world.handle(three)
    await browser.pass(100)
    expect(await ranIn()).toEqual([2])
  })
}

it('passes over a visible tab that hangs, and one that crashed where no lock tells so', async () => {
  for (const options of [{}, { webLocks: false }]) {
    const world = openBrowser(options)
    const { browser, heard } = world
    const [one, two] = [world.open(), world.open()] as const
    await browser.settle()
    one.tab.hide()
    one.tab.show()
    await browser.pass(100)
    if (options.webLocks === false) one.tab.crash()
    else one.tab.hang()
    await browser.pass(20_000)
    world.emit()
    await browser.pass(1_000)
    expect(heard.one).toEqual([{ tab: 1, n: 1 }])
    expect(two.line.status.tabs).toBe(2)
  }
})

it('hands on what a tab leaves undone, and runs nothing twice when that tab is back', async () => {
  const world = openBrowser({})
  const [one, two] = [world.open(), world.open()] as const
  const { browser, heard } = world
  await browser.settle()
  two.tab.hide()
  await browser.pass(100)
  // On its way to a page that goes into the back/forward cache.
  world.emit()
  await browser.pass(1)
  one.tab.leave()
  await browser.pass(2_000)
  expect(heard.one.map(({ n }) => n)).toEqual([1])
  world.emit()
  await browser.pass(1_000)
  one.tab.return()
  await browser.pass(2_000)
  expect(heard.one.map(({ n }) => n)).toEqual([1, 2])
  expect(heard.star).toHaveLength(2)
  expect(heard.every.filter(({ tab }) => tab === 0).map(({ n }) => n)).toEqual([1, 2])
  expect(heard.every.filter(({ tab }) => tab === 1).map(({ n }) => n)).toEqual([1, 2])
})

it('keeps an event for the first tab that is back, where all were away', async () => {
  const world = openBrowser({})
  const { browser, heard } = world
  const [one, two, plain] = [world.open(), world.open(), world.open(false)] as const
  await browser.settle()
  one.tab.freeze()
  two.tab.freeze()
  await browser.pass(500)
  world.emit()
  await browser.pass(500)
  expect(heard.one).toEqual([])
  two.tab.show()
  await browser.pass(1_000)
  one.tab.show()
  await browser.pass(1_000)
  expect(heard.one).toEqual([{ tab: 1, n: 1 }])
  expect(plain.line.status.tabs).toBe(3)
})

it('a handler in visible tabs hears what comes while its page is visible, and nothing of before', async () => {
  const world = openBrowser({})
  const { browser, heard } = world
  const [one, two] = [world.open(), world.open(), world.open()] as const
  await browser.settle()
  one.tab.hide()
  two.tab.freeze()
  await browser.pass(500)
  world.emit()
  await browser.pass(500)
  expect(heard.visible).toEqual([{ tab: 2, n: 1 }])
  one.tab.show()
  two.tab.show()
  await browser.pass(1_000)
  world.emit()
  await browser.pass(500)
  expect(heard.visible.filter(({ n }) => n === 1)).toHaveLength(1)
  expect(heard.visible.filter(({ n }) => n === 2)).toHaveLength(3)
})

it.each(Object.entries(HOSTS))('what a tab that closes has not run is handed on, with %s', async (_host, options) => {
  const world = openBrowser(options)
  const { browser, heard } = world
  const [one, two] = [world.open(), world.open()] as const
  await browser.settle()
  one.tab.hide()
  world.emit()
  // The event is on its way to it. Its lock may tell of its end before its own word comes.
  await browser.pass(3)
  two.tab.close()
  await browser.pass(4_000)
  expect([heard.one, heard.star]).toEqual([[{ tab: 0, n: 1 }], [{ tab: 0, n: 1 }]])
})

it('runs in each tab where no tab can reach another', async () => {
  const world = openBrowser({ sharedWorker: false, webLocks: false, broadcastChannel: false })
  const { browser, heard } = world
  world.open()
  world.open()
  await browser.settle()
  for (const { line } of world.tabs) expect(line.status).toMatchObject({ name: 'connected', host: 'this-tab' })
  world.emit()
  await browser.pass(500)
  expect(heard.one.map(({ tab }) => tab).sort()).toEqual([0, 1])
  expect(heard.star).toEqual(heard.one)
})

it('an event for one tab is run by that tab or by none, however visible the others are', async () => {
  const world = openBrowser({})
  const { browser, heard } = world
  const [one, two] = [world.open(), world.open()] as const
  await browser.settle()
  one.tab.hide()
  await browser.pass(100)
  const emitTo = async (tab: string) => {
    browser.server.emit('ann', 'paid', { n: 1, _line: { tab } })
    await browser.pass(500)
  }
  await emitTo(one.line.origin)
  const only = [{ tab: 0, n: 1 }]
  expect([heard.one, heard.star, heard.every]).toEqual([only, only, only])
  one.stop?.()
  await browser.pass(100)
  await emitTo(one.line.origin)
  expect([heard.one, heard.star, heard.every]).toEqual([only, only, [...only, ...only]])
  expect(two.line.status.tabs).toBe(2)
})

const STEPS = [
  'open',
  'close',
  'hide',
  'show',
  'freeze',
  'resume',
  'leave',
  'return',
  'on',
  'off',
  'emit',
  'emit',
  'emit',
] as const
const step = fc.record({
  do: fc.constantFrom(...STEPS, 'crash' as const),
  tab: fc.nat(3),
  ms: fc.oneof(fc.nat(8), fc.nat(40), fc.nat(3_000)),
})

/** The third tab leaves before its first welcome; or its lock is free before its last word is here. */
const LEFT_AT_ONCE: { readonly do: (typeof STEPS)[number] | 'crash'; readonly tab: number; readonly ms: number }[] = [
  { do: 'open', tab: 0, ms: 5 },
  { do: 'emit', tab: 0, ms: 2 },
  { do: 'leave', tab: 2, ms: 0 },
  { do: 'open', tab: 0, ms: 0 },
  { do: 'open', tab: 0, ms: 0 },
]
const LEFT_AFTER_A_FREEZE: typeof LEFT_AT_ONCE = [
  { do: 'freeze', tab: 3, ms: 0 },
  { do: 'open', tab: 0, ms: 7 },
  ...LEFT_AT_ONCE.slice(1),
]

for (const [host, options] of Object.entries(HOSTS)) {
  it(`whatever tabs do, an event runs in exactly one, with ${host}`, { timeout: 300_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40, size: 'max' }), async (steps) => {
        const world = openBrowser(options)
        const { browser, heard, tabs } = world
        /** Of each event: the tabs that could run it as it was sent, by their epoch; and since when nothing spoke against it. */
        const sent: { n: number; at: number; witnesses: Map<number, string | undefined> }[] = []
        let crashedAt = Number.NEGATIVE_INFINITY
        const canRun = (own: (typeof tabs)[number]) =>
          own.stop !== undefined && own.tab.state === 'active' && own.line.status.name === 'connected'
        const look = () => {
          const now = browser.now()
          for (const { at, witnesses } of sent)
            if (now - at <= SETTLED_MS)
              for (const [index, epoch] of witnesses) {
                const own = tabs[index]
                if (!own || !canRun(own) || own.line.status.epoch !== epoch) witnesses.delete(index)
              }
        }
        world.open()
        world.open()
        await browser.settle()
        for (const { do: act, tab: number, ms } of steps) {
          const own = tabs[number % tabs.length] as (typeof tabs)[number]
          if (act === 'emit') {
            const now = browser.now()
            const able = tabs.filter((one) => canRun(one) && now - one.since >= SETTLED_MS)
            const n = world.emit()
            sent.push({ n, at: now, witnesses: new Map(able.map((one) => [one.index, one.line.status.epoch])) })
          } else if (act === 'open') {
            if (tabs.length < 5) world.open()
          } else if (act === 'on') {
            if (!own.stop && own.tab.state === 'active') world.handle(own)
          } else if (act === 'off') own.stop?.()
          else if (own.tab.state !== 'gone') own.tab[act]()
          if (act === 'crash') crashedAt = browser.now()
          // What a crashed tab was to run may be lost: at most once. Without Web Locks that lasts until its silence shows.
          for (const { at, witnesses } of sent)
            if (options.webLocks === false ? crashedAt > 0 : Math.abs(crashedAt - at) < SETTLED_MS) witnesses.clear()
          look()
          for (let past = 0; past < ms; past += 25) {
            await browser.pass(Math.min(25, ms - past))
            look()
          }
        }
        for (let past = 0; past < 4_000; past += 25) {
          await browser.pass(25)
          look()
        }
        const heardBy = heard.every.map(({ tab, n }) => `event ${n} in tab ${tab}`)
        expect(heardBy.filter((one, index) => heardBy.indexOf(one) !== index)).toEqual([])
        for (const { n, witnesses } of sent) {
          for (const runs of [heard.one, heard.star]) {
            const ran = runs.filter((one) => one.n === n)
            expect(ran.length, `event ${n} ran in ${JSON.stringify(ran)}`).toBeLessThanOrEqual(1)
            if (witnesses.size > 0) expect(ran, `event ${n} ran nowhere`).toHaveLength(1)
          }
        }
      }),
      {
        numRuns: 40,
        examples: [[LEFT_AT_ONCE], [LEFT_AFTER_A_FREEZE]],
        ...(process.env['SEED'] && { seed: Number(process.env['SEED']) }),
      },
    )
  })
}
