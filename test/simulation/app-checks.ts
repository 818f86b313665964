import type { QueryClient } from '@tanstack/react-query'
import type { Receipt } from '../../src/invalidation/receipt.js'
import type { SimulatedPage } from '../../src/testing/simulated-page.js'
import type { World } from '../../src/testing/world.js'
import type { Status } from '../../src/wire/status.js'
import type { Violate } from './app.js'
import type { Setting } from './command.js'

/** How long after a receipt its fetches have begun. */
const FETCH_BEGINS_MS = 50

/** What ran in one tab of the browser, from all its tabs. */
export function createOneTabRuns(world: World, violate: Violate) {
  const runs = new Map<string, { readonly tab: string; readonly at: number }>()
  /** By epoch: after a gap a hub may be sent again what it had handed on. */
  const gaps = new Map<string | undefined, number>()
  return {
    gap: ({ epoch }: Status) => void gaps.set(epoch, world.machine.monotonic()),
    /** Each tab that no other one can be found from runs what it hears. */
    ran(tab: string, { epoch }: Status, stream: string, number: unknown): void {
      if (typeof number !== 'number') return
      const id = `${epoch} ${stream} ${number}`
      const before = runs.get(id)
      if (before && (gaps.get(epoch) ?? Number.NEGATIVE_INFINITY) < before.at)
        violate('one tab', `the event ${number} of ${stream} ran in ${before.tab} and in ${tab}`)
      runs.set(id, { tab, at: world.machine.monotonic() })
    },
  }
}

export type OneTabRuns = ReturnType<typeof createOneTabRuns>

/** Events come in order and once, from each hub; what a receipt says was refetched was. */
export function createAppChecks(
  world: World,
  page: SimulatedPage,
  client: QueryClient,
  violate: Violate,
  { log }: Pick<Setting, 'log'>,
) {
  const { name } = page.realm
  const lastSeen = new Map<string, number>()
  const seen = new Set<string>()
  /** By epoch. A new session knows of no gap yet, though a former one of this page does. */
  const lastGaps = new Map<string | undefined, number>()
  const startedAt = new Map<string, number>()
  let fetches = 0

  return {
    /** `stream`: what the event's number counts. */
    event({ epoch, lastGap }: Status, stream: string, number: unknown): void {
      if (typeof number !== 'number') return
      // After a gap the hub has forgotten what it had handed on.
      const gap = lastGap?.until ?? lastGaps.get(epoch)
      if (gap !== undefined) lastGaps.set(epoch, gap)
      const id = `${epoch} ${gap} ${stream}`
      const last = lastSeen.get(id)
      if (seen.has(`${id} ${number}`)) violate('order', `${name}: the event ${number} of ${stream} came twice`)
      seen.add(`${id} ${number}`)
      // What a log replays comes beside live events.
      if (!log && last !== undefined && number < last)
        violate('order', `${name}: the event ${number} of ${stream} came after ${last} from the same hub`)
      lastSeen.set(id, number)
    },
    fetchStarts(hash: string): void {
      fetches++
      startedAt.set(hash, world.machine.monotonic())
    },
    /** How many fetches have begun so far. */
    fetches: () => fetches,
    receipt({ refetched, cause }: Receipt): void {
      const at = world.machine.monotonic()
      for (const key of refetched) {
        const hash = JSON.stringify(key)
        world.machine.time.after(FETCH_BEGINS_MS, () => {
          const isActive = client.getQueryCache().find({ queryKey: key, exact: true })?.isActive()
          if (!isActive || page.realm.isSuspended || page.realm.isDead) return
          if ((startedAt.get(hash) ?? Number.NEGATIVE_INFINITY) < at - FETCH_BEGINS_MS)
            violate('receipts', `${name}: the receipt (${cause}) says that ${hash} was refetched, and it was not`)
        })
      }
    },
  }
}
