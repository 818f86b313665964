/** The ways in which an owner of the socket ends, each timed once. All in milliseconds. */
import type { CDPSession, Page } from 'playwright'
import { type Fleet, TABS } from './fleet.js'
import type { BenchServer } from './server.js'

/** No takeover of any kind may take this long; the bench itself has failed then. */
const LIMIT = 20_000

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

async function leaderOf(fleet: Fleet): Promise<Page> {
  const leader = await fleet.settle()
  if (!leader) throw new Error(`${fleet.subject} has no leader`)
  return leader
}

/** From the command that closes the leader's tab until the server has the next tab's socket. */
export async function close(fleet: Fleet, server: BenchServer): Promise<number> {
  const leader = await leaderOf(fleet)
  fleet.lose(leader)
  const next = server.next(fleet.subject, LIMIT)
  const start = performance.now()
  const closed = leader.close()
  const { at } = await next
  await closed
  return at - start
}

/** The same, but the leader's process dies where it stands. */
export async function crash(fleet: Fleet, server: BenchServer): Promise<number> {
  const leader = await leaderOf(fleet)
  const session = await fleet.context.newCDPSession(leader)
  fleet.lose(leader)
  const next = server.next(fleet.subject, LIMIT)
  const start = performance.now()
  // Never answered: who should?
  void session.send('Page.crash').catch(() => undefined)
  const { at } = await next
  await leader.close()
  if (fleet.pages.length !== TABS - 1) throw new Error(`${fleet.subject}: more tabs crashed than one`)
  return at - start
}

/** From the command that ends the worker until every tab has received an event over a new connection. */
export function killWorker(session: CDPSession) {
  return async (fleet: Fleet, server: BenchServer): Promise<number> => {
    // A tab takes the third loss of its worker within a minute for a sick worker, and leaves it: so each trial has new tabs.
    await fleet.renew()
    await fleet.settle()
    const workers = await workersOf(fleet, session)
    const [worker] = workers
    if (!worker || workers.length > 1) {
      throw new Error(`${fleet.subject}: ${workers.length} workers; the tabs: ${await fleet.standing()}`)
    }
    const stop = server.tick(fleet.subject)
    try {
      await pause(100)
      const next = server.next(fleet.subject, LIMIT)
      const start = Date.now()
      await session.send('Target.closeTarget', { targetId: worker.targetId })
      const { number } = await next
      const firsts = await Promise.all(fleet.pages.map((page) => firstEvent(page, number)))
      return Math.max(...firsts) - start
    } finally {
      stop()
    }
  }
}

/** A browser's targets are of all its profiles; a profile is known by its id at a page of it. */
async function workersOf(fleet: Fleet, session: CDPSession) {
  const [page] = fleet.pages
  if (!page) throw new Error(`${fleet.subject} has no tab`)
  const own = await (await fleet.context.newCDPSession(page)).send('Target.getTargetInfo')
  const { targetInfos } = await session.send('Target.getTargets')
  return targetInfos.filter(
    ({ type, browserContextId }) => type === 'shared_worker' && browserContextId === own.targetInfo.browserContextId,
  )
}

/** By the tab's `Date.now()`, which equals this process's: one machine. Polled rarely, so that polling costs little. */
async function firstEvent(page: Page, connection: number): Promise<number> {
  for (const start = Date.now(); Date.now() - start < LIMIT; await pause(200)) {
    const at = await page.evaluate((number) => window.bench.first[number], connection)
    if (at !== undefined) return at
  }
  throw new Error(`no event reached a tab within ${LIMIT} ms: ${await page.evaluate(() => window.bench.standing)}`)
}
