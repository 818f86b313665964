import { createWorld } from '../../src/testing/world.js'
import { act } from './act.js'
import type { Violate } from './app.js'
import { createBackend, endpointOf, QUERIES } from './backend.js'
import { createBrowserTabs } from './browser-tabs.js'
import type { History } from './command.js'
import { convergenceBoundMs } from './convergence.js'
import { type Costs, createCosts } from './costs.js'
import { CHECKS, type Check } from './faults.js'
import { heal, healCredentials } from './heal.js'
import { abilitiesOf, createInvariants } from './invariants.js'
import { createSendBook } from './sends.js'

/** How long no command happens before everything has to be in order, if it is not asked how long it takes. */
const QUIET_MS = 480_000
/**
 * Everything has to be in order for so long: a dead connection would have been found by then; without Web Locks, where only
 * silence shows a crash, a dead tab as well.
 */
const STEADY_MS = { locks: 60_000, heartbeats: 420_000 }
/** How often it is looked whether everything is in order. */
const LOOK_INTERVAL_MS = 5_000
/** How long tabs may take after each was visible. */
const VISIBLE_MS = 90_000
/** How long a connection may be away to renew its credentials. */
const RENEWAL_MS = 30_000
/** Without Web Locks a follower learns of its hub's end only by a ping, which a hidden page sends once a minute. */
const UNNOTICED_MS = 75_000
/** How long a query may take to be fetched when it becomes active. */
const ACTIVE_MS = 10_000
/** How long hubs may linger after the last tab: more than any setting's linger. */
const END_MS = 60_000
/** Without Web Locks a hub that hung learns only from so much silence, once it is awake, which tabs are gone. */
const SILENT_TAB_MS = 180_000
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
  /** What it cost, as a share of what it may cost. */
  readonly costs: Costs
  /** How long it took until everything was in order, as a share of how long it may take. */
  readonly convergence: number
}

export interface PlayOptions {
  /** Ignores a broken promise whose text contains one of these. */
  readonly ignore?: readonly string[]
  /** Questions that are not asked. */
  readonly without?: ReadonlySet<string>
  readonly trace?: (line: string) => void
}

/** Unhandled rejections while a history was played. */
export const unhandled: unknown[] = []

/** Plays a history to its end and checks every promise. Throws a `Violation` when one was not kept. */
export async function play(
  { setting, commands }: History,
  { ignore = [], without = new Set(), trace }: PlayOptions = {},
): Promise<Played> {
  let violation: Violation | undefined
  const violate: Violate = (invariant, what) => {
    if (!ignore.some((text) => `${invariant}: ${what}`.includes(text))) violation ??= new Violation(invariant, what)
  }
  unhandled.length = 0

  const checks = new Set<Check>(CHECKS.filter((check) => !without.has(check)))
  const asked: Violate = (invariant, what) => {
    if (!without.has(`check-${invariant}`)) violate(invariant, what)
  }
  const { world, backend, tabs } = openWorld(setting, asked)
  const invariants = createInvariants({ world, backend, tabs, setting, checks, violate })
  const costs = createCosts(world, tabs, setting)
  const began = world.machine.monotonic()
  let checkedAt = began
  let opened = 0
  let convergence = 0
  const problems: Record<string, number> = {}

  const checkEveryMoment = () => {
    if (world.machine.monotonic() - checkedAt < CHECK_INTERVAL_MS) return
    checkedAt = world.machine.monotonic()
    invariants.overlap()
    invariants.signedOut()
    invariants.signedIn()
    costs.observe()
  }
  const pass = async (ms: number) => {
    await world.pass(ms, checkEveryMoment)
    if (unhandled.length > 0)
      violate('honest', `an unhandled rejection: ${String((unhandled[0] as Error)?.stack ?? unhandled[0])}`)
    if (violation) throw violation
  }
  const say = (what: string) => trace?.(`${Math.round(world.machine.monotonic() - began)} ms: ${what}`)
  const step = async (name: string, ms: number, check: () => void) => {
    await pass(ms)
    say(name)
    check()
    if (violation) throw violation
  }

  /** Asks questions without an end of the history. */
  const isKept = (ask: (look: ReturnType<typeof createInvariants>) => void) => {
    let broken = false
    ask(createInvariants({ world, backend, tabs, setting, checks, violate: () => (broken = true) }))
    return !broken
  }
  const isInOrder = (hard = false) =>
    isKept((look) => {
      look.sockets('')
      look.fresh('', hard)
      look.attached('')
      look.pipes('')
    })
  const steadyMs = abilitiesOf(setting).locks ? STEADY_MS.locks : STEADY_MS.heartbeats
  /** Credentials that end make short outages at any moment: each tab has to be in order once. */
  const toleranceMs = setting.tokenLifeMs > 0 ? RENEWAL_MS : 0
  /** A hub may leave the connection to another one at any moment. */
  const untilPipesClose = async () => {
    if (abilitiesOf(setting).locks) return
    const areClosed = () => isKept((look) => look.pipes(''))
    for (let past = 0; past < UNNOTICED_MS && !areClosed(); past += LOOK_INTERVAL_MS) await pass(LOOK_INTERVAL_MS)
  }
  const untilInOrder = async (hard: boolean) => {
    if (toleranceMs === 0) return
    for (let past = 0; past < toleranceMs && !isInOrder(hard); past += LOOK_INTERVAL_MS / 5)
      await pass(LOOK_INTERVAL_MS / 5)
  }
  const converge = async (name: string, boundMs: number) => {
    const from = world.machine.monotonic()
    let inOrderAt: number | undefined
    let brokenAt: number | undefined
    for (let past = 0; past < boundMs || inOrderAt !== undefined; past += LOOK_INTERVAL_MS) {
      await pass(LOOK_INTERVAL_MS)
      const now = world.machine.monotonic()
      if (isInOrder()) {
        inOrderAt ??= now
        brokenAt = undefined
      } else {
        brokenAt ??= now
        if (now - brokenAt >= toleranceMs) inOrderAt = undefined
      }
      if (inOrderAt !== undefined && now - inOrderAt >= steadyMs) break
    }
    convergence = ((inOrderAt ?? world.machine.monotonic()) - from) / boundMs
    say(`${name}: in order after ${Math.round(convergence * boundMs)} ms`)
  }

  try {
    for (const command of commands) {
      say(JSON.stringify(command))
      if (command.do === 'open') opened++
      costs.command(command)
      await act(command, { world, backend, tabs, pass })
      await pass(1)
    }

    const wasFinal = commands.some((command) => command.do === 'store-down' && command.how === 'final')
    heal({ world, backend, tabs, setting }, wasFinal)
    const boundMs = checks.has('check-convergence') ? convergenceBoundMs(setting, commands) : QUIET_MS
    await converge('left alone', boundMs)
    await untilPipesClose()
    await untilInOrder(false)
    await step('left alone', 0, () => {
      const when = `${boundMs / 1000} s left alone`
      invariants.sockets(when)
      invariants.fresh(when, false)
      invariants.attached(when)
      invariants.pipes(when)
      invariants.status('left alone')
    })

    const { locks } = abilitiesOf(setting)
    const hubs = [...world.workers.all(), ...tabs.all().map(({ app }) => app.page)]
    const mayHaveDeadTabs = !locks && hubs.some(({ realm }) => realm.isSuspendedFor('hung'))
    for (const { realm } of world.workers.all()) realm.resume('hung')
    for (const tab of tabs.all()) {
      tab.app.page.wake()
      tab.app.page.hide()
      tabs.show(tab)
    }
    // Whoever had them may have been signed out since.
    healCredentials({ backend, tabs, setting })
    await pass(VISIBLE_MS)
    await untilInOrder(true)
    await step('visible', 0, () => {
      invariants.sockets('visible')
      invariants.fresh('visible', true)
      invariants.status('visible')
      if (locks) invariants.pipes('visible')
    })

    for (const { app } of tabs.all()) app.page.run(() => QUERIES.forEach((_, index) => void app.use(index)))
    await pass(ACTIVE_MS)
    await untilInOrder(true)
    await step('all active', 0, () => invariants.fresh('all active', true))

    for (const { app } of tabs.all()) {
      if (app.problems.has('stale-build') && !world.chunks.hasLost())
        violate('honest', `${app.page.realm.name} says stale-build, and no file was ever missing`)
      for (const [code, count] of app.problems) problems[code] = (problems[code] ?? 0) + count
      app.page.run(app.leave)
    }
    await step('all left', END_MS + (mayHaveDeadTabs ? SILENT_TAB_MS : 0), () => invariants.empty('all left'))

    for (const { app } of tabs.all())
      if (app.sends.open() > 0) violate('honest', `${app.sends.open()} sends of ${app.page.realm.name} never settled`)
    for (const tab of [...tabs.all()]) tabs.close(tab, 'close')
    await step('all closed', END_MS, () => {
      invariants.empty('all closed')
      if (world.locks.names().length > 0) violate('nothing leaks', `locks are left: ${world.locks.names().join(', ')}`)
      if (world.workers.all().length > 0) violate('nothing leaks', 'a worker outlived its tabs')
      if (checks.has('check-costs')) costs.check(violate)
    })
  } catch (thrown) {
    if (thrown instanceof Violation) throw thrown
    throw new Violation('honest', thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown))
  }
  return {
    time: world.machine.monotonic() - began,
    tasks: world.machine.tasks(),
    tabs: opened,
    problems,
    costs: costs.shares(),
    convergence,
  }
}

function openWorld(setting: History['setting'], violate: Violate) {
  let now = () => 0
  const backend = createBackend(setting, () => now(), createSendBook(violate))
  const { lockTrouble, channelTrouble, ...rest } = setting
  const world = createWorld({
    ...rest,
    ...(lockTrouble !== 'none' && { lockTrouble }),
    ...(channelTrouble !== 'none' && { channelTrouble }),
    identify: backend.identify,
    expiryOf: backend.expiryOf,
    pathOf: endpointOf,
    onSend: (identity, _, data) => backend.sends.heard(identity, data),
  })
  now = world.machine.time.now
  return { world, backend, tabs: createBrowserTabs(world, backend, setting, violate) }
}
