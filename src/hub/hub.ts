import type { HubEnvironment } from '../platform/environment.js'
import { tryNewLock } from '../platform/locks.js'
import type { OpenTransport } from '../transport/transport.js'
import type { Endpoint } from '../wire/endpoint.js'
import type { HubCalls, HubInspection, HubInspectionCalls } from '../wire/hub-calls.js'
import type {
  CredentialsAnswer,
  Hello,
  HubMessage,
  Nudge,
  OneTabHandlers,
  SendAnswer,
  Settings,
  Welcome,
} from '../wire/protocol.js'
import type { Host } from '../wire/status.js'
import { createDownstream, type Leaving } from './downstream.js'
import type { HistoryEntry } from './history.js'
import { createHubInspection } from './inspection.js'
import { createHubLog, type HubLog } from './log.js'
import type { BatchTimer } from './outbox.js'
import type { Description } from './tab-inspection.js'
import { isForTab } from './tab-registry.js'
import { createUpstream } from './upstream.js'

export interface HubOptions {
  readonly environment: HubEnvironment
  readonly key: string
  readonly host: Host
  readonly settings: Settings
  readonly openTransport: OpenTransport
  /** What happened before this hub's life, in the campaign for it, may be in it. Default: a new one. */
  readonly log?: HubLog | undefined
  readonly wasRefused?: boolean | undefined
  /** Waits between the batches of a burst. Default: by a timer. */
  readonly batchTimer?: BatchTimer | undefined
  /** Whether the connection may be left to another tab's hub now, because no tab here gives credentials that do. */
  readonly mayHandOver?: () => boolean
  /** The hub has ended, by itself or by a call. */
  readonly onEnd: (reason: string) => void
}

export interface Hub extends Pick<HubInspectionCalls, 'simulate'> {
  readonly epoch: string
  /** Undefined when this hub has ended meanwhile. */
  attach(endpoint: Endpoint, hello: Hello, isTrusted: boolean): Promise<Welcome | undefined>
  /** Replaces a tab's subscriptions and topics. */
  subscribe(tabId: string, events: readonly string[], topics?: readonly string[], oneTab?: OneTabHandlers): void
  send(tabId: string, ...send: Parameters<HubCalls['send']>): SendAnswer | Promise<SendAnswer>
  credentials(request: number, answer: CredentialsAnswer): void
  nudge(why: Nudge, tabId?: string): void
  /** The tab is hidden now. */
  hidden(tabId: string): void
  /** False when the tab is not attached: it has to attach again. */
  ping(tabId: string): boolean
  /** The tab listens to the multicast that its welcome named. */
  multicastJoined(tabId: string, endpoint: Endpoint): void
  /**
   * `released`: the identity has ended in this tab, so without other tabs the connection is closed at once. `seq`: everything up
   * to there was delivered to it.
   */
  detach(tabId: string, endpoint: Endpoint, why: Leaving, seq?: number): void
  describe(tabId: string, description: Description): void
  inspect(after: number): HubInspection
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
export function createHub(options: HubOptions): Hub {
  const { environment, key, host, settings, onEnd, mayHandOver = () => true } = options
  const { timers, clock } = environment
  const { batchTimer = timers.after, log = createHubLog(clock.monotonic) } = options
  const epoch = environment.id()
  /** Aborts at the hub's end. */
  const life = new AbortController()
  let state: HubState = { name: 'open' }
  /** The first tab is attached. A transport may ask for credentials at once, and without a tab there would be none. */
  const firstTab = createSignal()

  /** The name of the lock once it is held; undefined where locks are missing, or refuse. */
  const held = tryNewLock(environment, `${key}/hub/${epoch}`, life.signal)

  const downstream = createDownstream({
    environment,
    multicastName: `${key}/events/${epoch}`,
    batchTimer,
    socketState: () => connection.state(),
    log,
    handlers: {
      flaps: () => connection.flaps(),
      onRemoved(release) {
        upstream.tabLeft()
        if (tabs.size > 0) downstream.postState()
        else if (release || settings.lingerMs <= 0) end()
        else enter({ name: 'lingering', cancel: timers.after(settings.lingerMs, end) })
      },
    },
  })
  const { tabs, history, oneTab, multicastName } = downstream

  const upstream = createUpstream({
    ...options,
    log,
    tabs,
    ready: firstTab.promise,
    handlers: {
      onEvent: oneTab.add,
      onDecided: downstream.decide,
      onState: downstream.postState,
      onNoTrustedTab() {
        if (tabs.all().every((tab) => !tab.isTrusted) || mayHandOver()) end(NO_TAB_HAS_CREDENTIALS)
      },
    },
  })
  const { connection, topics } = upstream

  function enter(next: HubState): void {
    if (state.name === 'lingering') state.cancel()
    if (next.name === 'lingering') log.add('hub', 'lingering', { inMs: settings.lingerMs })
    state = next
  }

  async function attach(endpoint: Endpoint, hello: Hello, isTrusted: boolean): Promise<Welcome | undefined> {
    // Connecting takes time: it begins before anything else.
    connection.start()
    const lock = await held
    if (state.name === 'ended') return undefined
    enter({ name: 'open' })
    const tab = downstream.join(endpoint, hello, isTrusted, hello.since.epoch === epoch)
    firstTab.give()
    upstream.attached(tab)

    const known = history.since(hello.since, epoch)?.filter(({ pair }) => isForTab(tab, pair))
    const isCurrent = upstream.isCurrent()
    tab.isOwedGap = !known && !isCurrent
    if (known) downstream.replayed(tab, known)
    return {
      ok: true,
      host,
      ...(host === 'leader-tab' && { role: isTrusted ? 'leader' : 'follower' }),
      epoch,
      seq: history.seq,
      ...connection.standing(),
      tabs: tabs.size,
      topics: topics.answersFor(tab),
      ...(lock && { lock }),
      // Only with a lock: a tab that timed out here, without its knowing, must not go on receiving some of the events.
      ...(!isTrusted && tab.isLocked && multicastName && { multicast: multicastName }),
      ...(known && replayOf(known, clock.monotonic())),
      ...(!known && isCurrent && { gap: 'attached to a hub that can not vouch for what came before' }),
      ...(hello.settings && JSON.stringify(hello.settings) !== JSON.stringify(settings) && { settingsDiffer: true }),
    }
  }

  function end(reason = LAST_TAB_LEFT): void {
    if (state.name === 'ended') return
    enter({ name: 'ended' })
    upstream.close()
    downstream.close()
    life.abort()
    onEnd(reason)
  }

  function endFor(message: Extract<HubMessage, { kind: 'signed-out' | 'closed' }>): void {
    tabs.postToAll(message)
    end(message.reason)
  }

  return {
    epoch,
    attach,
    subscribe(tabId, events, used = [], handlers) {
      const tab = tabs.get(tabId)
      if (tab) oneTab.told(Object.assign(tab, { wanted: new Set(events) }), handlers)
      if (tab) topics.use(tab, used)
    },
    ...upstream.calls,
    nudge: (why, tabId) => upstream.nudge(why, tabId === undefined ? undefined : tabs.get(tabId)),
    ping: downstream.ping,
    multicastJoined: downstream.multicastJoined,
    detach: downstream.detach,
    hidden: oneTab.hidden,
    signOut: () => endFor({ kind: 'signed-out', reason: 'signed out in a tab of this browser' }),
    close: (reason) => endFor({ kind: 'closed', reason }),
    describe: downstream.describe,
    ...createHubInspection({ environment, epoch, host, log, upstream, downstream, leave: end }),
  }
}

/** Why a hub ends by itself. */
const LAST_TAB_LEFT = 'the last tab has left'
const NO_TAB_HAS_CREDENTIALS = 'no tab here gave credentials'

const replayOf = (known: readonly HistoryEntry[], now: number) => ({
  replay: known.map(({ pair }) => pair),
  replayAges: known.map(({ at }) => now - at),
  replaySeqs: known.map(({ seq }) => seq),
})

/** A promise, and the way to resolve it. */
function createSignal() {
  let give = (): void => undefined
  const promise = new Promise<void>((resolve) => {
    give = resolve
  })
  return { promise, give: () => give() }
}
