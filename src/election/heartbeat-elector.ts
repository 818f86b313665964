import { type HeartbeatPowers, type HeartbeatSettings, runCandidacy } from './candidacy.js'
import type { Elector } from './elector.js'
import { createTerms } from './terms.js'

/**
 * With these the first tab is elected within 0.6 s, a silent death is answered within 2.6 s (beat heard, 2 s, 0.3 s, 0.25 s) and a resignation within 80 ms, as
 * long as a visible tab or a worker stands for office.
 *
 * A hidden tab's timers run once a second, later once a minute if they were set by other timers; messages come
 * through unthrottled. So a hidden holder beats late, is asked by the first claim, and answers that at once: it keeps
 * the office. A hidden candidate's timers were set by messages, so once a second is the worst: where all tabs are hidden, a
 * silent death is answered within 5 s and a resignation within 2 s. In a browser that throttles these too to once a
 * minute, it takes three minutes, or until a tab is looked at.
 */
export const HEARTBEAT: HeartbeatSettings = {
  beat: 1_000,
  silence: 2_000,
  spread: 300,
  objection: 250,
  answer: 500,
  vacancy: 40,
}

/** For insecure origins, where there are no Web Locks: candidates on a BroadcastChannel, the holder beats. */
export function createHeartbeatElector(
  powers: HeartbeatPowers,
  name: string,
  settings: Partial<HeartbeatSettings> = {},
): Elector {
  const all = { ...HEARTBEAT, ...settings }
  const terms = createTerms(powers.clock)
  return {
    campaign: (signal) => runCandidacy(powers, name, all, terms, signal),
    steal: (signal) => runCandidacy(powers, name, all, terms, signal, true),
  }
}
