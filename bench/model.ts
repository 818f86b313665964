/** What a backend sees of U users with T tabs and E events a second: the closed form of docs/scale.md, and one user acted out. */
import type { Figure } from './sharing/figures.js'

/** One backend's day. Rates are per second. */
export interface Load {
  readonly users: number
  /** Of each user, in one browser. One of them is visible. */
  readonly tabs: number
  /** To each user. */
  readonly events: number
  /** How often a user turns to another tab. */
  readonly turns: number
  /** Active in each tab, and affected by each event. */
  readonly queries: number
}

interface Seen {
  readonly sockets: number
  /** Events and heartbeats, both ways. */
  readonly messages: number
  readonly requests: number
}

/** Seconds. */
const PARTYLINE = { wait: 0.1, maxWait: 1 }
const RECIPE_WAIT = 0.3
/** Socket.IO's default; each is a message there and one back. */
const HEARTBEAT = 25

/** What the bench has counted, per tab or per browser. */
export interface Constants {
  /** Sockets, and requests per query for one event, of one tab with the recipe. */
  readonly recipe: { readonly sockets: number; readonly requests: number }
  /** The same of one browser with Partyline, however many its tabs. */
  readonly partyline: { readonly sockets: number; readonly requests: number }
}

export function constantsOf(figures: readonly Figure[]): Constants {
  const TABS = 20
  const find = (measure: Figure['measure'], subject: string) => {
    const figure = figures.find((one) => one.measure === measure && one.subject === subject && one.tabs === TABS)
    if (!figure?.value) throw new Error(`bench/results.json does not say '${measure}' of '${subject}' at ${TABS} tabs`)
    return figure.value
  }
  const count = (subject: string) => ({
    sockets: find('sockets at the server', subject),
    requests: find('one event: requests per affected query', subject),
  })
  const recipe = count('recipe')
  return {
    recipe: { sockets: recipe.sockets / TABS, requests: recipe.requests / TABS },
    partyline: count('partyline, shared-worker'),
  }
}

/** A socket and a fetch in each tab, for each event. */
export function recipe({ users, tabs, events, queries }: Load, { recipe: { sockets, requests } }: Constants): Seen {
  return { ...carried(users * tabs * sockets, events), requests: users * tabs * requests * queries * events }
}

/** The same, but each tab waits for a pause: of events at random, each is followed by one with the probability e^(-E·wait). */
export function debounced(load: Load, constants: Constants): Seen {
  const plain = recipe(load, constants)
  return { ...plain, requests: plain.requests * Math.exp(-load.events * RECIPE_WAIT) }
}

/** One socket. The visible tab fetches once per flush; a hidden one when it is shown and its data is stale. */
export function partyline({ users, tabs, events, turns, queries }: Load, { partyline: one }: Constants): Seen {
  const fetches = flushes(events) + lateFetches(tabs, events, turns)
  return { ...carried(users * one.sockets, events), requests: users * one.requests * queries * fetches }
}

const carried = (sockets: number, events: number) => ({ sockets, messages: sockets * (events + 2 / HEARTBEAT) })

/** A hidden tab is turned to after a time that is exponential, and so is the time until the next event. */
const lateFetches = (tabs: number, events: number, turns: number): number =>
  tabs === 1 ? 0 : (turns * events) / (events + turns / (tabs - 1))

/**
 * Flushes per second: one per cycle of waiting for an event (1/E on average) and then for a pause of `wait`, but no longer
 * than `maxWait`. That no pause has come after t seconds has the Laplace transform (1-q)/(s+Eq) with q = e^(-(s+E)wait);
 * its series in q, integrated from 0 to `maxWait`, has no more terms than `maxWait` holds `wait`s.
 */
export function flushes(events: number): number {
  const { wait, maxWait } = PARTYLINE
  let busy = 0
  let factor = 1
  for (let k = 0; k * wait < maxWait; k++) {
    // factor = (-E)^k / (k+1)!
    if (k > 0) factor *= -events / (k + 1)
    const term = (pauses: number) => Math.exp(-events * pauses * wait) * Math.max(0, maxWait - pauses * wait) ** (k + 1)
    busy += factor * (term(k) - term(k + 1))
  }
  return 1 / (1 / events + busy)
}

/** The same sequence of numbers between 0 and 1 every time (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** One user, event by event: fetches per second and query, of the debounced recipe's one tab and of Partyline's browser. */
export function simulate(
  { tabs, events, turns }: Load,
  count: number,
  seed = 1,
): { debounced: number; partyline: number } {
  const random = seeded(seed)
  const gap = (rate: number) => -Math.log(1 - random()) / rate
  const stale = new Set<number>()
  let shown = 0
  let fetches = 0
  let pauses = 0
  let now = 0
  let nextTurn = tabs > 1 ? gap(turns) : Number.POSITIVE_INFINITY
  /** Of Partyline's debounce: when it began, when it ends. It is the same in every tab. */
  let waiting: { readonly since: number; due: number } | undefined

  function flush(): void {
    waiting = undefined
    fetches++
    for (let tab = 0; tab < tabs; tab++) if (tab !== shown) stale.add(tab)
  }
  function passTo(moment: number): void {
    for (;;) {
      const due = waiting?.due ?? Number.POSITIVE_INFINITY
      if (Math.min(due, nextTurn) > moment) break
      if (due <= nextTurn) flush()
      else {
        const other = Math.floor(random() * (tabs - 1))
        shown = other < shown ? other : other + 1
        if (stale.delete(shown)) fetches++
        nextTurn += gap(turns)
      }
    }
    now = moment
  }

  for (let event = 0; event < count; event++) {
    const wait = gap(events)
    if (wait >= RECIPE_WAIT) pauses++
    passTo(now + wait)
    const since = waiting?.since ?? now
    waiting = { since, due: Math.min(now + PARTYLINE.wait, since + PARTYLINE.maxWait) }
  }
  return { debounced: pauses / now, partyline: fetches / now }
}
