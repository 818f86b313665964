import type { HubEnvironment } from '../platform/environment.js'
import { type HubInspection, type HubTab, isMetadata, RESERVED, type TabMessage } from '../wire/protocol.js'
import { SIMULATED } from './connection.js'
import type { Downstream } from './downstream.js'
import type { HubLog } from './log.js'
import type { AttachedTab, TabRegistry } from './tab-registry.js'
import type { Upstream } from './upstream.js'

/** Characters. */
const MAX_TITLE_LENGTH = 200
/** Tabs are asked for their titles once in so many milliseconds at most. */
const DESCRIBE_INTERVAL_MS = 1_000
/** So many of the tabs that were parked last are remembered, for so long at most: a browser keeps no page for longer. */
const MAX_PARKED_TABS = 10
const MAX_PARKED_MS = 600_000
/** One simulation is a burst of so many events at most. */
const MAX_SIMULATED_EVENTS = 5_000

export type Description = Omit<Extract<TabMessage, { kind: 'description' }>, 'kind'>

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

  return {
    inspect: (after: number): HubInspection => ({
      ...hub,
      ageMs: clock.monotonic() - bornAt,
      ...upstream.inspect(),
      tabs: downstream.inspect(hub.host),
      counters: { ...log.counters },
      records: log.after(after),
    }),
    /** `given`: whatever a script has sent. Gives whether it was done. */
    simulate(given: unknown): boolean {
      const { name, event, metadata, count = 1 }: { readonly [field: string]: unknown } = isMetadata(given) ? given : {}
      if (name === 'drop' || name === 'reconnect' || name === 'refusal') return connection.simulate[name]()
      const isMovable = hub.host === 'leader-tab' && downstream.tabs.all().some((tab) => !tab.isTrusted)
      if (name === 'gap') upstream.missed(SIMULATED)
      // As when no tab here gives credentials: the others hear of their new hub before this tab looks for one. This call is
      // answered first.
      else if (name === 'move-leader' && isMovable) timers.after(0, () => leave(SIMULATED))
      // The reserved name is the server's, for the hub itself.
      else if (name === 'event' && typeof event === 'string' && event !== RESERVED)
        for (let sent = 0; sent < Math.min(Number(count), MAX_SIMULATED_EVENTS); sent++)
          connection.simulate.event(event, metadata)
      else return false
      return true
    },
  }
}

/** Of the tabs: of those that are attached, and of the last few that are parked. */
export function createTabInspection(tabs: TabRegistry, now: () => number) {
  let parked: readonly (SeenTab & { readonly parkedAt: number })[] = []
  let askedAt = Number.NEGATIVE_INFINITY

  return {
    parked({ id, description, wanted, topics, seenAt }: AttachedTab): void {
      const left = { id, description: { ...description, isVisible: false }, wanted, topics, seenAt, parkedAt: now() }
      parked = [...parked, left].slice(-MAX_PARKED_TABS)
    },
    attached({ id }: AttachedTab): void {
      parked = parked.filter((tab) => tab.id !== id)
    },
    described(tab: AttachedTab | undefined, { title, isVisible }: Description): void {
      if (!tab) return
      tab.description = { title: title.slice(0, MAX_TITLE_LENGTH), isVisible }
      tab.seenAt = now()
    },
    /** Asks the tabs for their titles, too: the next call has them. */
    inspect(host: HubInspection['host']): readonly HubTab[] {
      const at = now()
      if (at - askedAt >= DESCRIBE_INTERVAL_MS) {
        askedAt = at
        tabs.postToAll({ kind: 'describe' })
      }
      parked = parked.filter(({ parkedAt }) => at - parkedAt < MAX_PARKED_MS)
      return [...tabs.all(), ...parked].map(
        ({ id, description, wanted, topics, seenAt, isTrusted }: SeenTab): HubTab => ({
          id,
          role: host !== 'leader-tab' || isTrusted === undefined ? undefined : isTrusted ? 'leader' : 'follower',
          ...description,
          isParked: isTrusted === undefined,
          events: [...wanted],
          topics: [...topics],
          heardAgoMs: at - seenAt,
        }),
      )
    },
  }
}

/** `isTrusted` is undefined where it is parked. */
type SeenTab = Pick<AttachedTab, 'id' | 'description' | 'wanted' | 'topics' | 'seenAt'> & {
  readonly isTrusted?: boolean
}
