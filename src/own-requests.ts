import type { Order } from './invalidation/invalidator.js'

/** The request header that names the request for the server, which sends it back with the events that it causes. */
export const ORIGIN_HEADER = 'x-partyline-origin'

/** An answer is remembered this long (ms): an event that comes later is answered like anybody's. */
const MEMORY = 60_000

/**
 * The requests of this tab that may cause events. Each has a name that nobody can guess, and an event counts as an echo
 * only of a request that was answered: a forged or stale name makes no tab miss anything.
 */
export function createOwnRequests(origin: () => string, now: () => number) {
  const answers = new Map<string, { readonly place: number; readonly at: number }>()
  let requests = 0
  let place = 0

  const forget = () => {
    for (const [name, { at }] of answers) if (now() - at > MEMORY) answers.delete(name)
  }

  const order: Order = {
    tick: () => ++place,
    answeredAt(name) {
      const answer = answers.get(name)
      return answer && now() - answer.at <= MEMORY ? answer.place : undefined
    },
  }

  return {
    order,
    /** A request that fails may have changed something or not, so its events are answered like anybody's. */
    async run<T>(request: (headers: Record<string, string>) => Promise<T>): Promise<T> {
      forget()
      const tab = origin()
      const name = `${tab}.${++requests}`
      const answer = await request(tab === '' ? {} : { [ORIGIN_HEADER]: name })
      answers.set(name, { place: ++place, at: now() })
      return answer
    },
  }
}
