import type { DevTools, Profile, Target } from './devtools.js'
import type { BenchServer, Run } from './server.js'
import type { Subject } from './subjects.js'

/** How long (ms) the tabs may take to come to rest. */
const REST = 30_000

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

let last = 0

/** The tabs of one subject, opened at once in a browser profile of their own. The first one is visible; as windows, each is. */
export class Fleet {
  private constructor(
    readonly subject: string,
    readonly run: Run,
    readonly id: string,
    readonly tabs: readonly Target[],
    /** From the command that opens the tabs until each receives every event (ms). */
    readonly opening: number,
    /** From the first script of the first tab that did so until it received every event (ms). */
    readonly first: number,
    private readonly profile: Profile,
    private readonly url: string,
  ) {}

  static async open(
    browser: DevTools,
    server: BenchServer,
    { name, path }: Subject,
    count: number,
    now: () => number,
    windows = false,
  ): Promise<Fleet> {
    const id = `r${++last}`
    const run = server.run(id)
    const profile = await browser.profile()
    const url = `${server.url}${path}run=${id}`
    const start = now()
    const tabs = await Promise.all(Array.from({ length: count }, () => profile.open(url, windows)))
    const reports = await run.reported('attached', count, REST)
    const [first] = tabs
    if (!reports || !first) {
      const standing = await Promise.all(tabs.map((tab) => tab.evaluate('JSON.stringify(tab.standing())')))
      throw new Error(`${name}: not all ${count} tabs attached: ${standing.join('\n')}`)
    }
    const fleet = new Fleet(
      name,
      run,
      id,
      tabs,
      Math.max(...reports.map(({ at }) => at)) - start,
      reports[0]?.took ?? Number.NaN,
      profile,
      url,
    )
    if (!windows) await profile.show(first)
    await fleet.expectVisible(windows ? count : 1)
    return fleet
  }

  /** Opens one tab more for a while. From its first script until it receives every event (ms). */
  async openOne(): Promise<number> {
    this.run.forget()
    const tab = await this.profile.open(this.url)
    const [report] = (await this.run.reported('attached', 1, REST)) ?? []
    if (!report) throw new Error(`${this.subject}: one tab more did not attach`)
    await this.profile.closeTab(tab)
    return report.took
  }

  each<T>(expression: string): Promise<T[]> {
    return Promise.all(this.tabs.map((tab) => tab.evaluate<T>(expression)))
  }

  workers(): Promise<Target[]> {
    return this.profile.workers()
  }

  /** Until the active queries of the visible tabs are fresh. Hidden tabs may owe fetches for ever. */
  async rest(): Promise<void> {
    const late = performance.now() + REST
    while ((await this.each<boolean>("tab.isAtRest || document.visibilityState === 'hidden'")).includes(false)) {
      if (performance.now() > late) throw new Error(`${this.subject}: does not come to rest`)
      await pause(100)
    }
    await this.quiet(200)
  }

  /** Until this long (ms) has passed without a request. */
  async quiet(ms: number): Promise<void> {
    for (;;) {
      const left = this.run.lastRequest + ms - performance.now()
      if (left <= 0) return
      await pause(left)
    }
  }

  close(): Promise<void> {
    return this.profile.close()
  }

  /** The measures are about hidden tabs: a browser that shows all of them would measure something else. */
  private async expectVisible(number: number): Promise<void> {
    for (let tries = 0; tries < 50; tries++) {
      const states = await this.each<string>('document.visibilityState')
      if (states[0] === 'visible' && states.filter((state) => state === 'visible').length === number) return
      await pause(50)
    }
    throw new Error(`${this.subject}: not exactly ${number} of the tabs are visible`)
  }
}
