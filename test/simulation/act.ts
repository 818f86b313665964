import { type ActContext, actFault, isFault } from './act-fault.js'
import { IDENTITIES, type Identity } from './backend.js'
import type { BrowserTab } from './browser-tabs.js'
import type { Command } from './command.js'

/** Pages and workers that hang for longer than this hang until the end, when every tab becomes visible. */
const MAX_HANG_MS = 20_000

type Suspendable = { suspend(why: string): void; resume(why: string): void }

const identity = (index: number): Identity => IDENTITIES[index % IDENTITIES.length] ?? 'ann'

/** What several kinds of commands do. */
function actionsOf({ world, backend, tabs }: ActContext) {
  const { server, network, machine } = world
  const write = (who: Identity, row: number) => {
    for (const path of tabs.paths()) backend.write(world, who, row, { path })
  }
  return {
    write,
    writeAll(rows: readonly number[]): void {
      for (const row of rows) write('ann', row)
    },
    hang(realm: Suspendable, ms: number): void {
      realm.suspend('hung')
      if (ms <= MAX_HANG_MS) machine.time.after(ms, () => realm.resume('hung'))
    },
    /** The server and the network are back. */
    restore(): void {
      server.open()
      network.change('up')
      for (const { app } of tabs.all()) app.page.online()
    },
  }
}

/** Carries out a command in the world. */
export async function act(command: Command, context: ActContext): Promise<void> {
  if (isFault(command)) return actFault(command, context)
  if (!('tab' in command)) return actWorld(command, context)
  const all = context.tabs.all()
  const tab = all.length === 0 ? undefined : all[command.tab % all.length]
  if (tab) await actTab(command, tab, context)
}

type OtherCommand = Exclude<Command, Parameters<typeof actFault>[0]>

/** Carries out what is of no tab. */
async function actWorld(command: Exclude<OtherCommand, { readonly tab: number }>, context: ActContext): Promise<void> {
  const { world, backend, tabs, pass } = context
  const { server, network } = world
  const { write, writeAll, hang, restore } = actionsOf(context)

  switch (command.do) {
    case 'open':
      if (tabs.all().length < 7) tabs.open(identity(command.who), command.trouble, command.queries, command.app)
      return
    case 'pass':
      return pass(command.ms)
    case 'write':
      return write(identity(command.who), command.row)
    case 'burst':
      for (let index = 0; index < command.count; index++) {
        write(identity(command.who), index % 4)
        await pass(command.gap)
      }
      return
    case 'kill-workers':
      for (const worker of world.workers.all()) worker.realm.die()
      return
    case 'deploy':
      return tabs.deploy()
    case 'hang-hub': {
      const hub = world.transports().find((opened) => opened.identity === identity(command.who))
      if (hub) hang(hub.realm, command.ms)
      return
    }
    case 'half-open':
      return network.halfOpen()
    case 'network':
      network.change(command.state)
      if (command.state === 'up') for (const { app } of tabs.all()) app.page.online()
      return
    case 'refuse':
      return server.refuse()
    case 'serve':
      return server.open()
    case 'restart':
      server.stop()
      await pass(command.ms)
      return server.open()
    case 'expire':
      backend.expire(identity(command.who))
      if (command.kick) server.kick(identity(command.who))
      return
    case 'outage':
      if (command.how === 'restart') server.stop()
      else network.change(command.how)
      await pass(command.ms / 2)
      writeAll(command.rows)
      await pass(command.ms / 2)
      return restore()
    case 'sleep':
      world.sleep(command.ms)
      for (let index = 0; index < command.writes; index++) write('ann', index)
      return pass(command.ms)
  }
}

/** Carries out what one tab does, or suffers. */
async function actTab(
  command: Extract<OtherCommand, { readonly tab: number }>,
  tab: BrowserTab,
  context: ActContext,
): Promise<void> {
  const { tabs, pass } = context
  const { app } = tab
  const { page } = app
  const { write, hang } = actionsOf(context)

  switch (command.do) {
    case 'nap':
      return nap(command, tab, context)
    case 'mutate':
      return page.run(() => app.mutate(command.row, command.optimistic))
    case 'use':
      return page.run(() => app.use(command.query))
    case 'drop':
      return page.run(() => app.drop(command.query))
    case 'close':
    case 'crash':
      return tabs.close(tab, command.do)
    case 'hide':
      return page.hide()
    case 'show':
      return tabs.show(tab)
    case 'freeze':
      page.hide()
      return page.freeze()
    case 'resume':
      return page.resume()
    case 'park':
      return page.park()
    case 'back':
      return tabs.back(tab)
    case 'reload':
      return tabs.reload(tab)
    case 'sign-out':
      // In the middle of a burst: some of it is on its way to the tab.
      for (let event = 0; app.identity !== undefined && event < 6; event++) {
        write(app.identity, event % 4)
        await pass(1)
      }
      return page.run(app.signOut)
    case 'sign-in':
      return page.run(() => app.enter(app.identity ?? 'ann', tab.queries))
    case 'switch':
      return page.run(() => app.enter(identity(command.who), tab.queries))
    case 'hang':
      return hang(page.realm, command.ms)
  }
}

/** A page is away, and comes back; maybe there is an outage meanwhile. */
async function nap(
  command: Extract<Command, { readonly do: 'nap' }>,
  tab: BrowserTab,
  context: ActContext,
): Promise<void> {
  const { world, tabs, pass } = context
  const { server, network } = world
  const { page } = tab.app
  const { writeAll, restore } = actionsOf(context)

  page.hide()
  page[command.how]()
  await pass(command.ms)
  if (command.replaced) {
    for (const worker of world.workers.all()) worker.realm.die()
    await pass(3_000 + command.ms)
  }
  // Some rows before the outage, some during it.
  writeAll(command.rows)
  if (command.outage !== 'none') await pass(command.ms / 2)
  if (command.outage === 'restart') server.stop()
  if (command.outage === 'cut') network.change('cut')
  if (command.outage === 'half-open') network.halfOpen()
  if (command.outage !== 'none') writeAll(command.rows.slice(1))
  await pass(command.ms / 2)
  if (command.early) tabs.show(tab)
  if (command.outage === 'restart' || command.outage === 'cut') {
    if (command.early) await pass(1_000)
    restore()
    // The other tabs have time to reconnect.
    await pass(command.ms * 2)
  }
  tabs.show(tab)
}
