import type { World } from '../../src/testing/world.js'
import type { App, Violate } from './app.js'
import { type Backend, IDENTITIES } from './backend.js'
import type { BrowserTabs } from './browser-tabs.js'
import type { Setting } from './command.js'

/** How long two healthy hubs may have a socket for the same key: while leadership changes. */
const MAX_OVERLAP_MS = { locks: 5_000, heartbeats: 15_000 }

/** The promises, as checks of a world. */
export function createInvariants(
  world: World,
  backend: Backend,
  tabs: BrowserTabs,
  setting: Setting,
  violate: Violate,
) {
  const overlap = new Map<string, number>()
  const active = () => tabs.all().filter(({ app }) => app.page.state === 'active' && !app.page.realm.isSuspended)
  const wantsSocket = (app: App, who: string) =>
    app.identity === who && !['signed-out', 'unauthorized'].includes(app.line.status.name)

  return {
    /** At any moment: no two healthy hubs have a socket for the same key for long. */
    overlap(): void {
      if (!setting.channel) return
      const now = world.machine.now()
      const healthy = world.transports().filter(({ realm }) => !realm.isSuspended)
      for (const who of IDENTITIES) {
        const hubs = healthy.filter(({ identity }) => identity === who)
        if (hubs.length <= 1 || world.machine.isAsleep()) overlap.delete(who)
        else {
          const since = overlap.get(who) ?? now
          overlap.set(who, since)
          if (now - since > (setting.webLocks ? MAX_OVERLAP_MS.locks : MAX_OVERLAP_MS.heartbeats))
            violate(
              'one socket',
              `${hubs.map(({ realm }) => realm.name).join(' and ')} had a socket of ${who} at once for ${now - since} ms`,
            )
        }
      }
    },
    sockets(when: string): void {
      for (const who of IDENTITIES) {
        const count = world.server.sockets().filter(({ identity }) => identity === who).length
        // Only a visible tab steals from an owner that hangs for good; hidden ones wait for it.
        const hung = [...tabs.all().map(({ app }) => app.page), ...world.workers.all()].some(
          ({ realm }) => realm.isSuspended,
        )
        const wanted =
          backend.token(who) !== undefined &&
          active().some(({ app }) => wantsSocket(app, who) && (!hung || app.page.isVisible()))
        const where = active()
          .map(({ app }) => `${app.page.realm.name} ${app.line.status.name} at ${app.line.status.host}`)
          .join(', ')
        if (wanted && count === 0) violate('one socket', `${when}: no socket for ${who} (${where})`)
        // Without a channel, tabs that can't reach one worker can't find each other.
        if (setting.channel && count > 1) violate('one socket', `${when}: ${count} sockets for ${who} (${where})`)
        if (!tabs.all().some(({ app }) => app.identity === who) && count > 0)
          violate('one socket', `${when}: a socket for ${who}, who is signed in nowhere`)
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
        if (!hard && app.line.status.name === 'unauthorized') continue
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
    /** After every unmount: no page and no worker keeps anything. */
    empty(when: string): void {
      for (const { app } of tabs.all()) {
        const { listeners, timers, locks } = app.page.holds()
        const { name } = app.page.realm
        if (listeners > 0) violate('nothing leaks', `${when}: ${name} still listens to its page (${listeners})`)
        if (locks.length > 0) violate('nothing leaks', `${when}: ${name} holds or waits for ${locks.join(', ')}`)
        if (timers > 0) violate('nothing leaks', `${when}: ${name} has ${timers} timers`)
      }
      for (const worker of world.workers.all()) {
        const locks = worker.heldLocks()
        if (locks.length > 0)
          violate('nothing leaks', `${when}: ${worker.realm.name} holds or waits for ${locks.join(', ')}`)
        if (worker.realm.timers() > 0)
          violate('nothing leaks', `${when}: ${worker.realm.name} has ${worker.realm.timers()} timers`)
      }
      const channels = world.channels.names()
      if (channels.length > 0)
        violate('nothing leaks', `${when}: channels are open: ${[...new Set(channels)].join(', ')}`)
      const transports = world.transports()
      if (transports.length > 0)
        violate(
          'nothing leaks',
          `${when}: ${transports.map(({ realm }) => realm.name).join(', ')} still has a transport`,
        )
      const sockets = world.server.sockets().length
      if (sockets > 0) violate('one socket', `${when}: ${sockets} sockets are left at the server`)
    },
  }
}
