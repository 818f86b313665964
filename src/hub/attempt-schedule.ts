import type { HubEnvironment } from '../platform/environment.js'
import { afterTurns } from '../platform/timeouts.js'
import type { Nudge } from '../wire/protocol.js'
import type { BackOff } from './back-off.js'
import type { HubLog } from './log.js'

/** A connection that was up for this long has held: only then do all pauses start from their shortest. */
const MIN_HELD_MS = 10_000
/** Nudges make attempts at this interval. It doubles with each while no connection holds: a network may change every second. */
const NUDGED_INTERVAL_MS = { first: 1_000, max: 10_000 }

export interface AttemptScheduleOptions {
  readonly environment: Pick<HubEnvironment, 'clock' | 'timers'>
  readonly log: HubLog
  readonly backOff: BackOff
  /** An attempt may take this long. Milliseconds. */
  readonly attemptTimeoutMs: number
  /** An attempt begins. */
  readonly onAttempt: () => void
  /** The attempt has exceeded its time limit. */
  readonly onExpired: () => void
}

/** What a pause follows, as its record says: an attempt that failed, a connection that was lost, … */
export type PauseStep = 'failed' | 'lost' | 'given-up' | 'no-credentials' | 'refused' | 'wrong-identity'

/** In each state but the last two something is scheduled or will be reported, so that none is a dead end. */
type AttemptState =
  | { readonly name: 'idle' }
  /** It ends with a report or by its time limit. `nudge`: asked for meanwhile, so the pause after it is a short one. */
  | { readonly name: 'attempting'; nudge?: Nudge; cancelTimeout(): void }
  | { readonly name: 'connected'; readonly since: number }
  /** The next attempt is due at that moment of the monotonic clock. */
  | { readonly name: 'waiting'; readonly dueAt: number; readonly isOutage: boolean; cancel(): void }
  /** Refused for good: only a mount, a tab with other credentials or the app itself makes an attempt. */
  | { readonly name: 'final' }
  | { readonly name: 'closed' }

/** When the next attempt is made. */
export function createAttemptSchedule(options: AttemptScheduleOptions) {
  const { environment, log, backOff, attemptTimeoutMs, onAttempt, onExpired } = options
  const { clock, timers } = environment
  let state: AttemptState = { name: 'idle' }
  /** Since the last connection that held. */
  let attempts = 0
  const nudges = createNudgeLimit(() => clock.monotonic(), backOff)

  function enter(next: AttemptState): void {
    if (state.name === 'attempting') state.cancelTimeout()
    if (state.name === 'waiting') state.cancel()
    state = next
  }

  function begin(): void {
    nudges.attempted()
    log.add('connection', 'connecting', { attempt: ++attempts })
    enter({ name: 'attempting', cancelTimeout: afterTurns(environment, attemptTimeoutMs, onExpired) })
  }

  function attempt(): void {
    begin()
    onAttempt()
  }

  function waitFor(ms: number, isOutage: boolean): void {
    enter({ name: 'waiting', dueAt: clock.monotonic() + ms, isOutage, cancel: timers.after(ms, attempt) })
  }

  /** Makes the next attempt now, or as soon as nudges may. */
  function attemptSooner(why: Nudge): void {
    const restMs = nudges.restMs(why)
    if (state.name === 'waiting' && state.dueAt - clock.monotonic() <= restMs) return
    nudges.spend(why, restMs)
    if (restMs > 0) waitFor(restMs, state.name === 'waiting' && state.isOutage)
    else attempt()
  }

  const hasHeld = () => state.name === 'connected' && clock.monotonic() - state.since >= MIN_HELD_MS

  return {
    get name() {
      return state.name
    },
    /** Another one for each connection, attempt and pause. */
    current: (): object => state,
    attempt,
    /** The attempt is made by the caller, who has given a live connection up for it. */
    begin(reason: string): void {
      log.add('connection', 'given-up', { reason })
      begin()
    },
    connected(): void {
      log.counters.connections++
      log.add('connection', 'connected')
      enter({ name: 'connected', since: clock.monotonic() })
    },
    hasHeld,
    /** The connection has ended, and had held: all counts start from 0. */
    reset(): void {
      attempts = 0
      nudges.reset()
    },
    inspect: () => ({
      attempts: hasHeld() ? 0 : attempts,
      nextAttemptInMs: state.name === 'waiting' ? state.dueAt - clock.monotonic() : undefined,
    }),
    /** The next attempt comes after so many milliseconds, or sooner if somebody asked for it. `isDemanded`: by the server. */
    wait(ms: number, step: PauseStep, reason: string, isDemanded = false): void {
      // One that refuses, or tabs without credentials, are no outage.
      const isOutage = (step === 'failed' || step === 'lost') && !isDemanded
      const asked = state.name === 'attempting' ? state.nudge : undefined
      const nudge = asked && mayCut(asked, isOutage) ? asked : undefined
      const nudgedMs = nudge ? Math.max(backOff.nudged(), nudges.restMs(nudge)) : ms
      if (nudge && nudgedMs < ms) nudges.spend(nudge, nudgedMs)
      const pauseMs = Math.min(ms, nudgedMs)
      log.add('connection', step, { reason, inMs: pauseMs })
      waitFor(pauseMs, isOutage)
    },
    /** Nothing is scheduled: the server has refused for good. */
    stop(reason: string): void {
      log.add('connection', 'refused', { reason })
      enter({ name: 'final' })
    },
    close: () => enter({ name: 'closed' }),
    /** Somebody asked for an attempt after this one began, maybe with other credentials than it has. */
    isAskedAgain: () => state.name === 'attempting' && state.nudge !== undefined && isExplicit(state.nudge),
    /** Cuts a pause short. An attempt has its own time limit, and is left alone. */
    nudge(why: Nudge): void {
      if (state.name === 'attempting') state.nudge = nudges.stronger(state.nudge, why)
      else if (state.name === 'waiting' ? mayCut(why, state.isOutage) : state.name === 'final' && isExplicit(why))
        attemptSooner(why)
    },
  }
}

/** That the server can be reached is news in an outage alone. */
const mayCut = (why: Nudge, isOutage: boolean): boolean => why !== 'reachable' || isOutage

/** Asked for by the app or its user, maybe with other credentials. */
const isExplicit = (why: Nudge): boolean => why === 'retry' || why === 'mount'

/** How often nudges may make attempts. */
function createNudgeLimit(now: () => number, backOff: BackOff) {
  let spentAt = Number.NEGATIVE_INFINITY
  let intervalMs = NUDGED_INTERVAL_MS.first
  /** Attempts because the server answers something else, since a connection has held; and when the next one may come. */
  let reachable = { attempts: 0, at: Number.NEGATIVE_INFINITY }
  return {
    restMs(why: Nudge): number {
      // Many browsers hear at once that the server is back.
      if (why === 'reachable') return Math.max(backOff.nudged(), reachable.at - now())
      return Math.max(0, spentAt + (isExplicit(why) ? NUDGED_INTERVAL_MS.first : intervalMs) - now())
    },
    /** An attempt is made because of it, `restMs` from now. */
    spend(why: Nudge, restMs: number): void {
      const at = now() + restMs
      if (why === 'reachable') {
        reachable = { attempts: reachable.attempts + 1, at: at + backOff.reachable(reachable.attempts) }
        return
      }
      const isStorm = at - spentAt < 2 * NUDGED_INTERVAL_MS.max
      if (!isExplicit(why))
        intervalMs = isStorm ? Math.min(NUDGED_INTERVAL_MS.max, 2 * intervalMs) : NUDGED_INTERVAL_MS.first
      spentAt = at
    },
    /** In a storm of nudges the other attempts count as well. */
    attempted(): void {
      if (intervalMs > NUDGED_INTERVAL_MS.first) spentAt = now()
    },
    stronger: (one: Nudge | undefined, other: Nudge): Nudge =>
      one && (isExplicit(one) || other === 'reachable') ? one : other,
    reset(): void {
      reachable = { attempts: 0, at: Number.NEGATIVE_INFINITY }
      intervalMs = NUDGED_INTERVAL_MS.first
    },
  }
}
