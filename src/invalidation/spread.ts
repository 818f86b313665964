import type { TabEnvironment } from '../platform/page.js'

/**
 * Holds events back for a while, which differs between browsers: so an event to a million users does not become a
 * million requests in one second. Events of one name wait together, for as long as the first of them has to.
 */
export function createSpread<T>(
  { timers }: { readonly timers: Pick<TabEnvironment['timers'], 'after'> },
  release: (events: readonly T[]) => void,
) {
  const waiting = new Map<string, { readonly events: T[]; stop(): void }>()

  return {
    /** `ms`: how long this browser waits with it. */
    add(name: string, ms: number, event: T): void {
      const together = waiting.get(name)
      if (together) {
        together.events.push(event)
        return
      }
      const events = [event]
      const stop = timers.after(ms, () => {
        waiting.delete(name)
        release(events)
      })
      waiting.set(name, { events, stop })
    },
    close(): void {
      for (const { stop } of waiting.values()) stop()
      waiting.clear()
    },
  }
}
