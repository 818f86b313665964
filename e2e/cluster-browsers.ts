import type { Browser, BrowserContext, Page } from '@playwright/test'
import { type Cluster, type ClusterOptions, startCluster } from '../demo/cluster/cluster.js'
import type { SocketEvent } from '../demo/cluster/node.js'
import { SESSION_COOKIE } from '../demo/server/context.js'
import { type Database, openDatabase } from '../demo/server/database.js'
import { atRest, bankAt, expect } from './fixtures.js'
import { screenFrom, screenOf } from './ledger-screen.js'

/** What a tab has counted since it was opened. */
export interface Watched {
  /** Each status it was in, once. */
  readonly statuses: string[]
  readonly gaps: string[]
  readonly errors: string[]
  /** Another one after a reload. */
  readonly born: number
  /** Its browser. */
  readonly session: string
}

/** One browser of one user, with a few tabs. */
export class ClusterBrowser {
  readonly pages: Page[] = []

  private constructor(
    readonly userId: string,
    /** Its session at the servers. */
    readonly session: string,
    readonly context: BrowserContext,
  ) {}

  static async open(browser: Browser, cluster: Cluster, userId: string, tabs: number): Promise<ClusterBrowser> {
    // The animations of ten tabs, drawn without a graphics card, are most of the work otherwise.
    const context = await browser.newContext({ reducedMotion: 'reduce' })
    const answer = await context.request.post(`${cluster.url}/api/session`, { data: { userId } })
    expect(answer.ok(), await answer.text()).toBe(true)
    const session = (await context.cookies()).find(({ name }) => name === SESSION_COOKIE)?.value ?? ''
    const opened = new ClusterBrowser(userId, session, context)
    for (let tab = 0; tab < tabs; tab++) {
      const page = await context.newPage()
      await page.goto(bankAt(cluster.url))
      opened.pages.push(page)
    }
    for (const page of opened.pages) {
      await atRest(page)
      await page.evaluate(() => {
        const { line } = window.ledger
        const watched = { statuses: [] as string[], gaps: [] as string[] }
        Object.assign(window, { watched })
        let last = line.status.lastGap
        line.subscribe(() => {
          const { name, lastGap } = line.status
          if (!watched.statuses.includes(name)) watched.statuses.push(name)
          if (lastGap && lastGap !== last) watched.gaps.push(lastGap.reason)
          last = lastGap
        })
      })
    }
    return opened
  }

  watched(): Promise<Watched[]> {
    return Promise.all(
      this.pages.map(async (page) => {
        const watched = await page.evaluate(() => ({
          ...(window as unknown as { watched: Pick<Watched, 'statuses' | 'gaps'> }).watched,
          errors: window.ledger.errors.map(({ code }) => code),
          born: performance.timeOrigin,
        }))
        return { ...watched, session: this.session }
      }),
    )
  }
}

/** A cluster, its database, and browsers at all of its processes. */
export async function openCluster(options: Pick<ClusterOptions, 'proxy'>) {
  const journal: SocketEvent[] = []
  const cluster = await startCluster({ ...options, onSocket: (event) => journal.push(event) })
  const database: Database = await openDatabase(cluster.databaseUrl)
  const browsers: ClusterBrowser[] = []

  /** Which processes this browser has a socket at; twice if it has two there. */
  const nodesOf = ({ session }: ClusterBrowser): number[] =>
    cluster.nodes.flatMap(({ number, sockets }) => Array<number>(sockets.get(session) ?? 0).fill(number))

  return {
    cluster,
    database,
    browsers,
    journal,
    nodesOf,
    async open(browser: Browser, userId: string, tabs: number): Promise<ClusterBrowser> {
      const opened = await ClusterBrowser.open(browser, cluster, userId, tabs)
      browsers.push(opened)
      return opened
    },
    /** Every tab shows its user's data as in the database, over one socket of its browser. */
    async converged(): Promise<void> {
      for (const one of browsers) {
        const truth = await screenFrom(database, one.userId)
        for (const page of one.pages) await expect.poll(() => screenOf(page)).toEqual(truth)
        await expect.poll(() => nodesOf(one)).toHaveLength(1)
      }
    },
    watched: async () => (await Promise.all(browsers.map((one) => one.watched()))).flat(),
    async close(): Promise<void> {
      for (const { context } of browsers) await context.close()
      await database.close()
      await cluster.close()
    },
  }
}

export type OpenCluster = Awaited<ReturnType<typeof openCluster>>

/**
 * How long (ms) a close may take through the proxy to a process that is busy ending. The browser has closed that socket before
 * it opens the next one, but another process may count the next one first.
 */
const CLOSE_DELAY_MS = 250

/** The most sockets that one browser ever had at the same time. */
export function mostAtOnce(journal: readonly SocketEvent[]): number {
  const now = new Map<string, number>()
  let most = 0
  // Of an end and a beginning in the same millisecond, the end comes first.
  const adjusted = journal.map((event) => (event.open ? event : { ...event, at: event.at - CLOSE_DELAY_MS }))
  const inTime = adjusted.sort((a, b) => a.at - b.at || Number(a.open) - Number(b.open))
  for (const { session, open } of inTime) {
    const count = (now.get(session) ?? 0) + (open ? 1 : -1)
    now.set(session, count)
    most = Math.max(most, count)
  }
  return most
}
