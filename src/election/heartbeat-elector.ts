import { createTerms, type HeartbeatPowers, type HeartbeatSettings, runCandidacy } from './candidacy.js'
import type { Elector } from './elector.js'

/**
 * With these the first tab is elected within 0.6 s, as long as a visible tab or a worker campaigns. A silent death is answered
 * within 2.6 s (beat received, 2 s, 0.3 s, 0.25 s), and a resignation within 80 ms.
 *
 * A hidden tab's timers run once a second, later once a minute if they were set by other timers; messages come through
 * unthrottled. So a hidden holder beats late, gets the first claim, and objects at once: it keeps the leadership. A hidden
 * candidate's timers were set by messages, so once a second is the worst. Where all tabs are hidden, a silent death is
 * answered within 5 s and a resignation within 2 s. In a browser that throttles these timers too to once a minute, it takes
 * three minutes, or until a tab becomes visible.
 */
const HEARTBEAT_SETTINGS: HeartbeatSettings = {
  beatMs: 1_000,
  silenceMs: 2_000,
  spreadMs: 300,
  objectionMs: 250,
  newcomerMs: 500,
  vacancyMs: 40,
}

/** For insecure origins, where there are no Web Locks: candidates on a BroadcastChannel, of which the holder beats. */
export function createHeartbeatElector(
  powers: HeartbeatPowers,
  name: string,
  settings: Partial<HeartbeatSettings> = {},
): Elector {
  const common = {
    powers,
    name,
    settings: { ...HEARTBEAT_SETTINGS, ...settings },
    terms: createTerms(powers.clock),
  }
  return {
    campaign: (signal) => runCandidacy({ ...common, signal, by: 'claim' }),
    steal: (signal) => runCandidacy({ ...common, signal, by: 'steal' }),
  }
}
