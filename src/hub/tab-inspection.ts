import type { HubInspection, HubTab } from '../wire/hub-calls.js'
import type { TabMessage } from '../wire/protocol.js'
import type { AttachedTab, TabRegistry } from './tab-registry.js'

/** Characters. */
const MAX_TITLE_LENGTH = 200
/** Tabs are asked for their titles once in so many milliseconds at most. */
const DESCRIBE_INTERVAL_MS = 1_000
/** So many of the tabs that were parked last are remembered, for so long at most: a browser keeps no page for longer. */
const MAX_PARKED_TABS = 10
const MAX_PARKED_MS = 600_000
export type Description = Omit<Extract<TabMessage, { kind: 'description' }>, 'kind'>

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
