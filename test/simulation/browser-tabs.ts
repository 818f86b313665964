import type { WorkerTrouble } from '../../src/testing/simulated-workers.js'
import type { World } from '../../src/testing/world.js'
import { type App, createApp, type Violate } from './app.js'
import type { Backend, Identity } from './backend.js'
import type { Setting } from './command.js'

/** One tab as the user sees it: its pages, one after the other. */
export interface BrowserTab {
  app: App
  readonly trouble: WorkerTrouble | undefined
  /** The queries that are active after a load. */
  readonly queries: readonly number[]
  script: string
}

const TROUBLES: readonly (WorkerTrouble | undefined)[] = ['error', 'silence', 'throws']

/** The tabs of one browser window, and the actions of their user. */
export function createBrowserTabs(world: World, backend: Backend, setting: Setting, violate: Violate) {
  const tabs: BrowserTab[] = []
  let script = 'worker.js'
  let deploys = 0

  function load(trouble: WorkerTrouble | undefined): App {
    const page = world.openPage({ sharedWorker: setting.sharedWorker, workerTrouble: trouble, script })
    return createApp(world, backend, page, violate, setting)
  }

  function open(who: Identity, number: number, queries: readonly number[]): void {
    const trouble = TROUBLES[number]
    const tab: BrowserTab = { app: load(trouble), trouble, queries, script }
    tabs.push(tab)
    tab.app.page.run(() => tab.app.enter(who, queries))
  }

  /** As the browser does when its user returns to a page that is gone. */
  function reload(tab: BrowserTab): void {
    const { identity, page } = tab.app
    const visible = page.isVisible()
    page.close()
    tab.app = load(tab.trouble)
    tab.script = script
    const { app } = tab
    app.page.run(() => {
      if (identity !== undefined && backend.token(identity) !== undefined) app.enter(identity, tab.queries)
    })
    if (!visible) app.page.hide()
  }

  function close(tab: BrowserTab, how: 'close' | 'crash'): void {
    tabs.splice(tabs.indexOf(tab), 1)
    tab.app.page[how]()
  }

  function back(tab: BrowserTab): void {
    if (tab.app.page.state === 'gone') reload(tab)
    else tab.app.page.back()
  }

  return {
    all: () => tabs,
    open,
    reload,
    close,
    back,
    deploy(): void {
      script = `worker-${++deploys}.js`
    },
    /** Makes a tab visible, whatever its state. */
    show(tab: BrowserTab): void {
      if (tab.app.page.state === 'cached' || tab.app.page.state === 'gone') back(tab)
      tab.app.page.resume()
      tab.app.page.show()
    },
  }
}

export type BrowserTabs = ReturnType<typeof createBrowserTabs>
