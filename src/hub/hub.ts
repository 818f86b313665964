import type { HubEnvironment } from '../platform/environment.js'
import { tryNewLock } from '../platform/locks.js'
import type { OpenTransport } from '../transport/transport.js'
import type { Endpoint } from '../wire/endpoint.js'
import type { CredentialsAnswer, Hello, Nudge, Settings, Welcome } from '../wire/protocol.js'
import type { Host } from '../wire/status.js'
import { createDownstream } from './downstream.js'
import type { BatchTimer } from './outbox.js'
import { createUpstream } from './upstream.js'

export interface HubOptions {
  readonly environment: HubEnvironment
  readonly key: string
  readonly host: Host
  readonly settings: Settings
  readonly openTransport: OpenTransport
  /** Waits between the batches of a burst. Default: by a timer. */
  readonly batchTimer?: BatchTimer | undefined
  /** The hub has ended, by itself or by a call. */
  readonly onEnd: () => void
}

export interface Hub {
  readonly epoch: string
  /** Undefined when this hub has ended meanwhile. */
  attach(endpoint: Endpoint, hello: Hello, isTrusted: boolean): Promise<Welcome | undefined>
  /** Replaces a tab's subscriptions and topics. */
  subscribe(tabId: string, events: readonly string[], topics?: readonly string[]): void
  credentials(request: number, answer: CredentialsAnswer): void
  nudge(why: Nudge): void
  /** False when the tab is not attached: it has to attach again. */
  ping(tabId: string): boolean
  /** The tab listens to the multicast that its welcome named. */
  multicastJoined(tabId: string, endpoint: Endpoint): void
  /** `release`: the identity has ended in this tab, so without other tabs the connection is closed at once. */
  detach(tabId: string, endpoint: Endpoint, release: boolean): void
  signOut(): void
  /** Ends at once: the connection is closed, and the tabs are told. */
  close(reason: string): void
}

type HubState =
  | { readonly name: 'open' }
  /** The last tab has left; without another one the hub ends. */
  | { readonly name: 'lingering'; cancel(): void }
  | { readonly name: 'ended' }

/** Owns the one connection of one key: numbers events and fans them out to tabs. Does not know where it runs. */
export function createHub({
  environment,
  key,
  host,
  settings,
  openTransport,
  batchTimer = environment.timers.after,
  onEnd,
}: HubOptions): Hub {
  const { timers } = environment
  const epoch = environment.id()
  /** Aborts at the hub's end. */
  const life = new AbortController()
  let state: HubState = { name: 'open' }

  /** The name of the lock once it is held; undefined where locks are missing, or refuse. */
  const held = tryNewLock(environment, `${key}/hub/${epoch}`, life.signal)

  const downstream = createDownstream({
    environment,
    multicastName: `${key}/events/${epoch}`,
    batchTimer,
    socketState: () => connection.state(),
    handlers: {
      onRemoved(release) {
        topics.update()
        if (tabs.size > 0) downstream.postState()
        else if (release || settings.lingerMs <= 0) end()
        else enter({ name: 'lingering', cancel: timers.after(settings.lingerMs, end) })
      },
    },
  })
  const { tabs, history, multicastName } = downstream

  const upstream = createUpstream({
    environment,
    settings,
    openTransport,
    tabs,
    ready: held,
    handlers: {
      onEvent: downstream.add,
      onDecided: downstream.decide,
      onState: downstream.postState,
      onNoTrustedTab: end,
    },
  })
  const { connection, topics } = upstream

  function enter(next: HubState): void {
    if (state.name === 'lingering') state.cancel()
    state = next
  }

  async function attach(endpoint: Endpoint, hello: Hello, isTrusted: boolean): Promise<Welcome | undefined> {
    // Connecting takes time: it begins before anything else.
    connection.start()
    const lock = await held
    if (state.name === 'ended') return undefined
    enter({ name: 'open' })
    const tab = downstream.join(endpoint, hello, isTrusted)
    topics.update()
    if (connection.state().name === 'unauthorized') connection.nudge('visible')

    const known = history.since(hello.since, epoch)
    const isCurrent = upstream.isCurrent()
    tab.isOwedGap = !known && !isCurrent
    downstream.postState()
    return {
      ok: true,
      host,
      ...(host === 'leader-tab' && { role: isTrusted ? 'leader' : 'follower' }),
      epoch,
      seq: history.seq,
      socket: connection.state(),
      tabs: tabs.size,
      topics: topics.answersFor(tab),
      ...(lock && { lock }),
      // Only with a lock: a tab that timed out here, without its knowing, must not go on receiving some of the events.
      ...(!isTrusted && tab.isLocked && multicastName && { multicast: multicastName }),
      ...(known && { replay: known.filter(([name]) => tab.wanted.has(name)) }),
      ...(!known && isCurrent && { gap: 'attached to a hub that can not vouch for what came before' }),
      ...(hello.settings && JSON.stringify(hello.settings) !== JSON.stringify(settings) && { settingsDiffer: true }),
    }
  }

  function end(): void {
    if (state.name === 'ended') return
    enter({ name: 'ended' })
    upstream.close()
    downstream.close()
    life.abort()
    onEnd()
  }

  return {
    epoch,
    attach,
    subscribe(tabId, events, used = []) {
      const tab = tabs.get(tabId)
      if (!tab) return
      tab.wanted = new Set(events)
      topics.use(tab, used)
    },
    credentials: upstream.answerCredentials,
    nudge: connection.nudge,
    ping: downstream.ping,
    multicastJoined: downstream.multicastJoined,
    detach: downstream.detach,
    signOut() {
      tabs.postToAll({ kind: 'signed-out', reason: 'signed out in a tab of this browser' })
      end()
    },
    close(reason) {
      tabs.postToAll({ kind: 'closed', reason })
      end()
    },
  }
}
