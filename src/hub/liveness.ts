import type { HubEnvironment } from '../platform/environment.js'
import type { Nudge } from '../wire/protocol.js'
import { createConnectionProbe } from './probe.js'

/** All tabs send `online` and `visible` at once, and `visible` often: one check of the connection is enough for each of these spans. */
const NUDGE_INTERVAL_MS: Record<Nudge, number> = {
  online: 1_000,
  visible: 5_000,
  wake: 1_000,
  retry: 1_000,
  mount: 1_000,
}
/**
 * The clock is read this often. A reading that is late by `DOZED_MS` may mean a short sleep: the connection is probed. By
 * `SLEPT_MS`, the server has given it up. (A hidden leader's timers run once a minute; that is no sleep.)
 * A reading that is late because this thread was busy is no sleep either: it is measured from what was received on the way.
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
  /** Tries at once, where there is no connection. */
  connect(): void
}

/** Decides when a connection is checked or replaced: after nudges of tabs, and after the machine slept. */
export function createLiveness(
  environment: Pick<HubEnvironment, 'clock' | 'timers'>,
  { isConnected, ask, replace, connect }: LivenessHandlers,
) {
  const { clock, timers } = environment
  const probe = createConnectionProbe({ environment, ask, onDead: () => replace('the server did not answer') })
  let nudgedAt = Number.NEGATIVE_INFINITY
  let cancelTrailingProbe: (() => void) | undefined
  let clockWatch: ReturnType<typeof watchClock> | undefined

  function probeTrailing(): void {
    cancelTrailingProbe = undefined
    if (isConnected()) probe.begin()
  }

  function nudge(why: Nudge): void {
    const now = clock.now()
    const rest = nudgedAt + NUDGE_INTERVAL_MS[isConnected() ? why : 'online'] - now
    if (rest > 0) {
      // Networks change in quick succession, and the last change counts.
      if (why === 'online') cancelTrailingProbe ??= timers.after(rest, probeTrailing)
      return
    }
    nudgedAt = now
    if (!isConnected()) connect()
    else if (why === 'wake') replace('the machine slept')
    else probe.begin()
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
    /** The connection has changed: a probe of the former one says nothing of it. */
    changed: probe.end,
    close(): void {
      clockWatch?.stop()
      cancelTrailingProbe?.()
      probe.end()
    },
  }
}

/** Timers sleep with the machine, and a socket that slept is dead more often than not. */
function watchClock({ clock, timers }: Pick<HubEnvironment, 'clock' | 'timers'>, nudge: (why: Nudge) => void) {
  let stop: () => void
  /** When the clock is read next, when this thread last ran, and the longest time for which it did not run after a reading was due. */
  let due = 0
  let ranAt = 0
  let lateMs = 0

  /** A thread that slept did nothing at all for a long time; a busy one read what came. */
  function ran(): void {
    const now = clock.now()
    lateMs = Math.max(lateMs, now - Math.max(ranAt, due))
    ranAt = now
  }

  function watch(): void {
    lateMs = 0
    due = clock.now() + CLOCK_INTERVAL_MS
    stop = timers.after(CLOCK_INTERVAL_MS, () => {
      ran()
      if (lateMs > SLEPT_MS) nudge('wake')
      else if (lateMs > DOZED_MS) nudge('online')
      watch()
    })
  }
  watch()
  return { ran, stop: () => stop() }
}
