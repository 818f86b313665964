import type { Browser, BrowserContext, Page } from 'playwright'
import type { BenchPage } from '../page/main.js'

/** How many tabs are open when something dies. */
export const TABS = 3
/**
 * How long (ms) the tabs are left alone before something dies. More than half a second: a tab that loses a hub sooner than
 * that makes a pause on purpose.
 */
const SETTLE = 800
const READY = 30_000

/** What is taken from the pages before their scripts run. */
export type Lack = 'SharedWorker' | 'locks'

export interface FleetOptions {
  /** Its name in the table, and to the server. */
  readonly subject: string
  readonly path: string
  readonly lacks?: readonly Lack[]
  /** One of the tabs owns the socket. */
  readonly hasLeader: boolean
}

declare global {
  interface Window {
    bench: BenchPage
  }
}

/** The tabs of one subject, in a browser profile of their own. */
export class Fleet {
  pages: Page[] = []

  private constructor(
    readonly subject: string,
    readonly hasLeader: boolean,
    readonly context: BrowserContext,
    private readonly address: string,
  ) {}

  static async open(browser: Browser, server: string, options: FleetOptions): Promise<Fleet> {
    const context = await browser.newContext()
    for (const lack of options.lacks ?? []) {
      if (lack === 'locks') {
        await context.addInitScript(() => void Reflect.deleteProperty(Navigator.prototype, 'locks'))
      } else await context.addInitScript(() => void Reflect.deleteProperty(window, 'SharedWorker'))
    }
    const address = `${server}${options.path}?subject=${encodeURIComponent(options.subject)}`
    return new Fleet(options.subject, options.hasLeader, context, address)
  }

  /** Opens tabs until there are enough, all at rest, and then lets them be. Answers with the one that leads. */
  async settle(): Promise<Page | undefined> {
    while (this.pages.length < TABS) {
      const page = await this.context.newPage()
      this.pages.push(page)
      page.on('crash', () => this.lose(page))
      await page.goto(this.address)
    }
    for (const page of this.pages) {
      await page
        .waitForFunction(() => window.bench.ready, undefined, { timeout: READY, polling: 100 })
        .catch(async () => {
          throw new Error(`${this.subject}: a tab is not ready: ${await page.evaluate(() => window.bench.standing)}`)
        })
    }
    await new Promise((resolve) => setTimeout(resolve, SETTLE))
    if (!this.hasLeader) return undefined
    const leads = await Promise.all(this.pages.map((page) => page.evaluate(() => window.bench.leads)))
    const leaders = this.pages.filter((_page, index) => leads[index])
    if (leaders.length !== 1) throw new Error(`${this.subject}: ${leaders.length} tabs lead: ${await this.standing()}`)
    return leaders[0]
  }

  /** How every tab sees it, for messages. */
  async standing(): Promise<string> {
    return (await Promise.all(this.pages.map((page) => page.evaluate(() => window.bench.standing)))).join('\n')
  }

  async renew(): Promise<void> {
    for (const page of this.pages) await page.reload()
  }

  lose(page: Page): void {
    this.pages = this.pages.filter((one) => one !== page)
  }

  close(): Promise<void> {
    return this.context.close()
  }
}
