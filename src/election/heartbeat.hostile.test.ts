import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import {
  createHostileTabs,
  type HostileTab,
  seededRandom,
  type Throttle,
  type Weather,
} from '../testing/hostile-tabs.js'
import { createVirtualTime } from '../testing/virtual-time.js'
import type { Office } from './elector.js'
import { createHeartbeatElector } from './heartbeat-elector.js'

/** More of them for a long search: `SCHEDULES=100000 npx vitest run src/election`. */
const SCHEDULES = Number(process.env['SCHEDULES'] ?? 1_000)
/** How long (ms) the hostility lasts. */
const HOSTILITY = 20_000
const QUIET: Weather = { delay: 2, duplicates: 0, loss: 0 }

type Act =
  | { readonly kind: 'join' | 'close' | 'crash' | 'depose' }
  | { readonly kind: 'freeze'; readonly ms: number }
  | { readonly kind: 'jump'; readonly ms: number }
  | { readonly kind: 'throttle'; readonly how: Throttle }

interface Schedule {
  readonly seed: number
  readonly tabs: number
  readonly weather: Weather
  readonly acts: readonly { readonly at: number; readonly tab: number; readonly act: Act }[]
  /** Tabs that were slowed stay so when all else is quiet. */
  readonly staySlow: boolean
}

const coming: fc.Arbitrary<Act> = fc.constantFrom('join', 'close', 'crash', 'depose').map((kind) => ({ kind }))
const slowing: fc.Arbitrary<Act> = fc
  .constantFrom<Throttle>('none', 'second', 'nested', 'minute')
  .map((how) => ({ kind: 'throttle', how }))
const freezing: fc.Arbitrary<Act> = fc.integer({ min: 100, max: 15_000 }).map((ms) => ({ kind: 'freeze', ms }))
const jumping: fc.Arbitrary<Act> = fc.integer({ min: -100_000, max: 100_000 }).map((ms) => ({ kind: 'jump', ms }))

function schedules(acts: fc.Arbitrary<Act>, weather: fc.Arbitrary<Weather>): fc.Arbitrary<Schedule> {
  const at = fc.integer({ min: 0, max: HOSTILITY })
  return fc.record({
    seed: fc.integer(),
    tabs: fc.integer({ min: 1, max: 6 }),
    weather,
    acts: fc.array(fc.record({ at, tab: fc.nat(9), act: acts }), { maxLength: 14, size: 'max' }),
    staySlow: fc.boolean(),
  })
}

const weather = (delay: number, loss: number): fc.Arbitrary<Weather> =>
  fc.record({
    delay: fc.integer({ min: 0, max: delay }),
    duplicates: fc.constantFrom(0, 0.1, 0.5),
    loss: loss > 0 ? fc.double({ min: 0, max: loss, noNaN: true }) : fc.constant(0),
  })

/** A tab that wants a hub: it stands for office, and again whenever it has lost it. */
interface Player {
  readonly tab: HostileTab
  alive: boolean
  holding: boolean
  elections: number
  leave: () => void
  depose: () => void
}

function createWorld(schedule: Schedule) {
  const random = seededRandom(schedule.seed)
  const time = createVirtualTime(1_000_000_000)
  const tabs = createHostileTabs(time, random, schedule.weather)
  const players: Player[] = []
  let most = 0
  const holders = () => players.filter(({ alive, holding }) => alive && holding)

  function join(): void {
    const tab = tabs.tab()
    const elector = createHeartbeatElector(tab.environment, 'hub')
    let life = new AbortController()
    const player: Player = {
      tab,
      alive: true,
      holding: false,
      elections: 0,
      leave() {
        player.alive = false
        life.abort()
      },
      depose() {
        player.holding = false
        life.abort()
        life = new AbortController()
        follow(elector.depose(life.signal))
      },
    }
    const follow = (standing: Promise<Office>): void => {
      const { signal } = life
      const onLost = () => {
        if (signal.aborted) return
        player.holding = false
        follow(elector.stand(signal))
      }
      standing.then(
        ({ lost }) => {
          if (signal.aborted) return
          if (lost.aborted) return onLost()
          player.holding = true
          player.elections++
          most = Math.max(most, holders().length)
          lost.addEventListener('abort', onLost)
        },
        () => undefined,
      )
    }
    players.push(player)
    follow(elector.stand(life.signal))
  }

  function act(player: Player, { kind, ...how }: Act & { ms?: number; how?: Throttle }): void {
    if (kind === 'join') join()
    if (!player.alive) return
    if (kind === 'close') player.leave()
    if (kind === 'depose') player.depose()
    if (kind === 'jump') player.tab.jump(how.ms ?? 0)
    if (kind === 'throttle') player.tab.throttle(how.how ?? 'none')
    if (kind === 'crash') {
      player.alive = false
      player.tab.crash()
    }
    if (kind === 'freeze') {
      player.tab.freeze()
      time.after(how.ms ?? 0, player.tab.thaw)
    }
  }

  return {
    pass: time.pass,
    players,
    holders,
    most: () => most,
    begin(): void {
      for (let tab = 0; tab < schedule.tabs; tab++) time.after(random() * 3_000, join)
      for (const { at, tab, act: what } of schedule.acts) {
        time.after(at, () => {
          const player = players[tab % Math.max(players.length, 1)]
          if (player) act(player, what)
        })
      }
    },
    calmDown(): void {
      tabs.change(QUIET)
      for (const { tab } of players) {
        tab.thaw()
        if (!schedule.staySlow) tab.throttle('none')
      }
    },
  }
}

const tried = new Map<string, number>()

async function play(name: string, schedule: Schedule, check: (world: ReturnType<typeof createWorld>) => void) {
  tried.set(name, (tried.get(name) ?? 0) + 1)
  const world = createWorld(schedule)
  world.begin()
  await world.pass(HOSTILITY)
  world.calmDown()
  const slow = schedule.staySlow && schedule.acts.some(({ act }) => act.kind === 'throttle' && act.how === 'minute')
  await world.pass(slow ? 400_000 : 20_000)
  check(world)
}

function oneHolder({ players, holders }: ReturnType<typeof createWorld>): void {
  expect(holders()).toHaveLength(players.some(({ alive }) => alive) ? 1 : 0)
}

afterAll(() => console.log('schedules tried:', Object.fromEntries(tried)))

describe('the election by heartbeats', () => {
  const verify = (name: string, of: fc.Arbitrary<Schedule>, check: Parameters<typeof play>[2]) =>
    fc.assert(
      fc.asyncProperty(of, (schedule) => play(name, schedule, check)),
      { numRuns: SCHEDULES },
    )

  it('comes to one holder after any hostility', async () => {
    await verify('hostile', schedules(fc.oneof(coming, slowing, freezing, jumping), weather(500, 0)), oneHolder)
  }, 600_000)
})
