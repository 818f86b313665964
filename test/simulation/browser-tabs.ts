import type { WorkerTrouble } from '../../src/testing/simulated-workers.js'
import type { World } from '../../src/testing/world.js'
import { type App, type AppKind, createApp, type Violate } from './app.js'
import { createOneTabRuns } from './app-checks.js'
import { addressOf, type Backend, type Identity, PATHS } from './backend.js'
import type { Setting } from './command.js'

/** One tab as the user sees it: its pages, one after the other. */
export interface BrowserTab {
  app: App
  readonly trouble: WorkerTrouble | undefined
  readonly kind: AppKind
  /** The queries that are active after a load. */
  readonly queries: readonly number[]
  script: string
}

const TROUBLES: readonly (WorkerTrouble | undefined)[] = ['error', 'silence', 'throws']

/** The tabs of one browser window, and the actions of their user. */
export function createBrowserTabs(world: World, backend: Backend, setting: Setting, violate: Violate) {
  const tabs: BrowserTab[] = []
  /** The last sign-out of each app and user. Simulated time. */
  const signOuts = new Map<string, number>()
  const second = setting.apps === 'paths' ? PATHS[1] : setting.apps === 'hosts' ? PATHS[2] : PATHS[0]
  /** A sign-out ends the session of one app, at one endpoint. An address that a function gives does not tell apps apart. */
  const signOutKey = ({ name, path }: AppKind, who: Identity) =>
    `${name} ${setting.urlFunction ? addressOf(path, setting.transport).path : path} ${who}`
  const kinds: readonly AppKind[] = [
    { name: 'app', path: '' },
    { name: setting.apps === 'names' ? 'second' : 'app', path: second },
  ]
  const oneTab = createOneTabRuns(world, violate)
  let script = 'worker.js'
  /** All apps so far, for what they have cost. */
  const apps: App[] = []
  let deploys = 0

  function load(trouble: WorkerTrouble | undefined, kind: AppKind): App {
    const page = world.openPage({ sharedWorker: setting.sharedWorker, workerTrouble: trouble, script })
    const onSignOut = (who: Identity) => void signOuts.set(signOutKey(kind, who), world.machine.monotonic())
    const app = createApp({ world, backend, page, violate, setting, kind, oneTab, onSignOut })
    apps.push(app)
    return app
  }

  function open(who: Identity, number: number, queries: readonly number[], app = 0): void {
    const trouble = TROUBLES[number]
    const kind = kinds[setting.apps === 'one' ? 0 : app] as AppKind
    const tab: BrowserTab = { app: load(trouble, kind), trouble, kind, queries, script }
    tabs.push(tab)
    tab.app.page.run(() => tab.app.enter(who, queries))
  }

  /** As the browser does when its user returns to a page that is gone. */
  function reload(tab: BrowserTab): void {
    const { identity, page } = tab.app
    const visible = page.isVisible()
    page.close()
    tab.app = load(tab.trouble, tab.kind)
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
    /** How many fetches all apps have made. */
    fetches: () => apps.reduce((sum, app) => sum + app.fetches(), 0),
    /** The endpoints that this history's apps have. */
    paths: () => [...new Set(kinds.map(({ path }) => path))],
    /** When a user has signed out of an app for the last time. Simulated time. */
    signedOutAt: (kind: AppKind, who: Identity) => signOuts.get(signOutKey(kind, who)),
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
