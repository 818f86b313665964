import type { HubEnvironment } from '../platform/environment.js'
import type { Endpoint } from '../wire/endpoint.js'
import type { HubTab } from '../wire/hub-calls.js'
import type { EventPair, Hello, HubErrorCode, HubMessage } from '../wire/protocol.js'

/**
 * Without Web Locks, a tab that has been silent for this long is gone. Hidden tabs' timers run once a minute.
 */
const TAB_TIMEOUT_MS = 150_000

/** Of most tabs. */
export const NO_HANDLERS: ReadonlyMap<string, number> = new Map()

/** A tab that is attached to this hub. */
export interface AttachedTab {
  readonly id: string
  readonly endpoint: Endpoint
  /** The names of the events that it subscribes to. Ask `wants`: one of them may stand for all. */
  wanted: ReadonlySet<string>
  /** The topics that it uses. */
  topics: ReadonlySet<string>
  /** When it last gave a sign of life, by the monotonic clock. Milliseconds. */
  seenAt: number
  /** Aborts when it is no longer attached. */
  readonly gone: AbortController
  /** A lock tells of its death. Without one, or where the browser refuses to tell, only silence does. */
  isLocked: boolean
  /** It is at a port, not on a BroadcastChannel: the hub may ask it for credentials. */
  readonly isTrusted: boolean
  /** It attached without a connection and without a history to go by: it is owed a gap, even if the connection recovers. */
  isOwedGap: boolean
  /** It listens to the multicast. */
  isOnMulticast: boolean
  /** The events for which it has handlers `in: 'one-tab'`, and since when, by the monotonic clock. Milliseconds. */
  oneTab: ReadonlyMap<string, number>
  /** Undefined: it is visible. Else since when it is not, as far as it told. Milliseconds of the monotonic clock. */
  hiddenAt?: number | undefined
  /** The rank of its last look: of two visible tabs, the one that was shown last has the higher one. */
  shownAt: number
  /** Since somebody inspected the hub. */
  description?: Pick<HubTab, 'title' | 'isVisible'> | undefined
}

/** Who is attached. */
export interface TabRegistry {
  readonly size: number
  all(): AttachedTab[]
  get(id: string): AttachedTab | undefined
  /** `tab.seenAt`: now. */
  add(tab: Pick<AttachedTab, 'endpoint' | 'isTrusted' | 'seenAt'>, hello: Hello): AttachedTab
  /**
   * Removes only this very attachment: the same tab may have attached again. Nothing is posted to the endpoint, since its page
   * may be in the back/forward cache, and any message would evict it from there. False when it was not attached.
   */
  remove(tab: AttachedTab): boolean
  /** Whether any tab subscribes to the event. */
  wants(event: string): boolean
  postToAll(message: HubMessage): void
  /**
   * A problem of the server's is one line in an error log, not one for each tab. False when there is no tab.
   */
  reportToOneTab(code: HubErrorCode, message: string, event?: string): boolean
}

/** Whether a tab subscribes to the event. */
export const wants = ({ wanted }: AttachedTab, event: string): boolean => wanted.has(event) || wanted.has('*')

/** Whether an event is for a tab: it subscribes to it, and the event is not for another tab alone. */
export const isForTab = (tab: AttachedTab, [name, , envelope]: EventPair): boolean =>
  wants(tab, name) && (envelope?.tab === undefined || envelope.tab === tab.id)

export function createTabRegistry(): TabRegistry {
  const tabs = new Map<string, AttachedTab>()
  return {
    get size() {
      return tabs.size
    },
    all: () => [...tabs.values()],
    get: (id) => tabs.get(id),
    add(given, { tab: id, events, topics, lock }) {
      const tab: AttachedTab = {
        ...given,
        id,
        wanted: new Set(events),
        topics: new Set(topics),
        gone: new AbortController(),
        isLocked: lock !== undefined,
        isOwedGap: false,
        isOnMulticast: false,
        oneTab: NO_HANDLERS,
        shownAt: given.seenAt,
      }
      tabs.set(id, tab)
      return tab
    },
    remove(tab) {
      tab.gone.abort()
      return tabs.get(tab.id) === tab && tabs.delete(tab.id)
    },
    wants(event) {
      for (const tab of tabs.values()) if (wants(tab, event)) return true
      return false
    },
    postToAll(message) {
      for (const tab of tabs.values()) tab.endpoint.postMessage(message)
    },
    reportToOneTab(code, message, event) {
      const [tab] = tabs.values()
      tab?.endpoint.postMessage({ kind: 'problem', code, message, ...(event !== undefined && { event }) })
      return tab !== undefined
    },
  }
}

/** Without Web Locks, a silent tab is taken for gone; one that was only asleep attaches again. */
export function createTabTimeout(
  tabs: TabRegistry,
  { clock, timers }: Pick<HubEnvironment, 'clock' | 'timers'>,
  onGone: (tab: AttachedTab) => void,
) {
  let cancelSweep: (() => void) | undefined
  let cancelCheck: (() => void) | undefined

  function sweep(): void {
    const unlocked = tabs.all().filter((tab) => !tab.isLocked)
    cancelSweep = unlocked.length > 0 ? timers.after(TAB_TIMEOUT_MS / 2, sweep) : undefined
    const isSilent = (tab: AttachedTab) => clock.monotonic() - tab.seenAt > TAB_TIMEOUT_MS
    // After a busy stretch a ping may wait behind this timer: it gets one more turn.
    if (unlocked.some(isSilent)) cancelCheck = timers.after(0, () => unlocked.filter(isSilent).forEach(onGone))
  }

  return {
    /** There is a tab whose death no lock tells. */
    watch(): void {
      cancelSweep ??= timers.after(TAB_TIMEOUT_MS, sweep)
    },
    close(): void {
      cancelSweep?.()
      cancelCheck?.()
    },
  }
}
