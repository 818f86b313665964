import type { PageMoment } from '../platform/page.js'

/** A page's visibility and the moments of its life, as environment.ts knows them. */
export function createPageEvents(base = 'https://app.example') {
  const listeners = new Map<PageMoment, Set<() => void>>()
  let visible = true
  const fire = (moment: PageMoment) => {
    for (const run of [...(listeners.get(moment) ?? [])]) run()
  }
  return {
    slice: {
      isVisible: () => visible,
      on(moment: PageMoment, run: () => void) {
        const set = listeners.get(moment) ?? new Set()
        listeners.set(moment, set.add(run))
        return () => void set.delete(run)
      },
      resolveUrl: (url: string) => new URL(url, base).href,
    },
    fire,
    hide(): void {
      visible = false
    },
    show(): void {
      visible = true
      fire('visible')
    },
    /** How many listeners are left: what is closed must leave none. */
    listenerCount: () => [...listeners.values()].reduce((sum, set) => sum + set.size, 0),
  }
}

export type PageEvents = ReturnType<typeof createPageEvents>
