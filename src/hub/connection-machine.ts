import type { HubEnvironment } from '../platform/environment.js'
import { afterTurns } from '../platform/timeouts.js'
import type { ServerRefusal } from '../transport/transport.js'
import type { Nudge, SocketState } from '../wire/protocol.js'
import type { BackOff } from './back-off.js'

/** How often credentials are refused before the tabs are told. They are tried all the same, ever more slowly. */
const MAX_REFUSALS = 3
/** A connection that was up for this long has held: only then do all pauses start anew. */
const MIN_HELD_MS = 10_000
/** Nudges make attempts at this interval. It doubles with each while no connection holds: a network may change every second. */
const NUDGED_INTERVAL_MS = { first: 1_000, max: 10_000 }

export interface ConnectionMachineHandlers {
  /** An attempt begins: there is no connection. */
  onAttempt(): void
  /** The attempt has exceeded its time limit. */
  onAttemptExpired(): void
  onState(state: SocketState): void
  /** A connection has ended that had held. */
  onHeld(): void
}

export interface ConnectionMachineOptions {
  readonly environment: Pick<HubEnvironment, 'clock' | 'timers'>
  readonly backOff: BackOff
  /** An attempt may take this long. Milliseconds. */
  readonly attemptTimeoutMs: number
  readonly handlers: ConnectionMachineHandlers
}

/** In each state but the last two something is scheduled or will be reported, so that none is a dead end. */
type ConnectionState =
  | { readonly name: 'idle' }
  /** It ends with a report or by its time limit. `nudge`: asked for meanwhile, so the pause after it is a short one. */
  | { readonly name: 'attempting'; nudge?: Nudge; cancelTimeout(): void }
  | { readonly name: 'connected'; readonly since: number }
  /** The next attempt is due at that moment of the monotonic clock. */
  | { readonly name: 'waiting'; readonly dueAt: number; cancel(): void }
  /** Refused for good: only a mount, a tab with other credentials or the app itself makes an attempt. */
  | { readonly name: 'final' }
  | { readonly name: 'closed' }

/** The state of a connection, and when the next attempt is made. */
export function createConnectionMachine(options: ConnectionMachineOptions) {
  const { environment, backOff, attemptTimeoutMs, handlers } = options
  const { clock, timers } = environment
  let state: ConnectionState = { name: 'idle' }
  let shown: SocketState = { name: 'connecting' }
  let wasEverConnected = false
  const counts = createCounts()
  const nudges = createNudgeLimit(() => clock.monotonic())

  function enter(next: ConnectionState): void {
    if (state.name === 'attempting') state.cancelTimeout()
    if (state.name === 'waiting') state.cancel()
    state = next
  }

  function show(next: SocketState): void {
    shown = next
    handlers.onState(next)
  }

  /** Before the first connection a tab sees `connecting`, after it `disconnected`. */
  const showTrouble = (reason: string) => show({ name: wasEverConnected ? 'disconnected' : 'connecting', reason })

  function begin(): void {
    enter({ name: 'attempting', cancelTimeout: afterTurns(environment, attemptTimeoutMs, expire) })
  }

  function attempt(): void {
    begin()
    handlers.onAttempt()
  }

  function expire(): void {
    handlers.onAttemptExpired()
    attemptFailed(`the attempt took longer than ${attemptTimeoutMs} ms`)
  }

  function waitFor(ms: number): void {
    enter({ name: 'waiting', dueAt: clock.monotonic() + ms, cancel: timers.after(ms, attempt) })
  }

  function wait(ms: number): void {
    const nudge = state.name === 'attempting' ? state.nudge : undefined
    const nudgedMs = nudge ? Math.max(backOff.nudged(), nudges.restMs(nudge)) : ms
    if (nudge && nudgedMs < ms) nudges.spend(nudge, nudgedMs)
    waitFor(Math.min(ms, nudgedMs))
  }

  /** Makes the next attempt now, or as soon as nudges may. */
  function cutPause(why: Nudge): void {
    if (state.name !== 'waiting' && state.name !== 'final') return
    const restMs = nudges.restMs(why)
    if (state.name === 'waiting' && state.dueAt - clock.monotonic() <= restMs) return
    nudges.spend(why, restMs)
    if (restMs > 0) waitFor(restMs)
    else attempt()
  }

  /** At the end of a connection, if there was one. */
  function endConnection(): boolean {
    if (state.name !== 'connected') return false
    const hasHeld = clock.monotonic() - state.since >= MIN_HELD_MS
    if (hasHeld) {
      counts.reset()
      nudges.reset()
      handlers.onHeld()
    } else counts.flaps++
    return hasHeld
  }

  function attemptFailed(reason: string): void {
    wait(backOff.lost(counts.failures++))
    showTrouble(reason)
  }

  return {
    get isConnected() {
      return state.name === 'connected'
    },
    /** Whether what the server sends can belong to a connection. */
    get isOpen() {
      return state.name === 'connected' || state.name === 'attempting'
    },
    /** Another one for each connection, attempt and pause. */
    current: (): object => state,
    shown: () => shown,
    /** How many connections in a row did not hold. */
    flaps: () => (state.name === 'connected' && clock.monotonic() - state.since >= MIN_HELD_MS ? 0 : counts.flaps),
    start(): boolean {
      if (state.name !== 'idle') return false
      attempt()
      return true
    },
    up(): void {
      if (state.name === 'closed') return
      enter({ name: 'connected', since: clock.monotonic() })
      wasEverConnected = true
      counts.noCredentials = 0
      show({ name: 'connected' })
    },
    lost(reason: string): void {
      if (state.name === 'closed') return
      endConnection()
      attemptFailed(reason)
    },
    attemptFailed(reason: string): void {
      if (state.name !== 'closed') attemptFailed(reason)
    },
    noCredentials(reason: string): void {
      if (state.name === 'closed') return
      wait(backOff.noCredentials(counts.noCredentials++))
      showTrouble(reason)
    },
    refused({ reason, final, isWrongIdentity }: ServerRefusal): void {
      if (state.name === 'closed') return
      endConnection()
      const before = counts.refusals++
      if (final) enter({ name: 'final' })
      else wait(backOff.refused(before))
      if (isWrongIdentity) show({ name: 'wrong-identity', reason })
      else if (final) show({ name: 'unauthorized', reason, final })
      else if (before >= MAX_REFUSALS) show({ name: 'unauthorized', reason })
      else showTrouble(reason)
    },
    /**
     * The hub gives a connection up to make another one. True: at once, and the attempt has begun. False: the connection had not
     * held, so the attempt comes after a pause.
     */
    replace(reason: string): boolean {
      const isAtOnce = endConnection()
      if (isAtOnce) {
        begin()
        showTrouble(reason)
      } else attemptFailed(reason)
      return isAtOnce
    },
    /** Cuts a pause short. An attempt has its own time limit, and is left alone. */
    nudge(why: Nudge): void {
      if (state.name === 'attempting') state.nudge = nudges.stronger(state.nudge, why)
      else if (state.name === 'waiting' || isExplicit(why)) cutPause(why)
    },
    close: () => enter({ name: 'closed' }),
  }
}

/** How often in a row, since a connection held. */
function createCounts() {
  const counts = {
    failures: 0,
    refusals: 0,
    noCredentials: 0,
    flaps: 0,
    reset(): void {
      counts.failures = 0
      counts.refusals = 0
      counts.flaps = 0
    },
  }
  return counts
}

/** Asked for by the app or its user, maybe with other credentials. */
const isExplicit = (why: Nudge): boolean => why === 'retry' || why === 'mount'

/** How often nudges may make attempts. */
function createNudgeLimit(now: () => number) {
  let spentAt = Number.NEGATIVE_INFINITY
  let intervalMs = NUDGED_INTERVAL_MS.first
  return {
    restMs: (why: Nudge): number =>
      Math.max(0, spentAt + (isExplicit(why) ? NUDGED_INTERVAL_MS.first : intervalMs) - now()),
    /** An attempt is made because of it, `restMs` from now. */
    spend(why: Nudge, restMs: number): void {
      const at = now() + restMs
      const isStorm = at - spentAt < 2 * NUDGED_INTERVAL_MS.max
      if (!isExplicit(why))
        intervalMs = isStorm ? Math.min(NUDGED_INTERVAL_MS.max, 2 * intervalMs) : NUDGED_INTERVAL_MS.first
      spentAt = at
    },
    stronger: (one: Nudge | undefined, other: Nudge): Nudge => (one && isExplicit(one) ? one : other),
    reset(): void {
      intervalMs = NUDGED_INTERVAL_MS.first
    },
  }
}
