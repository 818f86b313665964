import type { Hello } from '../wire/protocol.js'

type Names = Required<Pick<Hello, 'events' | 'topics'>>

/** What a tab asks of its hub, which is told at every attach, and when it has changed. */
export interface Subscriptions {
  /** All of it, for a hub that knows nothing yet. */
  anew(): Names
  /** Undefined when the hub knows already. */
  change(): Names | undefined
}

export function createSubscriptions(events: () => readonly string[], topics: () => readonly string[]): Subscriptions {
  let told = ''
  const anew = (): Names => {
    const names = { events: events(), topics: topics() }
    told = JSON.stringify(names)
    return names
  }
  return {
    anew,
    change() {
      const before = told
      const names = anew()
      return told === before ? undefined : names
    },
  }
}
