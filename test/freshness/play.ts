import { Query } from '@tanstack/react-query'
import { ACTS, type App, type Context, createApp, join, STATIC_QUERY, watch } from './act.js'
import { openRig, setOnline } from './rig.js'
import { FEED, type History, QUERIES, ROOM } from './step.js'

/** The world is in order, and the user looks at the tab: then it has to be fresh within this time. */
const HEAL_MS = 600_000
/** Nothing is owed any more: no fetch follows. */
const QUIET_MS = 600_000
/** A fetch that hangs is given up after a while, when something asks for it. */
const HANG_MS = 30_000
/** What comes back to the screen is fresh within this time. */
const BACK_MS = 20_000
/** A receipt and its fetches are one moment, but for a queue or two. */
const RECEIPT_SLACK_MS = 60
/** For each step that can make a query owe. */
const MAX_FETCHES_PER_STEP = 3

/** Whether this version of TanStack Query has `staleTime: 'static'`. */
const knowsStatic = 'isStatic' in Query.prototype
const STATIC_HASH = JSON.stringify(STATIC_QUERY)

/** A promise that a history broke. */
export class Broken extends Error {}

export async function play(history: History, without: ReadonlySet<string>): Promise<void> {
  const { setting } = history
  setOnline(true)
  const rig = await openRig({
    seed: setting.seed,
    tabs: setting.tabs,
    takesMs: setting.takesMs,
    queries: { retry: setting.retry },
    line: { shareFetches: setting.shareFetches, polling: setting.polling && { downForMs: 5_000, intervalMs: 5_000 } },
  })
  const apps = rig.tabs.map(createApp)
  const context: Context = { rig, apps, setting, running: new Set(), changedAt: new Map() }
  try {
    for (const app of apps) {
      watch(app, 0)
      watch(app, FEED)
    }
    await rig.pass(500)
    for (const step of history.steps) {
      const app = apps[step.tab % apps.length]
      if (!app) continue
      const result = app.tab.act(() => ACTS[step.do](app, step, context))
      if (result instanceof Promise) {
        const running: Promise<unknown> = result.finally(() => context.running.delete(running))
        context.running.add(running)
      }
      await rig.pass(step.thenMs)
    }
    await heal(context)
    await judge(context, history, without)
  } finally {
    for (const { tab } of apps) tab.client.clear()
    setOnline(true)
    rig.close()
  }
}

async function heal(context: Context): Promise<void> {
  const { rig, apps, setting, running } = context
  while (running.size > 0) await rig.pass(1_000)
  rig.api.state.hangs = 0
  rig.api.state.fails = 0
  setOnline(true)
  for (const { tab } of apps) tab.page.show()
  if (rig.api.state.hasHung) {
    await rig.pass(HANG_MS)
    if (setting.alwaysVisible) {
      rig.stop()
      rig.start()
    } else {
      for (const { tab } of apps) tab.page.hide()
      await rig.pass(1_000)
      for (const { tab } of apps) tab.page.show()
    }
  }
  await rig.pass(HEAL_MS)
}

async function judge(context: Context, { steps }: History, without: ReadonlySet<string>): Promise<void> {
  const { rig, apps } = context
  for (const app of apps) {
    if (app.tab.line.status.name !== 'connected') throw new Broken(`connected: it is ${app.tab.line.status.name}`)
    judgeShown(context, app, 'active', without)
    judgeFetches(context, app, steps.length)
  }
  const before = apps.map(({ tab }) => tab.fetches.length)
  await rig.pass(QUIET_MS)
  apps.forEach(({ tab }, index) => {
    const more = tab.fetches.slice(before[index])
    if (more.length > 0) throw new Broken(`quiet: ${more.length} fetches of ${more[0]?.hash} though nothing is owed`)
  })
  await bringBack(context)
  for (const app of apps) judgeShown(context, app, 'back', without)
}

/** Active queries show the server's truth. */
function judgeShown(
  { rig, changedAt }: Context,
  { tab, watchers, loaded }: App,
  when: string,
  without: ReadonlySet<string>,
) {
  const enabled = [...watchers].filter(({ isEnabled }) => isEnabled)
  for (const q of new Set([...enabled.map((watcher) => watcher.q), ...loaded])) {
    const queryKey = QUERIES[q] ?? []
    const query = tab.client.getQueryCache().find({ queryKey, exact: true })
    const truth = rig.api.truth(queryKey)
    const data = query?.state.data as string | { readonly pages: readonly string[] } | undefined
    if (data === undefined) {
      if (without.has('check-first-load')) continue
      // A first load that failed, or was cancelled, is the app's. An event or a gap since then makes it owed.
      const began = tab.fetches.filter(({ hash }) => hash === query?.queryHash).at(-1)?.at ?? 0
      if ((changedAt.get(q) ?? 0) > began && query?.state.fetchStatus === 'idle')
        throw new Broken(
          `fresh (${when}): ${JSON.stringify(queryKey)} has no data, and a change came since its last fetch`,
        )
      continue
    }
    const shown = typeof data === 'string' ? [data] : data.pages
    if (shown.some((one) => one !== truth))
      throw new Broken(`fresh (${when}): ${JSON.stringify(queryKey)} shows ${shown}, and the server has ${truth}`)
  }
}

/** Receipts and fetches tell the same; a hidden tab fetches nothing; no storm. */
function judgeFetches({ setting }: Context, { tab }: App, steps: number): void {
  const ours = tab.fetches.filter(({ isOurs }) => isOurs)
  // Before its first load has ended it is not static.
  const isStatic = knowsStatic && ours.find(({ hash, hadData }) => hash === STATIC_HASH && hadData)
  if (isStatic) throw new Broken('static: a static query was fetched')
  const hidden = ours.find(({ wasVisible }) => !wasVisible)
  if (hidden) throw new Broken(`hidden: ${hidden.hash} was fetched in a hidden tab`)
  const near = (one: number, other: number) => Math.abs(one - other) <= RECEIPT_SLACK_MS
  for (const { at, receipt } of tab.receipts) {
    for (const key of receipt.refetched) {
      const hash = JSON.stringify(key)
      if (!tab.fetches.some((fetch) => fetch.hash === hash && near(fetch.at, at)))
        throw new Broken(`receipts: one (${receipt.cause}) says that ${hash} was refetched, and it was not`)
    }
  }
  const counts = new Map<string, number>()
  for (const { hash, at } of ours) {
    // Polling goes on for as long as the connection is down.
    const isPoll = tab.receipts.some(({ at: told, receipt }) => receipt.cause === 'poll' && near(told, at))
    if (!isPoll) counts.set(hash, (counts.get(hash) ?? 0) + 1)
    const isTold = tab.receipts.some(
      (received) =>
        (near(received.at, at) && received.receipt.refetched.some((key) => JSON.stringify(key) === hash)) ||
        (setting.shareFetches && received.receipt.shared.some((key) => JSON.stringify(key) === hash)),
    )
    if (!isTold) throw new Broken(`receipts: ${hash} was fetched, and no receipt says so`)
  }
  for (const [hash, count] of counts) {
    if (count > MAX_FETCHES_PER_STEP * (steps + 2))
      throw new Broken(`no storm: ${hash} was fetched ${count} times in a history of ${steps} steps`)
  }
}

/** The app shows everything that is in its cache. */
async function bringBack({ rig, apps, setting }: Context): Promise<void> {
  for (const app of apps) {
    const { tab, watchers } = app
    for (const watcher of watchers) if (!watcher.isEnabled) watcher.set({ enabled: true })
    if (app.leave === undefined) join(app)
    for (const [q, queryKey] of QUERIES.entries()) {
      if (q === FEED || tab.data(queryKey) === undefined || [...watchers].some((one) => one.q === q)) continue
      if (q === ROOM) continue
      if (setting.end === 'loader') {
        const load = { ...tab.optionsOf(queryKey), staleTime: Number.POSITIVE_INFINITY }
        // No component: what the loader gives is what the page begins with.
        tab.act(() => void tab.client.fetchQuery(load).catch(() => undefined))
        app.loaded.add(q)
        continue
      }
      watch(app, q, setting.end === 'mount' ? {} : { refetchOnMount: false })
    }
  }
  await rig.pass(BACK_MS)
}
