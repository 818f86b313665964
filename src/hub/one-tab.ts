import type { EventPair, OneTabHandlers } from '../wire/protocol.js'
import type { History, HistoryEntry } from './history.js'
import type { HubLog } from './log.js'
import { type AttachedTab, NO_HANDLERS, type TabRegistry } from './tab-registry.js'

/** Stands for the tab of handlers that are another event's business: the one that was handed on, or the one before it. No tab has this id. */
const HANDED_ON = '-'
const OF_EVERY = '*'

/** A visible tab pings every 5 s. Without Web Locks a hidden one does so too, once a minute as its timers are throttled. */
const SILENCE_MS = { visible: 12_000, hidden: 90_000 }

export interface OneTabOptions {
  readonly now: () => number
  readonly tabs: TabRegistry
  readonly history: History
  readonly outbox: { add(pair: EventPair): void }
  readonly log: HubLog
}

/**
 * Chooses the tab that runs an event's handlers `in: 'one-tab'`. The choice goes with the event, so all tabs agree on it, and so does
 * whatever is sent again. A tab that leaves says what it has delivered: the rest is handed on. One that dies does not say it, and
 * what it may have run no other tab runs.
 */
export function createOneTab({ now, tabs, history, outbox, log }: OneTabOptions) {
  /** The tabs that have such handlers. */
  const users = new Set<AttachedTab>()

  /** The id of the tab for the handlers of that name; they are no younger than the event, which came at that moment. */
  function choose(name: string, at: number, only?: string): string {
    let best: AttachedTab | undefined
    for (const tab of users) {
      if (only !== undefined && tab.id !== only) continue
      const since = tab.oneTab.get(name)
      if (since !== undefined && since <= at && (!best || isBetter(tab, best, now()))) best = tab
    }
    return best?.id ?? ''
  }

  /** What the tab was to run after that number, and can't. */
  function handOn({ id, oneTab }: Pick<AttachedTab, 'id' | 'oneTab'>, seq: number): void {
    const again: EventPair[] = []
    for (const entry of history.after(seq)) {
      const [name, metadata, envelope] = entry.pair
      const { one } = envelope ?? {}
      if (!one) continue
      const isLost = (index: 0 | 1) => one[index] === id && !oneTab.has(index === 0 ? name : OF_EVERY)
      if (!isLost(0) && !isLost(1)) continue
      const next = [isLost(0) && choose(name, entry.at), isLost(1) && choose(OF_EVERY, entry.at)] as const
      // Without another tab, it is the first one's that comes back.
      const left = (index: 0 | 1) => (!isLost(index) ? one[index] : next[index] === '' ? '' : HANDED_ON)
      entry.pair = [name, metadata, { ...envelope, one: [left(0), left(1)] }]
      if (!next[0] && !next[1]) continue
      const given = [next[0] || HANDED_ON, next[1] || HANDED_ON] as const
      again.push([name, metadata, { ...envelope, one: given, isHandedOn: true }])
    }
    for (const pair of again) add(pair)
  }

  function add(pair: EventPair): void {
    log.counters.events++
    history.add(pair)
    outbox.add(pair)
  }

  function assigned(pair: EventPair): EventPair {
    const at = now()
    const only = pair[2]?.tab
    const one = [choose(pair[0], at, only), choose(OF_EVERY, at, only)] as const
    return one[0] || one[1] ? [pair[0], pair[1], { ...pair[2], one }] : pair
  }

  return {
    /** An event for the tabs. Most browsers have no such handlers, and pay nothing for them. */
    add(pair: EventPair): void {
      add(users.size === 0 ? pair : assigned(pair))
    },
    /** The tab tells of its handlers, as it attaches or later. `isReturning`: what it has delivered was of this hub's life. */
    told(tab: AttachedTab, handlers?: OneTabHandlers, isReturning = true): void {
      const at = now()
      const { names = [], hiddenForMs = 0, seq } = handlers ?? {}
      tab.oneTab = names.length > 0 ? new Map(names.map(([name, ageMs]) => [name, at - ageMs])) : NO_HANDLERS
      tab.hiddenAt = hiddenForMs > 0 ? at - hiddenForMs : undefined
      if (names.length > 0) users.add(tab)
      else users.delete(tab)
      if (seq !== undefined && isReturning) handOn(tab, seq)
    },
    /** These are sent again to a tab that attaches. What no tab runs yet is its own. */
    replay(tab: AttachedTab, entries: readonly HistoryEntry[]): void {
      if (tab.oneTab.size === 0) return
      for (const entry of entries) {
        const [name, metadata, envelope] = entry.pair
        const own = (index: 0 | 1) => {
          const chosen = envelope?.one?.[index] ?? ''
          const since = tab.oneTab.get(index === 0 ? name : OF_EVERY)
          return chosen === '' && since !== undefined && since <= entry.at ? tab.id : chosen
        }
        const one = [own(0), own(1)] as const
        if (one[0] || one[1]) entry.pair = [name, metadata, { ...envelope, one }]
      }
    },
    hidden(tabId: string): void {
      const tab = tabs.get(tabId)
      if (tab) tab.hiddenAt ??= now()
    },
    /** `seq`: what the tab has delivered; undefined where it does not say. Its lock may tell of its end before its own word comes. */
    left(id: string, seq?: number): void {
      for (const tab of users) if (tab.id === id) users.delete(tab)
      if (seq !== undefined && id !== '') handOn({ id, oneTab: NO_HANDLERS }, seq)
    },
  }
}

/** A visible tab, and of two the one that was shown last. Of hidden ones, the one that was hidden last. One that hangs comes last. */
function isBetter(one: AttachedTab, other: AttachedTab, now: number): boolean {
  if (isSilent(one, now) !== isSilent(other, now)) return isSilent(other, now)
  if (one.hiddenAt === undefined) return other.hiddenAt !== undefined || one.shownAt > other.shownAt
  return other.hiddenAt !== undefined && one.hiddenAt > other.hiddenAt
}

/** It hangs, or has crashed where no lock tells so. */
function isSilent({ hiddenAt, isLocked, seenAt, shownAt }: AttachedTab, now: number): boolean {
  if (hiddenAt === undefined) return now - Math.max(seenAt, shownAt) > SILENCE_MS.visible
  return !isLocked && now - Math.max(seenAt, hiddenAt) > SILENCE_MS.hidden
}
