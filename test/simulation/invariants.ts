import type { World } from '../../src/testing/world.js'
import type { App, AppKind, Violate } from './app.js'
import { type Backend, IDENTITIES, type Identity, PATHS, type Path } from './backend.js'
import type { BrowserTabs } from './browser-tabs.js'
import type { Setting } from './command.js'
import type { Check } from './faults.js'

/** How long two healthy hubs may have a socket for the same key: while leadership changes. */
const MAX_OVERLAP_MS = { locks: 5_000, heartbeats: 15_000 }
/** How long a sign-out may take to a tab that is awake: by locks or storage, and where a dead hub is found by its silence. */
const MAX_SIGN_OUT_MS = { locks: 30_000, heartbeats: 60_000 }

export interface InvariantOptions {
  readonly world: World
  readonly backend: Backend
  readonly tabs: BrowserTabs
  readonly setting: Setting
  readonly checks: ReadonlySet<Check>
  readonly violate: Violate
}

/** What a browser can do, whatever it says that it has. */
export const abilitiesOf = (setting: Setting) => ({
  locks: setting.webLocks && setting.lockTrouble === 'none',
  channel: setting.channel && setting.channelTrouble === 'none',
})

/** A user at an endpoint. */
const ACCOUNTS: readonly { readonly who: Identity; readonly path: Path }[] = IDENTITIES.flatMap((who) =>
  PATHS.map((path) => ({ who, path })),
)

/** The promises, as checks of a world. */
export function createInvariants(options: InvariantOptions) {
  const { world, backend, tabs, setting, checks, violate } = options
  const can = abilitiesOf(setting)
  const overlap = new Map<string, number>()
  const active = () => tabs.all().filter(({ app }) => app.page.state === 'active' && !app.page.realm.isSuspended)
  const isOf = (app: App, who: Identity, path: Path) => app.identity === who && app.kind.path === path
  const excused = checks.has('check-convergence') ? ['signed-out'] : ['signed-out', 'unauthorized']
  const wantsSocket = (app: App) => !excused.includes(app.line.status.name)
  /** How many sockets an account may have: one for each app, or for each tab. */
  const maxSockets = (who: Identity, path: Path): number => {
    const all = tabs.all().filter(({ app }) => isOf(app, who, path))
    return setting.host === 'this-tab' ? all.length : Math.max(1, new Set(all.map(({ app }) => app.kind.name)).size)
  }

  return {
    /** At any moment: no two healthy hubs have a socket for the same key for long. */
    overlap(): void {
      if (!can.channel || setting.host === 'this-tab') return
      const now = world.machine.monotonic()
      const healthy = world.transports().filter(({ realm }) => !realm.isSuspended)
      for (const { who, path } of ACCOUNTS) {
        const hubs = healthy.filter((hub) => hub.identity === who && hub.path === path)
        const id = `${who} ${path}`
        // A former app may still hold its socket for a while.
        const allowed = setting.apps === 'names' ? 2 : 1
        if (hubs.length <= allowed || world.machine.isAsleep()) overlap.delete(id)
        else {
          const since = overlap.get(id) ?? now
          overlap.set(id, since)
          if (now - since > (can.locks ? MAX_OVERLAP_MS.locks : MAX_OVERLAP_MS.heartbeats))
            violate(
              'one socket',
              `${hubs.map(({ realm }) => realm.name).join(' and ')} had a socket of ${who} at once for ${now - since} ms`,
            )
        }
      }
    },
    sockets(when: string): void {
      // Only a visible tab steals from an owner that hangs for good; hidden ones wait for it.
      const hung = [...tabs.all().map(({ app }) => app.page), ...world.workers.all()].some(
        ({ realm }) => realm.isSuspended,
      )
      for (const { who, path } of ACCOUNTS) {
        const count = world.server.sockets().filter((socket) => socket.identity === who && socket.path === path).length
        const wanted =
          backend.token(who) !== undefined &&
          active().some(({ app }) => isOf(app, who, path) && wantsSocket(app) && (!hung || app.page.isVisible()))
        const where = () =>
          active()
            .map(({ app }) => `${app.page.realm.name} ${app.line.status.name} at ${app.line.status.host}`)
            .join(', ')
        if (wanted && count === 0) violate('one socket', `${when}: no socket for ${who}${path} (${where()})`)
        // Without a channel, tabs that can't reach one worker can't find each other.
        if (can.channel && count > maxSockets(who, path))
          violate('one socket', `${when}: ${count} sockets for ${who}${path} (${where()})`)
        if (!tabs.all().some(({ app }) => isOf(app, who, path)) && count > 0)
          violate('one socket', `${when}: a socket for ${who}${path}, who is signed in nowhere`)
      }
    },
    /** `hard`: every tab has been visible, so that there is no excuse. */
    fresh(when: string, hard: boolean): void {
      for (const { app } of tabs.all()) {
        if (
          !app.page.isVisible() ||
          app.page.realm.isSuspended ||
          app.identity === undefined ||
          backend.token(app.identity) === undefined
        )
          continue
        if (!hard && excused.includes(app.line.status.name)) continue
        // The app retries a failed fetch, or it waits until the tab is visible.
        const stale = app.stale().filter((what) => hard || !what.includes('(error'))
        const [first] = stale
        if (first)
          violate(
            'no tab stays stale',
            `${when}: ${first}; the line is ${app.line.status.name} at ${app.line.status.host}`,
          )
        if (app.fetchesInFlight() > 0) violate('no storm', `${when}: ${app.page.realm.name} still fetches`)
        if (hard && app.line.status.name !== 'connected')
          violate(
            'no tab stays stale',
            `${when}: ${app.page.realm.name} is ${app.line.status.name} (${app.line.status.reason})`,
          )
      }
    },
    /** Whoever is awake finds the owner, also in a hidden tab: only an owner that hangs waits for somebody who looks. */
    attached(when: string): void {
      const isConnected = ({ line: { status } }: App) => status.name === 'connected'
      for (const { app } of active()) {
        const { identity, kind, page, line } = app
        if (identity === undefined || !wantsSocket(app) || line.status.host !== undefined) continue
        const others = active().filter(({ app: one }) => one.kind === kind && isOf(one, identity, kind.path))
        if (can.channel && can.locks && others.some(({ app: one }) => isConnected(one)))
          violate(
            'no dead end',
            `${when}: ${page.realm.name} is ${line.status.name} (${line.status.reason}), without a hub`,
          )
      }
    },
    /** At any moment: whoever has signed out is signed out in every tab of the app that is awake. */
    signedOut(): void {
      if (!checks.has('check-sign-out') || world.machine.isAsleep()) return
      // Without a channel a tab of its own learns it only from storage.
      const limitMs = can.locks ? MAX_SIGN_OUT_MS.locks : MAX_SIGN_OUT_MS.heartbeats
      for (const { app } of active()) {
        if (app.identity === undefined) continue
        const at = tabs.signedOutAt(app.kind, app.identity)
        if (at === undefined || app.mountedAt() >= at) continue
        const awakeMs = world.machine.time.now() - app.page.realm.awakeSince
        const forMs = Math.min(world.machine.monotonic() - at, awakeMs)
        if (forMs > limitMs)
          violate(
            'sign-out',
            `${app.page.realm.name} is ${app.line.status.name} as ${app.identity} at ${app.line.status.host}, ${Math.round(forMs)} ms after the sign-out`,
          )
      }
    },
    /** At any moment: only a sign-out ends a session. */
    signedIn(): void {
      if (!checks.has('check-sign-out')) return
      for (const { app } of tabs.all()) {
        const last = app.forgotten()
        if (!last?.who) continue
        const at = tabs.signedOutAt(app.kind, last.who)
        if (at === undefined || at < last.mountedAt - SIGN_OUT_TRAVEL_MS)
          violate('sign-out', `${app.page.realm.name} was signed out as ${last.who}, and nobody has signed out since`)
      }
    },
    /** What a status says is so. */
    status(when: string): void {
      if (checks.has('check-status'))
        checkStatus(
          options,
          active().map(({ app }) => app),
          when,
        )
    },
    /** Pipes of dead or departed tabs are closed at both ends. */
    pipes(when: string): void {
      // A page that is away closes its end when it is back.
      const away = new Set([
        ...tabs
          .all()
          .flatMap(({ app: { page } }) => (active().some(({ app }) => app.page === page) ? [] : [page.realm.name])),
        ...world.workers.all().flatMap(({ realm }) => (realm.isSuspended ? [realm.name] : [])),
      ])
      const ends = new Map<string, string[]>()
      for (const { name, owner } of world.channels.owners())
        if (name.includes('/pipe/')) ends.set(name, [...(ends.get(name) ?? []), owner])
      const single = [...ends.values()].filter(
        (owners) => owners.length !== 2 && !owners.some((owner) => away.has(owner)),
      )
      if (single.length > 0)
        violate('nothing leaks', `${when}: pipes with one end only, which is open in ${single.flat().join(', ')}`)
    },
    empty: (when: string) => checkEmpty(options, when),
  }
}

/** How long a sign-out in one tab may be on its way to another one, where somebody signs in meanwhile. */
const SIGN_OUT_TRAVEL_MS = 3_000

/** `connected` means a socket of that user; the number of tabs, the host and the role are those that there are. */
function checkStatus({ world, tabs, setting, violate }: InvariantOptions, active: readonly App[], when: string): void {
  const isSame = (one: AppKind, other: AppKind) => one.name === other.name && one.path === other.path
  for (const app of active) {
    const { name, tabs: count, host, role, epoch } = app.line.status
    const { identity, kind, page } = app
    if (identity === undefined || name !== 'connected') continue
    // A hidden tab does not look after its hub as often.
    if (!page.isVisible()) continue
    const says = `${when}: ${page.realm.name}`
    const sockets = world.server.sockets().filter((one) => one.identity === identity && one.path === kind.path)
    if (sockets.length === 0) violate('status', `${says} says connected, without a socket of ${identity}`)
    const family = tabs.all().filter(({ app: other }) => other.identity === identity && isSame(other.kind, kind))
    const same = active.filter((other) => other.identity === identity && other.line.status.epoch === epoch)
    if (count < same.length) violate('status', `${says} says ${count} tabs of ${same.length}`)
    if (when === 'visible' && abilitiesOf(setting).locks && count > family.length)
      violate('status', `${says} says ${count} tabs, and there are ${family.length}`)
    const hubs = world
      .transports()
      .filter((one) => one.identity === identity && one.path === kind.path)
      .map(({ realm }) => realm.name)
    const own = hubs.includes(page.realm.name)
    if (hubs.length === 0) continue
    if (host === 'shared-worker' && !hubs.some((hub) => hub.startsWith('worker')))
      violate('status', `${says} says shared-worker, and the socket is in ${hubs.join(', ')}`)
    if ((host === 'this-tab' || role === 'leader') && !own)
      violate('status', `${says} says ${role ?? host}, and the socket is in ${hubs.join(', ')}`)
  }
}

/** After every unmount: no page and no worker keeps anything. */
function checkEmpty({ world, tabs, checks, violate }: InvariantOptions, when: string): void {
  for (const { app } of tabs.all()) {
    const { listeners, timers, locks, pipes } = app.page.holds()
    const { name } = app.page.realm
    if (listeners > 0) violate('nothing leaks', `${when}: ${name} still listens to its page (${listeners})`)
    if (locks.length > 0) violate('nothing leaks', `${when}: ${name} holds or waits for ${locks.join(', ')}`)
    if (timers > 0) violate('nothing leaks', `${when}: ${name} has ${timers} timers`)
    if (pipes > 0 && checks.has('check-held')) violate('nothing leaks', `${when}: ${name} has ${pipes} pipes open`)
  }
  for (const worker of world.workers.all()) {
    const locks = worker.heldLocks()
    if (locks.length > 0)
      violate('nothing leaks', `${when}: ${worker.realm.name} holds or waits for ${locks.join(', ')}`)
    if (worker.realm.timers() > 0)
      violate('nothing leaks', `${when}: ${worker.realm.name} has ${worker.realm.timers()} timers`)
  }
  const channels = world.channels.names()
  if (channels.length > 0) violate('nothing leaks', `${when}: channels are open: ${[...new Set(channels)].join(', ')}`)
  const transports = world.transports()
  if (transports.length > 0)
    violate('nothing leaks', `${when}: ${transports.map(({ realm }) => realm.name).join(', ')} still has a transport`)
  const sockets = world.server.sockets().length
  if (sockets > 0) violate('one socket', `${when}: ${sockets} sockets are left at the server`)
}
