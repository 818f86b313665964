/** No two attempts are nearer to each other than this, unless somebody asks for one. */
const MIN_PAUSE_MS = 100
/** After an attempt during which somebody asked for one: the longest pause. */
const MAX_NUDGED_PAUSE_MS = 1_000
/** After a refusal: the first pause, and the longest one. */
const REFUSAL_PAUSE_MS = { first: 500, max: 60_000 }
/** Between two attempts that are made because the server answers something else. */
const REACHABLE_PAUSE_MS = { first: 2_000, max: 60_000 }
/** When no tab gave credentials. */
const NO_CREDENTIALS_PAUSE_MS = { first: 500, max: 30_000 }
/** After a lost connection or a failed attempt; the names and the meaning are those of Socket.IO's options. */
const RECONNECTION_DEFAULTS = { reconnectionDelay: 1_000, reconnectionDelayMax: 10_000, randomizationFactor: 1 }

/** How long to wait before the next attempt, in milliseconds, after so many of a kind before. */
export interface BackOff {
  lost(before: number): number
  refused(before: number): number
  noCredentials(before: number): number
  /** After an attempt during which somebody asked for one. */
  nudged(): number
  /** After an attempt that was made because the server answers something else. */
  reachable(before: number): number
}

/**
 * Growing pauses with full jitter, so that of all the browsers that were cut off in one instant no two come back together.
 * @param socket The app's options for the transport.
 */
export function createBackOff(socket: Readonly<Record<string, unknown>>, random: () => number): BackOff {
  const option = (name: keyof typeof RECONNECTION_DEFAULTS): number => {
    const given = socket[name]
    return typeof given === 'number' && given >= 0 ? given : RECONNECTION_DEFAULTS[name]
  }
  const first = option('reconnectionDelay')
  const max = option('reconnectionDelayMax')
  const factor = option('randomizationFactor')
  const pause = (ms: number) => Math.max(MIN_PAUSE_MS, ms)
  const full = (bounds: typeof REFUSAL_PAUSE_MS, before: number) =>
    pause(random() * grown(bounds.first, bounds.max, before))

  return {
    // The cap is drawn as well. Socket.IO would cap what it has drawn: in a long outage all would wait equally long.
    lost: (before) => pause(grown(first, max, before) * (1 + factor * (2 * random() - 1))),
    refused: (before) => full(REFUSAL_PAUSE_MS, before),
    noCredentials: (before) => full(NO_CREDENTIALS_PAUSE_MS, before),
    nudged: () => pause(random() * MAX_NUDGED_PAUSE_MS),
    // Half of it is certain: a server that answers all the time must not turn the back-off off.
    reachable: (before) => (0.5 + random() / 2) * grown(REACHABLE_PAUSE_MS.first, REACHABLE_PAUSE_MS.max, before),
  }
}

/** The exponent is bounded: 0 times infinity would be no number, and so no pause. */
const grown = (first: number, max: number, before: number) => Math.min(max, first * 2 ** Math.min(before, 30))
