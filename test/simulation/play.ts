import { createWorld } from '../../src/testing/world.js'
import { act } from './act.js'
import type { Violate } from './app.js'
import { createBackend, QUERIES } from './backend.js'
import { createBrowserTabs } from './browser-tabs.js'
import type { History } from './command.js'
import { createInvariants } from './invariants.js'

/** How long (ms) the world is left alone before it has to be in order again: without Web Locks a crash is told by a silence of minutes. */
const QUIET = { locks: 240_000, heartbeats: 480_000 }
/** After that every tab is looked at, and has this long (ms). */
const LOOKED_AT = 90_000
/** How long (ms) a query that comes into use may take to be shown. */
const IN_USE = 10_000
/** How long (ms) hubs may linger once nobody is left: some more than the setting's. */
const FAREWELL = 60_000
/** The standing invariants are looked at this often (ms). */
const LOOK = 500

export class Violation extends Error {
  constructor(
    readonly invariant: string,
    readonly what: string,
  ) {
    super(`${invariant}: ${what}`)
  }
}

export interface Played {
  /** Virtual milliseconds. */
  readonly time: number
  readonly tasks: number
  readonly tabs: number
  readonly problems: Readonly<Record<string, number>>
}

/** What went wrong outside of any promise's chain while a history was played. */
export const stray: unknown[] = []

/** Plays a history to its end and asks whether every promise was kept. Throws a `Violation` when one was not. */
export async function play(
  { setting, commands }: History,
  { ignore = [], trace }: { readonly ignore?: readonly string[]; readonly trace?: (line: string) => void } = {},
): Promise<Played> {
  let violation: Violation | undefined
  const violate: Violate = (invariant, what) => {
    if (!ignore.some((text) => `${invariant}: ${what}`.includes(text))) violation ??= new Violation(invariant, what)
  }
  stray.length = 0

  const backend = createBackend()
  const world = createWorld({ ...setting, identify: backend.identify })
  const tabs = createBrowserTabs(world, backend, setting, violate)
  const invariants = createInvariants(world, backend, tabs, setting, violate)
  const began = world.machine.now()
  let looked = began
  let opened = 0
  const problems: Record<string, number> = {}

  const look = () => {
    if (world.machine.now() - looked < LOOK) return
    looked = world.machine.now()
    invariants.overlap()
  }
  const pass = async (ms: number) => {
    await world.pass(ms, look)
    if (stray.length > 0) violate('honest', `a stray rejection: ${String((stray[0] as Error)?.stack ?? stray[0])}`)
    if (violation) throw violation
  }
  const step = async (name: string, ms: number, check: () => void) => {
    await pass(ms)
    trace?.(`${world.machine.now() - began} ms: ${name}`)
    check()
    if (violation) throw violation
  }

  try {
    for (const command of commands) {
      trace?.(`${world.machine.now() - began} ms: ${JSON.stringify(command)}`)
      if (command.do === 'open') opened++
      await act(command, world, backend, tabs, pass)
      await pass(1)
    }

    world.server.open()
    world.network.change('up')
    for (const { app } of tabs.all()) app.page.online()
    await step('left alone', setting.webLocks ? QUIET.locks : QUIET.heartbeats, () => {
      invariants.sockets('left alone')
      invariants.fresh('left alone', false)
      invariants.pipes('left alone')
    })

    for (const { realm } of world.workers.all()) realm.resume('hung')
    for (const tab of tabs.all()) {
      tab.app.page.wake()
      tab.app.page.hide()
      tabs.show(tab)
    }
    await step('looked at', LOOKED_AT, () => {
      invariants.sockets('looked at')
      invariants.fresh('looked at', true)
      // Without Web Locks only long silence tells an owner that hung meanwhile which tabs have gone.
      if (setting.webLocks) invariants.pipes('looked at')
    })

    for (const { app } of tabs.all()) app.page.run(() => QUERIES.forEach((_, index) => void app.use(index)))
    await step('all in use', IN_USE, () => invariants.fresh('all in use', true))

    for (const { app } of tabs.all()) {
      for (const [code, count] of app.problems) problems[code] = (problems[code] ?? 0) + count
      app.page.run(app.leave)
    }
    await step('all left', FAREWELL, () => invariants.empty('all left'))

    for (const tab of [...tabs.all()]) tabs.close(tab, 'close')
    await step('all closed', FAREWELL, () => {
      invariants.empty('all closed')
      if (world.locks.names().length > 0) violate('nothing leaks', `locks are left: ${world.locks.names().join(', ')}`)
      if (world.workers.all().length > 0) violate('nothing leaks', 'a worker outlived its tabs')
    })
  } catch (thrown) {
    if (thrown instanceof Violation) throw thrown
    throw new Violation('honest', thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown))
  }
  return { time: world.machine.now() - began, tasks: world.machine.tasks(), tabs: opened, problems }
}
