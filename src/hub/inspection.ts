import type { HubEnvironment } from '../platform/environment.js'
import { type HubInspection, type HubInspectionCalls, type HubTab, isMetadata, RESERVED } from '../wire/protocol.js'
import type { Downstream } from './downstream.js'
import type { HubLog } from './log.js'
import type { AttachedTab, TabRegistry } from './tab-registry.js'
import type { Upstream } from './upstream.js'

/** Tabs are asked for their titles once in so many milliseconds at most. */
const DESCRIBE_INTERVAL_MS = 1_000
/** So many of the tabs that were parked last are remembered, for so long at most: a browser keeps no page for longer. */
const MAX_PARKED_TABS = 10
const MAX_PARKED_MS = 600_000
/** One simulation is a burst of so many events at most. */
const MAX_SIMULATED_EVENTS = 5_000

export type Description = Required<Pick<HubTab, 'title' | 'isVisible'>>

export interface HubInspectionOptions extends Pick<HubInspection, 'epoch' | 'host'> {
  readonly environment: Pick<HubEnvironment, 'clock' | 'timers'>
  readonly log: HubLog
  readonly upstream: Upstream
  readonly downstream: Downstream
  /** Leaves the connection to another tab's hub. */
  readonly leave: (reason: string) => void
}

/** What a hub tells whoever inspects it, and does for a test or a demonstration. */
export function createHubInspection({ environment, log, upstream, downstream, leave, ...hub }: HubInspectionOptions) {
  const { clock, timers } = environment
  const { connection } = upstream
  const bornAt = clock.monotonic()

  const calls: HubInspectionCalls = {
    inspect: (after) => ({
      ...hub,
      ageMs: clock.monotonic() - bornAt,
      ...upstream.inspect(),
      tabs: downstream.inspect(hub.host),
      counters: { ...log.counters },
      records: log.after(after),
    }),
    simulate(given) {
      // Whatever a script has sent.
      const { name, event, metadata, count = 1 }: { readonly [field: string]: unknown } = isMetadata(given) ? given : {}
      if (name === 'gap') upstream.missed('simulated')
      else if (name === 'drop' || name === 'reconnect' || name === 'refusal') connection.simulate[name]()
      // As when no tab here gives credentials: the others hear of their new hub before this tab looks for one. This call is
      // answered first.
      else if (
        name === 'move-leader' &&
        hub.host === 'leader-tab' &&
        downstream.tabs.all().some((tab) => !tab.isTrusted)
      )
        timers.after(0, () => leave('left to another tab: simulated'))
      // The reserved name is the server's, for the hub itself.
      else if (name === 'event' && typeof event === 'string' && event !== RESERVED)
        for (let sent = 0; sent < Math.min(Number(count), MAX_SIMULATED_EVENTS); sent++)
          connection.simulate.event(event, metadata)
    },
  }
  return calls
}

interface ParkedTab {
  readonly tab: AttachedTab
  readonly at: number
}

/** Of the tabs: of those that are attached, and of the last few that are parked. */
export function createTabInspection(tabs: TabRegistry, now: () => number) {
  let parked: readonly ParkedTab[] = []
  let askedAt = Number.NEGATIVE_INFINITY

  function forgetParked(isOver: (one: ParkedTab) => boolean): void {
    parked = parked.filter((one) => !isOver(one))
  }

  function ask(): void {
    if (now() - askedAt < DESCRIBE_INTERVAL_MS) return
    askedAt = now()
    tabs.postToAll({ kind: 'describe' })
  }

  const tabOf = (tab: AttachedTab, host: HubInspection['host']): HubTab => ({
    id: tab.id,
    ...(host === 'leader-tab' && { role: tab.isTrusted ? 'leader' : 'follower' }),
    ...tab.description,
    events: [...tab.wanted],
    topics: [...tab.topics],
    heardAgoMs: now() - tab.seenAt,
  })

  return {
    parked(tab: AttachedTab): void {
      parked = [...parked, { tab, at: now() }].slice(-MAX_PARKED_TABS)
    },
    attached: ({ id }: AttachedTab): void => forgetParked(({ tab }) => tab.id === id),
    described(tab: AttachedTab | undefined, { title, isVisible }: Description): void {
      if (tab) Object.assign(tab, { description: { title, isVisible }, seenAt: now() })
    },
    /** Asks the tabs for their titles, too: the next call has them. */
    inspect(host: HubInspection['host']): readonly HubTab[] {
      ask()
      forgetParked(({ at }) => now() - at > MAX_PARKED_MS)
      return [
        ...tabs.all().map((tab) => tabOf(tab, host)),
        ...parked.map(({ tab }): HubTab => ({ ...tabOf(tab, host), isVisible: false, isParked: true })),
      ]
    },
  }
}
