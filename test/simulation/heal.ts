import type { App } from './app.js'
import type { Backend } from './backend.js'
import { abilitiesOf, type InvariantOptions } from './invariants.js'

/**
 * Ends every fault of the world. What only one tab lacks stays: as long as one awake tab of a user has valid credentials, it
 * is the library's to find it. `wasFinal`: the server said that a refusal was final, so the app itself asks for an attempt.
 */
export function heal(
  { world, backend, tabs, setting }: Pick<InvariantOptions, 'world' | 'backend' | 'tabs' | 'setting'>,
  wasFinal: boolean,
): void {
  const { server, network, chunks } = world
  server.open()
  server.deny(undefined)
  server.dropAfter(undefined)
  const wasUp = network.state === 'up'
  network.change('up')
  chunks.restore()
  backend.disturbUrl(undefined)
  for (const tab of [...tabs.all()]) if (chunks.isOutdated(tab.app.page.realm.name)) tabs.reload(tab)

  healCredentials({ backend, tabs, setting })
  // Nothing else may help a line that has given up: neither an event nor the app.
  if (!wasUp) for (const { app } of tabs.all()) app.page.online()
  if (wasFinal) for (const { app } of tabs.all()) app.page.run(app.retry)
}

type HealedWorld = Pick<InvariantOptions, 'backend' | 'tabs' | 'setting'>

/** Gives one awake tab of each user valid credentials; where tabs can't help each other, every tab. */
export function healCredentials(options: HealedWorld): void {
  healUsers(options)
  // A tab that hangs or is frozen may begin another session when it goes on: of a user who had no credentials until then, or
  // whose healed tab its sign-out has signed out.
  for (const { app } of options.tabs.all()) {
    const mountedAt = app.mountedAt()
    app.page.run(() => {
      if (app.mountedAt() !== mountedAt) healUsers(options)
    })
  }
}

function healUsers({ backend, tabs, setting }: HealedWorld): void {
  const groups = new Map<string, App[]>()
  for (const { app } of tabs.all()) {
    const { name, path } = app.kind
    const id = `${name} ${path} ${app.identity}`
    groups.set(id, [...(groups.get(id) ?? []), app])
  }
  const canShare = abilitiesOf(setting).channel && setting.host !== 'this-tab'
  for (const group of groups.values()) {
    const awake = group.find((app) => app.page.isVisible() && !app.page.realm.isSuspended && !isSignedOut(app, tabs))
    const healed = canShare && awake ? [awake] : group
    for (const app of healed) healApp(app, backend)
  }
}

/** Also where it has not heard of it yet. */
function isSignedOut({ kind, identity, mountedAt }: App, tabs: HealedWorld['tabs']): boolean {
  const at = identity === undefined ? undefined : tabs.signedOutAt(kind, identity)
  return at !== undefined && mountedAt() < at
}

function healApp({ credentials, identity }: App, backend: Backend): void {
  credentials.disturb(undefined)
  if (identity !== undefined && backend.token(identity) !== undefined) credentials.refresh(identity)
}
