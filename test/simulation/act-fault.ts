import { seededRandom } from '../../src/testing/machine.js'
import type { World } from '../../src/testing/world.js'
import { type Backend, IDENTITIES, type Identity } from './backend.js'
import type { BrowserTab, BrowserTabs } from './browser-tabs.js'
import type { Command, Fault } from './command.js'
import { FAULT_COMMANDS } from './faults.js'

/** How long a tab takes to join a room and to read it. */
const JOIN_MS = 3_000

/** Where commands are carried out. */
export interface ActContext {
  readonly world: World
  readonly backend: Backend
  readonly tabs: BrowserTabs
  readonly pass: (ms: number) => Promise<void>
}

const FAULTS: ReadonlySet<string> = new Set(FAULT_COMMANDS)

export const isFault = (command: Command): command is Fault => FAULTS.has(command.do)

/** Carries out a fault in the world. */
export async function actFault(command: Fault, context: ActContext): Promise<void> {
  const { world, backend, tabs, pass } = context
  const { server, machine } = world
  const identity = (index: number): Identity => IDENTITIES[index % IDENTITIES.length] ?? 'ann'

  switch (command.do) {
    case 'store-down': {
      const code = command.how === 'unavailable' ? command.how : undefined
      server.deny({ reason: 'the session store is down', code, ...(command.how === 'final' && { final: true }) })
      if (command.kick) for (const who of IDENTITIES) server.kick(who)
      machine.time.after(command.ms, () => server.deny(undefined))
      return command.waits ? pass(command.ms) : undefined
    }
    case 'flap':
      server.dropAfter(command.after)
      for (const who of IDENTITIES) server.kick(who)
      await pass(command.ms)
      return server.dropAfter(undefined)
    case 'online-storm':
      for (let event = 0; event < command.count; event++) {
        for (const { app } of tabs.all()) app.page.online()
        await pass(command.gap)
      }
      return
    case 'clock':
      return machine.moveWallClock(command.by)
    case 'chunks':
      world.chunks.loseFor(command.ms)
      if (command.forGood) for (const { app } of tabs.all()) world.chunks.outdate(app.page.realm.name)
      return
    case 'foreign':
      return postForeign(world, command.what, command.seed)
    case 'spread':
      for (const path of tabs.paths())
        backend.write(world, identity(command.who), command.row, { path, spreadMs: command.ms })
      return
    case 'announce':
      return server.announce({ [command.what]: true, spreadMs: command.ms })
    case 'write-any':
      for (const path of tabs.paths()) backend.write(world, identity(command.who), command.row, { path, all: true })
      return
    case 'garble':
      for (const path of tabs.paths()) {
        server.garbleNext(GARBLED[command.what % GARBLED.length] as (name: string) => unknown)
        backend.write(world, identity(command.who), command.row, { path })
      }
      return
    case 'url-trouble':
      return backend.disturbUrl(command.how === 'none' ? undefined : command.how)
  }
  const all = tabs.all()
  const tab = all.length === 0 ? undefined : all[command.tab % all.length]
  if (tab) await actTabFault(command, tab, context)
}

/** Carries out a fault of one tab. */
async function actTabFault(
  command: Extract<Fault, { readonly tab: number }>,
  tab: BrowserTab,
  { world, backend, tabs, pass }: ActContext,
): Promise<void> {
  const { app } = tab
  const { page } = app
  const killHub = () => {
    const hub = world
      .transports()
      .find(({ identity, path }) => identity === app.identity && path === app.kind.path)?.realm
    const owner = tabs.all().find((one) => one.app.page.realm === hub)
    if (owner) tabs.close(owner, 'crash')
    else hub?.die()
  }

  switch (command.do) {
    case 'auth-trouble':
      return app.credentials.disturb(command.how === 'none' ? undefined : command.how)
    case 'refresh':
      if (app.identity !== undefined && backend.token(app.identity) !== undefined) app.credentials.refresh(app.identity)
      return
    case 'send': {
      const { sends, identity = 'ann' } = app
      return page.run(() => {
        for (let n = 0; n < command.count; n++) sends.send(identity, command.ms)
        if (command.next === 'sign-out') app.signOut()
        else if (command.next === 'leave') app.leave()
        if (command.next !== 'nothing') sends.send(identity, command.ms)
      })
    }
    case 'topic':
      return page.run(() => (command.joins ? app.join(command.room) : app.part(command.room)))
    case 'room-write':
      return page.run(() => app.writeRoom(command.room))
    case 'forge': {
      page.run(() => app.join(command.room))
      await pass(JOIN_MS)
      page.run(() => app.writeRoom(command.room))
      await pass(command.after)
      // Another member of the room takes what its event carried for the name of a request of its own.
      return backend.writeRoom(world, command.room, backend.seenOrigin())
    }
    case 'sign-out-crash':
      if (command.after < 0) {
        killHub()
        await pass(-command.after)
      }
      page.run(app.signOut)
      if (command.after < 0) return
      // Not its microtasks: a crash comes between tasks.
      await pass(command.after)
      return killHub()
    case 'frozen-sign-out': {
      const others = tabs.all().filter((one) => one !== tab)
      for (const other of others) {
        other.app.page.hide()
        other.app.page.freeze()
      }
      await pass(100)
      page.run(app.signOut)
      if (command.crash) {
        await pass(5)
        killHub()
      }
      await pass(command.ms)
      for (const other of others) if (tabs.all().includes(other)) tabs.show(other)
      return
    }
    case 'sign-out-in': {
      const who = app.identity
      if (who !== undefined)
        page.run(() => {
          app.signOut()
          app.enter(who, tab.queries)
        })
      return
    }
    case 'remount': {
      const who = app.identity
      if (who === undefined) return
      const { path } = app.kind
      backend.write(world, who, 0, { path })
      // It is heard, and maybe its refetch is under way.
      await pass(200)
      if (app.identity === who) page.run(app.leave)
      backend.write(world, who, 1, { path })
      await pass(command.ms)
      if (tabs.all().includes(tab)) page.run(() => app.enter(who, tab.queries))
    }
  }
}

/** What arrives in place of an event: what is no frame, and an event whose metadata can't be read. */
const GARBLED: readonly ((name: string) => unknown)[] = [
  () => new ArrayBuffer(8),
  () => '',
  () => '{"event":',
  () => 'null',
  () => '[]',
  () => '{"event":7}',
  () => `{"event":"row_changed","metadata":{"owner":"nobody","long":"${'x'.repeat(70_000)}"}}`,
  () => `{"event":"_line","metadata":${'{"in":'.repeat(100)}1${'}'.repeat(100)}}`,
  (name) => `{"event":"${name}","metadata":${'{"in":'.repeat(100)}1${'}'.repeat(100)}}`,
]

/** What a script of the origin may post: other libraries' messages, old versions of ours, and nonsense. */
const FOREIGN: readonly ((random: () => number) => unknown)[] = [
  () => null,
  () => 'ping',
  () => [],
  () => ({ type: 'APPLY' }),
  () => ({ election: 'claim', term: Number.MAX_SAFE_INTEGER, candidate: 'a' }),
  () => ({ election: 'beat', term: Number.MAX_SAFE_INTEGER - 1, candidate: 'b' }),
  () => ({ election: 'steal', term: Number.MAX_SAFE_INTEGER, candidate: '' }),
  () => ({ election: 'claim', term: -1, candidate: 'c' }),
  () => ({ election: 'beat', term: 1e308, candidate: 'd' }),
  () => ({ kind: 'elected' }),
  () => ({ kind: 'elected', owner: 'nobody' }),
  () => ({ kind: 'connect-request', reply: '' }),
  () => ({ kind: 'connect-request', reply: {} }),
  () => ({ kind: 'connect-response', owner: 'nobody', pipe: 'nowhere' }),
  () => ({ kind: 'events', seq: 0, events: '[["row_changed",{"row":0,"owner":"nobody"}]' }),
  () => ({ kind: 'events', seq: '1', events: {} }),
  () => ({ kind: 'gap', seq: Number.NaN, reason: 1 }),
  () => ({ kind: 'state', socket: null, tabs: 'many' }),
  (random) => ({ kind: 'credentials-request', request: Math.floor(random() * 3) }),
  () => ({ kind: 'problem' }),
  () => ({ election: 'beat', term: 'x', candidate: 7 }),
]

function postForeign(world: World, what: number, seed: number): void {
  const random = seededRandom(seed)
  const message = FOREIGN[what % FOREIGN.length]?.(random)
  for (const name of new Set(world.channels.names())) if (random() < 0.8) world.channels.inject(name, message)
}
