import type { HubEnvironment } from '../platform/environment.js'
import { whenLockIsFree } from '../platform/locks.js'
import type { Endpoint } from '../wire/endpoint.js'
import type { Hello, SocketState } from '../wire/protocol.js'
import { createHistory, type HistoryEntry } from './history.js'
import type { HubLog } from './log.js'
import { createOneTab } from './one-tab.js'
import { type BatchTimer, createOutbox } from './outbox.js'
import { createTabInspection, type Description } from './tab-inspection.js'
import { type AttachedTab, createTabRegistry, createTabTimeout } from './tab-registry.js'

/** What a hub learns from the side of the tabs. */
export interface DownstreamHandlers {
  /** How many connections in a row did not hold. */
  flaps(): number
  /** A tab is no longer attached. `release`: the identity has ended in it. */
  onRemoved(release: boolean): void
}

export interface DownstreamOptions {
  readonly environment: HubEnvironment
  readonly multicastName: string
  readonly batchTimer: BatchTimer
  readonly socketState: () => SocketState
  readonly log: HubLog
  readonly handlers: DownstreamHandlers
}

/** Why a tab is no longer attached. `released`: the identity has ended in it. `gone`: its lock is free. */
export type Leaving = 'closed' | 'released' | 'parked' | 'gone' | 'silent'

/** A lock may be free before the last word of its tab is here, and that is of use. */
const LAST_WORD_MS = 1_000

export type Downstream = ReturnType<typeof createDownstream>

/** The hub's side toward the tabs: who is attached, and what they are sent. */
export function createDownstream(options: DownstreamOptions) {
  const { environment, multicastName, batchTimer, socketState, log, handlers } = options
  const { clock, locks, timers } = environment
  const tabs = createTabRegistry()
  const history = createHistory(clock.monotonic)
  const outbox = createOutbox({
    tabs,
    environment,
    batchTimer,
    seq: () => history.seq,
    multicastName,
    onPosted(count, characters) {
      history.weigh(count, characters)
      log.counters.batches++
      log.counters.characters += characters
    },
  })
  const oneTab = createOneTab({ now: clock.monotonic, tabs, history, outbox, log })
  const tabTimeout = createTabTimeout(tabs, environment, (tab) => {
    // It may be alive, and rest because it trusts its lock. Parked it is not: a page detaches before.
    tab.endpoint.postMessage({ kind: 'closed', reason: 'this tab was silent for too long' })
    remove(tab, 'silent')
  })
  const inspection = createTabInspection(tabs, clock.monotonic)
  let cancelPostState: (() => void) | undefined

  /** Fifty tabs that open at once are told of their number a few times, not fifty times each. */
  function postState(): void {
    cancelPostState ??= batchTimer(0, () => {
      cancelPostState = undefined
      tabs.postToAll({ kind: 'state', socket: socketState(), tabs: tabs.size })
    })
  }

  /** A pipe over a channel is the hub's to close; at a port nobody is left to receive. */
  function forget(tab: AttachedTab, kept?: Endpoint, seq?: number, isGone = false): boolean {
    const wasAttached = tabs.remove(tab)
    if (wasAttached) oneTab.left(tab.id, seq)
    const wait = isGone ? timers.after : (_ms: number, run: () => void) => run()
    if (wasAttached && !tab.isTrusted && tab.endpoint !== kept) wait(LAST_WORD_MS, () => tab.endpoint.close())
    return wasAttached
  }

  function remove(tab: AttachedTab, why: Leaving, seq?: number): void {
    if (!forget(tab, undefined, seq, why === 'gone')) return
    log.add('hub', 'left', { tab: tab.id, reason: why })
    if (why === 'parked') inspection.parked(tab)
    handlers.onRemoved(why === 'released')
  }

  return {
    tabs,
    history,
    oneTab,
    multicastName: outbox.multicastName,
    /** It is known now whether events were missed before this moment. */
    decide(unbroken: boolean, reason: string, quietSince?: number): void {
      outbox.post()
      const quietForMs = unbroken ? 0 : Math.floor(clock.monotonic() - history.break(quietSince))
      const flaps = handlers.flaps()
      log.add('gap', unbroken ? 'none' : 'missed', { reason })
      if (!unbroken) log.counters.gaps++
      const gap = { reason, ...(flaps > 0 && { flaps }), ...(quietForMs > 0 && { quietForMs }) }
      for (const tab of tabs.all()) {
        if (!unbroken || tab.isOwedGap) tab.endpoint.postMessage({ kind: 'gap', seq: history.seq, ...gap })
        tab.isOwedGap = false
      }
    },
    /** Attaches a tab, in place of a former attachment of the same tab. `isReturning`: it was attached to this hub before. */
    join(endpoint: Endpoint, hello: Hello, isTrusted: boolean, isReturning: boolean): AttachedTab {
      // Events in the outbox came before this tab joined: they are part of the history that it is given.
      outbox.post()
      const before = tabs.get(hello.tab)
      if (before) forget(before, endpoint)
      const tab = tabs.add({ endpoint, isTrusted, seenAt: clock.monotonic() }, hello)
      oneTab.told(tab, hello.oneTab, isReturning)
      log.add('hub', 'attached', { tab: tab.id })
      inspection.attached(tab)
      postState()
      const watchSilence = () => {
        tab.isLocked = false
        tabTimeout.watch()
      }
      if (hello.lock && locks)
        whenLockIsFree(locks, hello.lock, tab.gone.signal, () => remove(tab, 'gone'), watchSilence)
      else watchSilence()
      return tab
    },
    /** The tab's welcome brings these events of the history. */
    replayed(tab: AttachedTab, entries: readonly HistoryEntry[]): void {
      oneTab.replay(tab, entries)
      if (entries.length === 0) return
      log.counters.replays++
      log.add('gap', 'replayed', { tab: tab.id, count: entries.length })
    },
    ping(tabId: string): boolean {
      const tab = tabs.get(tabId)
      if (tab) tab.seenAt = clock.monotonic()
      return tab !== undefined
    },
    multicastJoined(tabId: string, endpoint: Endpoint): void {
      const tab = tabs.get(tabId)
      if (tab?.endpoint === endpoint) tab.isOnMulticast = true
    },
    detach(tabId: string, endpoint: Endpoint, why: Leaving, seq?: number): void {
      const tab = tabs.get(tabId)
      if (tab?.endpoint === endpoint) remove(tab, why, seq)
      else if (!tab) oneTab.left(tabId, seq)
    },
    describe: (tabId: string, description: Description): void => inspection.described(tabs.get(tabId), description),
    inspect: inspection.inspect,
    postState,
    close(): void {
      outbox.close()
      tabTimeout.close()
      cancelPostState?.()
      for (const tab of tabs.all()) forget(tab)
    },
  }
}
