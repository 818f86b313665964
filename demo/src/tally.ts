import { openChannel } from './channel.js'
import { line } from './realtime.js'
import type { Tally } from './savings.js'
import { createStore } from './store.js'

// The tabs add up their savings over a channel of the demo's own: only numbers, per tab. A tab's numbers only ever grow,
// so the greater one is the newer one. Every tab passes on all numbers, so that those of a closed tab are kept.

const tallies = new Map<string, Tally>()

/** The sum over all tabs of this browser. */
export const total = createStore<Tally>({ naive: 0, actual: 0 })

function merge(origin: string, { naive, actual }: Tally): void {
  const known = tallies.get(origin)
  tallies.set(origin, { naive: Math.max(known?.naive ?? 0, naive), actual: Math.max(known?.actual ?? 0, actual) })
}

function sum(): void {
  const all = [...tallies.values()]
  total.set({
    naive: all.reduce((so, tally) => so + tally.naive, 0),
    actual: all.reduce((so, tally) => so + tally.actual, 0),
  })
}

export function addToTally({ naive, actual }: Tally): void {
  const mine = tallies.get(line.origin) ?? { naive: 0, actual: 0 }
  const grown = { naive: mine.naive + naive, actual: mine.actual + actual }
  tallies.set(line.origin, grown)
  sum()
  post([[line.origin, grown]])
}

/** Numbers, or a newcomer's question for them. */
type Message = [origin: string, tally: Tally][] | 'hello'

const post = openChannel<Message>('ledger-tally', (message) => {
  if (message === 'hello') {
    if (tallies.size > 0) post([...tallies])
    return
  }
  for (const [origin, tally] of message) merge(origin, tally)
  sum()
})

export const shareTallies = () => post('hello')
