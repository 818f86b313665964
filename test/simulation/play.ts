import { createWorld } from '../../src/testing/world.js'
import { act } from './act.js'
import type { Violate } from './app.js'
import { createBackend, QUERIES } from './backend.js'
import { createBrowserTabs } from './browser-tabs.js'
import type { History } from './command.js'
import { createInvariants } from './invariants.js'

/** How long no command happens before everything has to be in order. Without Web Locks only minutes of silence show a crash. */
const QUIET_MS = { locks: 240_000, heartbeats: 480_000 }
/** How long tabs may take after each was visible. */
const VISIBLE_MS = 90_000
/** How long a query may take to be fetched when it becomes active. */
const ACTIVE_MS = 10_000
/** How long hubs may linger after the last tab: more than any setting's linger. */
const END_MS = 60_000
/** How often the invariants of every moment are checked. */
const CHECK_INTERVAL_MS = 500

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

/** Unhandled rejections while a history was played. */
export const unhandled: unknown[] = []

/** Plays a history to its end and checks every promise. Throws a `Violation` when one was not kept. */
export async function play(
  { setting, commands }: History,
  { ignore = [], trace }: { readonly ignore?: readonly string[]; readonly trace?: (line: string) => void } = {},
): Promise<Played> {
  let violation: Violation | undefined
  const violate: Violate = (invariant, what) => {
    if (!ignore.some((text) => `${invariant}: ${what}`.includes(text))) violation ??= new Violation(invariant, what)
  }
  unhandled.length = 0

  const backend = createBackend()
  const world = createWorld({ ...setting, identify: backend.identify })
  const tabs = createBrowserTabs(world, backend, setting, violate)
  const invariants = createInvariants(world, backend, tabs, setting, violate)
  const began = world.machine.now()
  let checkedAt = began
  let opened = 0
  const problems: Record<string, number> = {}

  const checkEveryMoment = () => {
    if (world.machine.now() - checkedAt < CHECK_INTERVAL_MS) return
    checkedAt = world.machine.now()
    invariants.overlap()
  }
  const pass = async (ms: number) => {
    await world.pass(ms, checkEveryMoment)
    if (unhandled.length > 0)
      violate('honest', `an unhandled rejection: ${String((unhandled[0] as Error)?.stack ?? unhandled[0])}`)
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
    await step('left alone', setting.webLocks ? QUIET_MS.locks : QUIET_MS.heartbeats, () => {
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
    await step('visible', VISIBLE_MS, () => {
      invariants.sockets('visible')
      invariants.fresh('visible', true)
      // Without Web Locks an owner that hung learns only from long silence which tabs are gone.
      if (setting.webLocks) invariants.pipes('visible')
    })

    for (const { app } of tabs.all()) app.page.run(() => QUERIES.forEach((_, index) => void app.use(index)))
    await step('all active', ACTIVE_MS, () => invariants.fresh('all active', true))

    for (const { app } of tabs.all()) {
      for (const [code, count] of app.problems) problems[code] = (problems[code] ?? 0) + count
      app.page.run(app.leave)
    }
    await step('all left', END_MS, () => invariants.empty('all left'))

    for (const tab of [...tabs.all()]) tabs.close(tab, 'close')
    await step('all closed', END_MS, () => {
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
