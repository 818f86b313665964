import type { HubEnvironment } from '../platform/environment.js'
import type { Tab, TabRegistry } from './tab-registry.js'

/** Where there are no Web Locks: a tab that was not heard of for this long (ms) is gone. Hidden tabs' timers run once a minute. */
const SILENCE = 150_000

/** Where there are no Web Locks, silence tells that a tab is gone; one that was only asleep attaches anew. */
export function createTabTimeout(
  tabs: TabRegistry,
  { clock, timers }: Pick<HubEnvironment, 'clock' | 'timers'>,
  onGone: (tab: Tab) => void,
) {
  let sweeping: (() => void) | undefined

  function sweep(): void {
    const unlocked = tabs.all().filter((tab) => !tab.locked)
    sweeping = unlocked.length > 0 ? timers.after(SILENCE / 2, sweep) : undefined
    for (const tab of unlocked) if (clock.now() - tab.seen > SILENCE) onGone(tab)
  }

  return {
    /** There is a tab whose death no lock would tell. */
    watch(): void {
      sweeping ??= timers.after(SILENCE, sweep)
    },
    close: (): void => sweeping?.(),
  }
}
