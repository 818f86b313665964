/**
 * A simulated day of a million users: the model of a part of docs/scale.md. People come in the morning and leave in the evening; a
 * deploy, an outage of an Internet provider and a power cut come in between. Users are drawn one by one, with the pauses of the hub's
 * own code. The same numbers every time.
 */
import { createBackOff } from '../src/hub/back-off.js'
import { type Constants, debounced, partyline, recipe, seeded } from './model.js'

/** What bench/load.json has measured of one process with Socket.IO. */
export interface Capacity {
  /** Sockets that it held. */
  readonly sockets: number
  /** Events a second, each to one user, at which 99 of 100 arrived within 100 ms. */
  readonly messages: number
  /** Of the server, for each connection that comes back. */
  readonly handshakeCpuMs: number
}

const HOUR = 3_600
const SECONDS = 24 * HOUR
/** Those who come on this day, their tabs, the events to each in a second, turns to another tab, and queries in use in each tab. */
const LOAD = { users: 1_000_000, tabs: 5, events: 0.1, turns: 1 / 60, queries: 2 }
/** When people come and leave: the mean, and how far most are from it. Seconds. */
const COME = { at: 9 * HOUR, spread: HOUR / 2 }
const LEAVE = { at: 17.5 * HOUR, spread: HOUR }

/** Each process gives its browsers away over 10 s (`drain`), and the next one begins 12 s later. */
const DEPLOY = { at: 11 * HOUR, processes: 250, everySeconds: 12, spreadSeconds: 10 }
/** A fifth of all users has no network for a minute. */
const OUTAGE = { at: 14 * HOUR, share: 0.2, seconds: 60 }
/** A third of all processes is gone in one instant. The others take their browsers. */
const POWER_CUT = { at: 15 * HOUR, share: 1 / 3 }
/** Within a scene nothing takes longer. */
const AFTERMATH = 120

/** Partyline's default for `jitterMs`, and what a break costs of the server's word that it has sent nothing. Seconds. */
const JITTER = 2
const QUIET_MARGIN = 1
/** Socket.IO's own client: its pauses, by default. Seconds. */
const CLIENT = { first: 1, max: 5, randomness: 0.5 }
/** A reconnect without a pause takes so long. Seconds. */
const HANDSHAKE = 0.1

/** For each second of the day. */
interface Course {
  readonly sockets: Float64Array
  readonly handshakes: Float64Array
  readonly requests: Float64Array
}

export interface Worst {
  readonly handshakes: number
  readonly requests: number
  readonly messages: number
}

export interface Scene {
  readonly name: string
  readonly recipe: Worst
  readonly partyline: Worst
}

/** The normal distribution's share below so many spreads (Abramowitz and Stegun 7.1.26, within 1.5e-7). */
function below(spreads: number): number {
  const x = Math.abs(spreads) / Math.SQRT2
  const t = 1 / (1 + 0.3275911 * x)
  const series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t
  const half = (1 - series * Math.exp(-x * x)) / 2
  return spreads < 0 ? 0.5 - half : 0.5 + half
}

const came = (second: number) => LOAD.users * below((second - COME.at) / COME.spread)
const left = (second: number) => LOAD.users * below((second - LEAVE.at) / LEAVE.spread)

const course = (): Course => ({
  sockets: new Float64Array(SECONDS),
  handshakes: new Float64Array(SECONDS),
  requests: new Float64Array(SECONDS),
})

const count = (series: Float64Array, at: number, by: number) => {
  const second = Math.floor(at)
  series[second] = (series[second] ?? 0) + by
}

export function simulateDay(constants: Constants, seed = 1): Scene[] {
  const random = seeded(seed)
  const backOff = createBackOff({}, random)
  const ours = course()
  const theirs = course()

  for (let second = 0; second < SECONDS; second++) {
    const users = Math.max(0, came(second) - left(second))
    const arrivals = came(second + 1) - came(second)
    const load = { ...LOAD, users }
    ours.sockets[second] = users
    theirs.sockets[second] = users * LOAD.tabs
    count(ours.handshakes, second, arrivals)
    count(theirs.handshakes, second, arrivals * LOAD.tabs)
    count(ours.requests, second, partyline(load, constants).requests)
    // The better of the recipes.
    count(theirs.requests, second, Math.min(debounced(load, constants).requests, recipe(load, constants).requests))
  }

  /** A browser was cut off at that moment, and is back at this one. It fetches if an event may have been missed. */
  function ourReturn(lostAt: number, backAt: number): void {
    count(ours.handshakes, backAt, 1)
    const isMissed = random() < 1 - Math.exp(-LOAD.events * (backAt - lostAt + QUIET_MARGIN))
    if (isMissed) count(ours.requests, backAt + random() * JITTER, LOAD.queries)
  }

  /** Each tab comes back by itself, and fetches what it shows: it can't know what it has missed. */
  function theirReturn(backAt: number): void {
    count(theirs.handshakes, backAt, 1)
    count(theirs.requests, backAt, LOAD.queries)
  }

  const theirPause = (before: number) =>
    Math.min(CLIENT.max, CLIENT.first * 2 ** before * (1 + CLIENT.randomness * (2 * random() - 1)))

  /** The first attempt that comes after the network, or the server, is there again. */
  function attemptAfter(lostAt: number, thereAt: number, pause: (before: number) => number): number {
    let at = lostAt
    for (let before = 0; at <= thereAt; before++) at += pause(before)
    return at
  }
  const ourPause = (before: number) => backOff.lost(before) / 1_000
  const usersAt = (second: number) => Math.round(ours.sockets[second] ?? 0)

  for (let process = 0; process < DEPLOY.processes; process++) {
    const at = DEPLOY.at + process * DEPLOY.everySeconds
    const users = Math.round(usersAt(at) / DEPLOY.processes)
    for (let user = 0; user < users; user++) {
      const moveAt = at + random() * DEPLOY.spreadSeconds
      ourReturn(moveAt, moveAt + HANDSHAKE)
      for (let tab = 0; tab < LOAD.tabs; tab++) theirReturn(attemptAfter(at, at, theirPause))
    }
  }
  function allReturn(at: number, share: number, thereAt: number): void {
    for (let user = 0; user < usersAt(at) * share; user++) {
      ourReturn(at, attemptAfter(at, thereAt, ourPause))
      for (let tab = 0; tab < LOAD.tabs; tab++) theirReturn(attemptAfter(at, thereAt, theirPause))
    }
  }
  allReturn(OUTAGE.at, OUTAGE.share, OUTAGE.at + OUTAGE.seconds)
  allReturn(POWER_CUT.at, POWER_CUT.share, POWER_CUT.at)

  function scene(name: string, from: number, seconds: number): Scene {
    const worst = ({ sockets, handshakes, requests }: Course): Worst => {
      const most = (series: Float64Array) =>
        series.subarray(from, from + seconds).reduce((one, two) => Math.max(one, two))
      const heartbeats = 2 / 25
      return {
        handshakes: most(handshakes),
        requests: most(requests),
        messages: most(sockets) * (LOAD.events + heartbeats),
      }
    }
    return { name, recipe: worst(theirs), partyline: worst(ours) }
  }
  const deploySeconds = DEPLOY.processes * DEPLOY.everySeconds
  return [
    scene('the morning: most people come', COME.at - 60, 120),
    scene('a quiet hour', 12.5 * HOUR, HOUR),
    scene(`a rolling deploy of ${DEPLOY.processes} processes`, DEPLOY.at, deploySeconds + AFTERMATH),
    scene("a provider's outage of a minute, a fifth of all", OUTAGE.at, OUTAGE.seconds + AFTERMATH),
    scene('a power cut: a third of all processes', POWER_CUT.at, AFTERMATH),
  ]
}

/** How many processes the day needs, and what asks for them. */
export function processesFor(scenes: readonly Scene[], { sockets, messages, handshakeCpuMs }: Capacity) {
  const most = (of: (worst: Worst) => number) => Math.max(...scenes.map((one) => of(one.partyline)))
  return {
    sockets: Math.ceil(LOAD.users / sockets),
    messages: Math.ceil(most((worst) => worst.messages) / messages),
    // A whole core of each does nothing else in that second.
    handshakes: Math.ceil((most((worst) => worst.handshakes) * handshakeCpuMs) / 1_000),
  }
}
