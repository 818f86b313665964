import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser } from '@playwright/test'
import { changeProfile, receive } from '../demo/server/changes.js'
import { SESSION_COOKIE } from '../demo/server/context.js'
import { openDatabase } from '../demo/server/database.js'
import { startDemo } from '../demo/server/server.js'
import type { Session } from '../demo/server/sessions.js'
import { userRoom } from '../demo/server/sockets.js'
import { startPostgres } from '../scripts/postgres.js'
import { freePort, Missing, orMissing } from '../scripts/service.js'
import { bankProcesses, feed } from './bank-processes.js'
import { atRest, Bank, bankAt, expect, type Page, status, test } from './fixtures.js'
import { type Screen, screenFrom, screenOf } from './ledger-screen.js'
import { startProxy } from './proxy.js'
import { randomFrom } from './random.js'

// The animations of ten tabs, drawn without a graphics card, are most of the work otherwise.
test.use({ contextOptions: { reducedMotion: 'reduce' } })

const USER = '1'
const ACCOUNTS = ['11', '12', '13']

/** How many of each; two hundred in all. */
const FAULTS = {
  slow: 40,
  cut: 36,
  reset: 36,
  silent: 26,
  refused: 34,
  'tab reloaded': 11,
  'tab replaced': 11,
  'hub killed': 6,
} as const
type Fault = keyof typeof FAULTS

/** Kills the SharedWorker as a crash would; false if there is none, because the hub runs in a tab. */
async function killWorker(browser: Browser, origin: string): Promise<boolean> {
  const session = await browser.newBrowserCDPSession()
  const { targetInfos } = await session.send('Target.getTargets')
  const worker = targetInfos.find((target) => target.type === 'shared_worker' && target.url.startsWith(origin))
  if (worker) await session.send('Target.closeTarget', { targetId: worker.targetId })
  await session.detach()
  return worker !== undefined
}

/** As a browser does when its network is back. Tabs pass it on to the worker. */
const sayOnline = (pages: readonly Page[]) =>
  Promise.all(pages.map((page) => page.evaluate(() => void dispatchEvent(new Event('online')))))

test('two hundred faults over ten tabs: in the end every tab shows the database, over one socket', async ({
  browser,
  context,
}) => {
  test.setTimeout(1_200_000)
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1_000_000))
  console.log(`seed ${seed} (SEED=${seed} plays it again)`)
  const random = randomFrom(seed)
  const began = Date.now()

  // A dead connection is noticed within 1.2 s instead of 45 s: two hundred faults have to fit into one test.
  const demo = await startDemo({ socketOptions: { pingInterval: 600, pingTimeout: 600 } })
  const proxy = await startProxy(demo)
  const bank = new Bank({ ...demo, url: proxy.url }, context)
  try {
    await bank.signIn(USER)
    // Two lost connections while they open, and a resync waits for up to a minute: see `converged`.
    const pages = await bank.openTabs(10, '', 240_000)

    /** Past the browser and its network, straight into the database. */
    let writes = 0
    async function write(): Promise<void> {
      writes++
      const what = random.pick([...ACCOUNTS, 'profile'])
      if (what === 'profile') await changeProfile(demo.database, USER, { phone: `+46 ${writes}` })
      else await receive(demo.database, USER, what, random.between(1, 999), `Payer ${writes}`)
    }

    async function whileIt(lasts: number): Promise<void> {
      await write()
      await sleep(lasts)
      await write()
      await proxy.heal()
    }

    const strike: Record<Fault, () => Promise<unknown>> = {
      slow() {
        proxy.delay(random.between(50, 1_500))
        return whileIt(random.between(50, 300))
      },
      cut() {
        proxy.cut('fin')
        return whileIt(50)
      },
      reset() {
        proxy.cut('rst')
        return whileIt(50)
      },
      silent() {
        proxy.silence()
        return whileIt(random.between(50, 1_600))
      },
      async refused() {
        await proxy.refuse()
        proxy.cut('rst')
        return whileIt(random.between(50, 500))
      },
      async 'tab reloaded'() {
        await Promise.all([random.pick(pages).reload(), write()])
      },
      async 'tab replaced'() {
        const [gone] = pages.splice(random.between(0, pages.length - 1), 1)
        await Promise.all([gone?.close(), write()])
        pages.push(await bank.open())
      },
      async 'hub killed'() {
        if (await killWorker(browser, proxy.url)) return write()
        // The worker was lost too often: the hub runs in a tab now.
        const all = await Promise.all(pages.map(status))
        const leader = all.findIndex(({ role }) => role === 'leader')
        const [gone] = pages.splice(Math.max(0, leader), 1)
        await Promise.all([gone?.close(), write()])
        pages.push(await bank.open())
      },
    }

    // A connection that flaps is met ever more slowly: pauses of up to 20 s.
    const connected = () =>
      expect.poll(async () => (await status(pages[0] as Page)).name, { timeout: 120_000 }).toBe('connected')
    /** What a fault leads to. */
    const aftermaths = {
      'the next one': () => undefined,
      'a browser that sees its network return': () => sayOnline(pages).then(connected),
      'a hub that comes back by itself': connected,
    }
    type Aftermath = keyof typeof aftermaths
    const WEIGHTS: Record<Aftermath, number> = {
      'the next one': 15,
      'a browser that sees its network return': 4,
      'a hub that comes back by itself': 1,
    }

    const plan = random.shuffle(many(FAULTS))
    expect(plan).toHaveLength(200)
    let toConverge = 0
    while (plan.length > 0) {
      for (const fault of plan.splice(0, 100)) {
        await strike[fault]()
        await aftermaths[random.pick(many(WEIGHTS))]()
      }
      // One more, with a write to every account: these changes can arrive by a resync only.
      await proxy.refuse()
      proxy.cut('rst')
      for (const account of ACCOUNTS) await receive(demo.database, USER, account, 1, 'The last one')
      await proxy.heal()

      const healed = Date.now()
      const lives = await Promise.all(pages.map(bornAt))
      await converged(pages, await screenFrom(demo.database, USER))
      toConverge = Math.max(toConverge, Date.now() - healed)
      expect(await Promise.all(pages.map(bornAt))).toEqual(lives)
      const oneSocket = expect.poll(async () => (await demo.io.in(userRoom(USER)).fetchSockets()).length).toBe(1)
      await oneSocket.catch(async (error: Error) => {
        const tabs = await Promise.all(pages.map(status))
        throw new Error(`${error.message}\n${tabs.map((tab) => JSON.stringify(tab)).join('\n')}`)
      })
      // With such short heartbeats a machine that hangs loses a connection.
      await expect.poll(() => demo.stats.openSockets).toBe(1)
      // Attached as well, not only fresh: the next event has to reach them.
      const names = async () => (await Promise.all(pages.map(status))).map(({ name }) => name)
      await expect.poll(names).toEqual(pages.map(() => 'connected'))
    }

    const { connections, refused, requests } = demo.stats
    const hosts = (await Promise.all(pages.map(status))).map(({ host }) => host)
    console.log(
      `${Object.entries(FAULTS)
        .map(([fault, count]) => `${count} ${fault}`)
        .join(', ')}; ${writes} writes; ` +
        `${connections - 1} reconnects, ${refused} refusals, ${requests.length} requests; ` +
        `hosts at the end: ${[...new Set(hosts)].join(', ')}; ` +
        `${seconds(Date.now() - began)} in all, at most ${seconds(toConverge)} to converge`,
    )
  } finally {
    await context.close()
    await proxy.close()
    await demo.close()
  }
})

interface Watched {
  /** A new `status.lastGap`, once for each. */
  gaps: number
  /** Receipts of resyncs. A gap has several if some queries were being fetched when it came. */
  resyncs: number
  /** Queries that were fetched twice for one gap. */
  twice: string[]
}

/** From here on the tab counts its gaps and resyncs in `window.watched`. */
const watch = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const { line } = window.ledger
    const watched: Watched = { gaps: 0, resyncs: 0, twice: [] }
    Object.assign(window, { watched })
    let last = line.status.lastGap
    line.subscribe(() => {
      if (line.status.lastGap !== last) watched.gaps++
      last = line.status.lastGap
    })
    let fetched = new Set<string>()
    line.onReceipt(({ cause, refetched }) => {
      if (cause !== 'gap') return
      // It says what a gap makes stale.
      if (refetched.length === 0) fetched = new Set()
      else watched.resyncs++
      for (const key of refetched.map((key) => JSON.stringify(key))) {
        if (fetched.has(key)) watched.twice.push(key)
        fetched.add(key)
      }
    })
  })
const watchedBy = (page: Page): Promise<Watched> =>
  page.evaluate(() => ({ ...(window as unknown as { watched: Watched }).watched }))

test('a server that is killed twenty times under fifty writes a second: nothing is lost, no query is resynced twice', async ({
  browser,
}) => {
  // A bound, not a measure: a connection that flaps is met ever more slowly, here after up to 20 s.
  test.setTimeout(900_000)
  const postgres = await orMissing(startPostgres())
  if (postgres instanceof Missing) return test.skip(true, postgres.message)

  const began = Date.now()
  const database = await openDatabase(postgres.url)
  const session: Session = { id: 'a-session-that-outlives-the-server', userId: USER }
  const port = await freePort()
  const bank = bankProcesses({ port, databaseUrl: postgres.url, sessions: [session] })
  // The feed leaves one account alone.
  let feeding: ReturnType<typeof feed> | undefined
  const context = await browser.newContext()
  const url = `http://127.0.0.1:${port}`
  try {
    await bank.open()
    await context.addCookies([{ name: SESSION_COOKIE, value: session.id, url }])
    const pages: Page[] = []
    for (let tab = 0; tab < 5; tab++) {
      const page = await context.newPage()
      await page.goto(bankAt(url))
      pages.push(page)
    }
    for (const page of pages) {
      await atRest(page)
      await watch(page)
    }

    feeding = feed(database, ['11', '12'])
    const resyncs: number[] = []
    for (let outage = 1; outage <= 20; outage++) {
      const before = await Promise.all(pages.map(watchedBy))
      await bank.kill()
      for (const page of pages) await expect.poll(async () => (await status(page)).name).toBe('disconnected')
      // That account is written to only while no browser is connected: its changes can arrive by a resync alone.
      await receive(database, USER, '13', outage, `Outage ${outage}`)
      await changeProfile(database, USER, { phone: `+46 ${outage}` })
      const { balances, phone } = await screenFrom(database, USER)
      await bank.open()

      for (const [tab, page] of pages.entries()) {
        await expect.poll(async () => (await status(page)).name, { timeout: 120_000 }).toBe('connected')
        // A connection that did not hold for 10 s is a flap, and each flap doubles the jitter of the resync, up to 60 s.
        const isFresh = { timeout: 120_000 }
        await expect(page.getByTestId('balance-13')).toHaveText(balances[2]?.split(' ')[1] ?? '', isFresh)
        await expect(page.getByTestId('profile-phone')).toHaveText(phone, isFresh)
        const { gaps = 0, resyncs: made = 0 } = before[tab] ?? {}
        const now = await watchedBy(page)
        expect(now.gaps - gaps).toBe(1)
        expect(now.twice).toEqual([])
        resyncs.push(now.resyncs - made)
      }
      expect(await bank.count()).toMatchObject({ openSockets: 1, connections: 1 })
    }
    const fed = await feeding.stop()
    await converged(pages, await screenFrom(database, USER))
    for (const page of pages) await atRest(page)
    console.log(
      `20 kills; ${fed}; ${resyncs.length} outages of a tab, ${resyncs.reduce((sum, one) => sum + one, 0)} resyncs; ` +
        `${seconds(Date.now() - began)} in all`,
    )
  } finally {
    await context.close()
    await bank.end()
    await feeding?.stop()
    await database.close()
    await postgres.stop()
  }
})

/** Another one after a reload. */
const bornAt = (page: Page): Promise<number> => page.evaluate(() => performance.timeOrigin)

/**
 * Every tab shows the database. A bound, not a measure: a line that flaps is resynced within 60 s of its last gap, and that gap is found
 * at a connection that may be made after several pauses of up to 20 s each.
 */
async function converged(pages: readonly Page[], truth: Screen): Promise<void> {
  for (const page of pages) await expect.poll(() => screenOf(page), { timeout: 240_000 }).toEqual(truth)
}

/** Each key repeated as often as its number. */
const many = <T extends string>(counts: Readonly<Record<T, number>>): T[] =>
  (Object.keys(counts) as T[]).flatMap((key) => Array<T>(counts[key]).fill(key))

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`
