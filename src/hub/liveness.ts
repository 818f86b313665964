import type { HubEnvironment } from '../platform/environment.js'
import type { Nudge } from '../wire/protocol.js'
import { createConnectionProbe } from './probe.js'

/** All tabs send `online` and `visible` at once, and `visible` often: one check of a connection is enough for each of these spans. */
const CHECK_INTERVAL_MS: Record<Exclude<Nudge, 'reachable'>, number> = {
  online: 1_000,
  wake: 1_000,
  retry: 1_000,
  visible: 5_000,
  mount: 5_000,
}
/** Networks change often, and each replacement of a connection that can't be asked costs a refetch. */
const REPLACE_INTERVAL_MS = 60_000
/**
 * The clock is read this often. A reading that is late by `DOZED_MS` may mean a short sleep: the connection is probed.
 * By `SLEPT_MS`, the server has given it up. Timers of a hidden leader run once a minute, which is no sleep. A late
 * reading of a busy thread is no sleep either: it is measured from what was received on the way.
 */
const CLOCK_INTERVAL_MS = 5_000
const DOZED_MS = 10_000
const SLEPT_MS = 90_000

/** What the checks need of the connection. */
export interface LivenessHandlers {
  isConnected(): boolean
  /** Asks the server for a sign of life over a live connection; undefined when the transport can't. */
  ask(): Promise<void> | undefined
  /** Replaces a live connection that seems to be dead. */
  replace(reason: string): void
  /** Where there is no connection: maybe the next attempt should come sooner. */
  connect(why: Nudge): void
}

/** Decides when a connection is checked or replaced: after nudges of tabs, and after the machine slept. */
export function createLiveness(
  environment: Pick<HubEnvironment, 'clock' | 'timers'>,
  { isConnected, ask, replace, connect }: LivenessHandlers,
) {
  const { clock, timers } = environment
  const probe = createConnectionProbe({ environment, ask, onDead: () => replace('the server did not answer') })
  let nudgedAt = Number.NEGATIVE_INFINITY
  let replacedAt = Number.NEGATIVE_INFINITY
  let cancelTrailingProbe: (() => void) | undefined
  let clockWatch: ReturnType<typeof watchClock> | undefined

  function check(why: Nudge): void {
    if (probe.begin() || why !== 'online') return
    // On another network it may be half-open, and nothing would ever tell.
    const now = clock.monotonic()
    if (now - replacedAt < REPLACE_INTERVAL_MS) return
    replacedAt = now
    replace('the network may have changed')
  }

  function probeTrailing(): void {
    cancelTrailingProbe = undefined
    if (isConnected()) check('online')
  }

  function nudge(why: Nudge): void {
    if (!isConnected()) {
      connect(why)
      return
    }
    if (why === 'reachable') return
    const now = clock.monotonic()
    const rest = nudgedAt + CHECK_INTERVAL_MS[why] - now
    if (rest > 0) {
      // Networks change in quick succession, and the last change counts.
      if (why === 'online') cancelTrailingProbe ??= timers.after(rest, probeTrailing)
      return
    }
    nudgedAt = now
    if (why === 'wake') replace('the machine slept')
    else check(why)
  }

  return {
    start(): void {
      clockWatch = watchClock(environment, nudge)
    },
    nudge,
    /** The server has sent something. */
    received(): void {
      clockWatch?.ran()
      probe.received()
    },
    /** How long the server's last answer to a probe took. */
    roundTripMs: probe.roundTripMs,
    /** The connection has changed: a probe of the former one says nothing of it. */
    changed: probe.end,
    close(): void {
      clockWatch?.stop()
      cancelTrailingProbe?.()
      probe.end()
    },
  }
}

/**
 * Timers sleep with the machine, and a socket that slept is dead more often than not. Both clocks are read: the monotonic one
 * stands still during a sleep on some systems (https://github.com/w3c/hr-time/issues/115), and the other one may be set back.
 */
function watchClock({ clock, timers }: Pick<HubEnvironment, 'clock' | 'timers'>, nudge: (why: Nudge) => void) {
  let stop: () => void
  const readings = [createLateness(clock.now), createLateness(clock.monotonic)]

  /** A thread that slept did nothing at all for a long time; a busy one read what came. */
  function ran(): void {
    for (const reading of readings) reading.ran()
  }

  function watch(): void {
    for (const reading of readings) reading.expect(CLOCK_INTERVAL_MS)
    stop = timers.after(CLOCK_INTERVAL_MS, () => {
      ran()
      const lateMs = Math.max(...readings.map((reading) => reading.lateMs()))
      if (lateMs > SLEPT_MS) nudge('wake')
      else if (lateMs > DOZED_MS) nudge('online')
      watch()
    })
  }
  watch()
  return { ran, stop: () => stop() }
}

/** By one clock: the longest time for which this thread did not run after a reading was due. */
function createLateness(now: () => number) {
  let dueAt = 0
  let ranAt = 0
  let lateMs = 0
  return {
    expect(ms: number): void {
      lateMs = 0
      const at = now()
      // Had the clock been set back, no sleep would show until it is again where it was.
      ranAt = Math.min(ranAt, at)
      dueAt = at + ms
    },
    ran(): void {
      const at = now()
      lateMs = Math.max(lateMs, at - Math.max(ranAt, dueAt))
      ranAt = at
    },
    lateMs: () => lateMs,
  }
}
