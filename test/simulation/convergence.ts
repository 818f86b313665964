import type { Command, Setting } from './command.js'
import { abilitiesOf } from './invariants.js'

/** How long everything may take to be in order again when nothing happens any more, by what happened last. Milliseconds. */
const BOUNDS = {
  /** A dead connection is found by its missing pings within 45 s, and the next attempt comes within 20 s. */
  usual: 75_000,
  /** Pauses after refusals grow up to 60 s; several tabs may have to be asked. */
  refusal: 150_000,
  /** A page or worker that hangs is given up in steps; hidden tabs' timers run once a minute. */
  hang: 240_000,
  /** Without Web Locks only minutes of silence show a crash. */
  heartbeats: 480_000,
} as const

const REFUSALS: ReadonlySet<Command['do']> = new Set([
  'auth-trouble',
  'refresh',
  'store-down',
  'flap',
  'expire',
  'switch',
  'sign-out',
  'chunks',
])
const HANGS: ReadonlySet<Command['do']> = new Set([
  'hang',
  'hang-hub',
  'freeze',
  'park',
  'nap',
  'frozen-sign-out',
  'hide',
])

/** The bound of one history: that of its slowest fault. */
export function convergenceBoundMs(setting: Setting, commands: readonly Command[]): number {
  if (!abilitiesOf(setting).locks) return BOUNDS.heartbeats
  const did = (names: ReadonlySet<Command['do']>) => commands.some((command) => names.has(command.do))
  if (did(HANGS)) return BOUNDS.hang
  if (did(REFUSALS) || setting.cookie || setting.ownTokens || setting.tokenLifeMs > 0) return BOUNDS.refusal
  return BOUNDS.usual
}
