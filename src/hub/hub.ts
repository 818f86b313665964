import type { HubEnvironment } from '../platform/environment.js'
import { tryLock, whenLockIsFree } from '../platform/locks.js'
import type { OpenTransport } from '../transport/transport.js'
import type { Endpoint } from '../wire/endpoint.js'
import type { CredentialsAnswer, Hello, Nudge, Settings, Welcome } from '../wire/protocol.js'
import type { Host } from '../wire/status.js'
import { createConnection } from './connection.js'
import { createCredentialsSource } from './credentials.js'
import { createCursor } from './cursor.js'
import { createHistory } from './history.js'
import { createMulticast } from './multicast.js'
import { createEventNormalizer } from './normalize-event.js'
import { type BatchTimer, createOutbox } from './outbox.js'
import { createRecovery } from './recovery.js'
import { createRenewal } from './renewal.js'
import { createReportOncePerEvent, createReportToOneTab } from './reports.js'
import { CONTROL, createServerMessages } from './server-messages.js'
import { type Tab, TabRegistry } from './tab-registry.js'
import { createTabTimeout } from './tab-timeout.js'
import { createTopics } from './topics.js'

export interface Hub {
  readonly epoch: string
  /** Undefined when this hub has ended meanwhile. */
  attach(endpoint: Endpoint, hello: Hello, trusted: boolean): Promise<Welcome | undefined>
  want(tabId: string, events: readonly string[], topics?: readonly string[]): void
  credentials(request: number, answer: CredentialsAnswer): void
  nudge(why: Nudge): void
  /** False when the tab is not attached: it has to attach anew. */
  ping(tabId: string): boolean
  /** The tab listens to the multicast that its welcome named. */
  multicastJoined(tabId: string, endpoint: Endpoint): void
  /** `release`: the identity has ended in this tab, so without other tabs the socket is closed at once. */
  detach(tabId: string, endpoint: Endpoint, release: boolean): void
  signOut(): void
  /** Ends at once: the socket is closed, and the tabs see their hub go. */
  close(reason: string): void
}

/** Owns the one socket of one key: admits events, numbers them and fans them out. Does not know where it runs. */
export function createHub(
  environment: HubEnvironment,
  key: string,
  host: Host,
  settings: Settings,
  open: OpenTransport,
  onEnd: () => void,
  pace: BatchTimer = environment.timers.after,
): Hub {
  const { clock, timers, locks } = environment
  const epoch = environment.id()
  const life = new AbortController()
  const tabs = new TabRegistry()
  const history = createHistory(clock.now)
  const multicast = createMulticast(environment, `${key}/events/${epoch}`)
  const outbox = createOutbox(tabs, environment.clock, pace, () => history.seq, multicast.post)
  const ask = createCredentialsSource(tabs, timers, settings.authTimeoutMs, end)
  const tellOne = createReportToOneTab(tabs)
  const tellOnce = createReportOncePerEvent(tellOne)
  const cursor = createCursor()
  const admission = createEventNormalizer(tabs, cursor, tellOnce, environment.random)
  const continuity = createRecovery(environment, cursor, join)
  const silence = createTabTimeout(tabs, environment, (tab) => remove(tab, false))
  const topics = createTopics(tabs, environment, (event, metadata) => connection.send(event, metadata))
  const renewal = createRenewal({
    environment,
    ask: ask.credentials,
    onRenewed: (credentials) => void connection.renew(credentials).then(topics.again),
    onTrouble: (message) => tellOne('auth-failed', message),
  })
  const control = createServerMessages(environment, {
    replayed: continuity.replayed,
    cursor: cursor.start,
    gap: continuity.lost,
    move: () => connection.move(),
    topic: topics.hear,
  })
  let lingering: (() => void) | undefined
  let stateDue: (() => void) | undefined

  /** The name of the lock once it is held; a lock that can't be had is never waited on. */
  const held = tryLock(locks, `${key}/hub/${epoch}`, life.signal)

  const connection = createConnection(open, settings, environment, {
    async auth() {
      // The first tab is on the list only when the lock is held.
      await held
      const { auth, expiresAt } = await ask.credentials()
      renewal.plan(expiresAt)
      return continuity.offer(auth)
    },
    onState(state) {
      // Every attempt asks for credentials of its own.
      if (state.name !== 'connected') renewal.cancel()
      tellState()
    },
    onProblem: (code, message) => tabs.tell({ kind: 'problem', code, message }),
    onUp(recovered) {
      control.moved()
      continuity.up(recovered)
      topics.up(recovered)
    },
    onDown() {
      continuity.down()
      topics.down()
    },
    onRefused: ask.rotate,
    onEvent: admit,
    onBadFrame: (what, count) => tellOne('bad-frame', `a frame of the server ${what} (${count} of the kind so far)`),
  })

  function admit(name: string, raw: unknown): void {
    if (name === CONTROL) control.hear(raw)
    const pair = name === CONTROL ? undefined : admission(name, raw)
    if (!pair) return
    history.add(pair)
    outbox.add(pair)
  }

  /** It is known whether anything was missed. */
  function join(unbroken: boolean, reason: string): void {
    outbox.post()
    if (!unbroken) history.break()
    for (const tab of tabs.all()) {
      if (!unbroken || tab.owed) tab.endpoint.postMessage({ kind: 'gap', seq: history.seq, reason })
      tab.owed = false
    }
  }

  /** Fifty tabs that open at once are told of their number a few times, not fifty times each. */
  function tellState(): void {
    stateDue ??= pace(0, () => {
      stateDue = undefined
      tabs.tell({ kind: 'state', socket: connection.state(), tabs: tabs.size })
    })
  }

  async function attach(endpoint: Endpoint, hello: Hello, trusted: boolean): Promise<Welcome | undefined> {
    // Connecting takes its time: it begins before anything else does.
    connection.start()
    const heldLock = await held
    if (life.signal.aborted) return undefined
    lingering?.()
    lingering = undefined
    // What waits in the outbox was admitted before this tab joined: it is part of the history that it is given.
    outbox.post()
    const before = tabs.get(hello.tab)
    if (before) forget(before, endpoint)
    const tab = tabs.add(endpoint, hello, trusted, clock.now())
    if (hello.lock && locks) whenLockIsFree(locks, hello.lock, tab.gone.signal, () => remove(tab, false))
    else silence.watch()
    topics.update()
    if (connection.state().name === 'unauthorized') connection.nudge('visible')

    const socket = connection.state()
    const known = history.since(hello.since, epoch)
    const connected = socket.name === 'connected' && !continuity.isDeciding
    tab.owed = !known && !connected
    tellState()
    return {
      ok: true,
      host,
      ...(host === 'leader-tab' && { role: trusted ? 'leader' : 'follower' }),
      epoch,
      seq: history.seq,
      socket,
      tabs: tabs.size,
      topics: topics.answersFor(tab),
      ...(heldLock && { lock: heldLock }),
      // Only with a lock: a tab that silence has ended here, without its knowing, must not go on hearing some of what is said.
      ...(!trusted && tab.locked && multicast.name && { multicast: multicast.name }),
      ...(known && { replay: known.filter(([name]) => tab.wanted.has(name)) }),
      ...(!known && connected && { gap: 'attached to a hub that can not vouch for what came before' }),
      ...(JSON.stringify(hello.settings) !== JSON.stringify(settings) && { settingsDiffer: true }),
    }
  }

  /** A pipe over a channel is the hub's to close; at a port there is nobody left to hear. */
  function forget(tab: Tab, kept?: Endpoint): boolean {
    const was = tabs.remove(tab)
    if (was && !tab.trusted && tab.endpoint !== kept) tab.endpoint.close()
    return was
  }

  function remove(tab: Tab, release: boolean): void {
    if (!forget(tab)) return
    topics.update()
    if (tabs.size > 0) tellState()
    else if (release || settings.lingerMs <= 0) end()
    else lingering = timers.after(settings.lingerMs, end)
  }

  function end(): void {
    if (life.signal.aborted) return
    for (const part of [connection, control, outbox, multicast, topics, silence]) part.close()
    continuity.down()
    renewal.cancel()
    for (const stop of [lingering, stateDue]) stop?.()
    for (const tab of tabs.all()) forget(tab)
    life.abort()
    onEnd()
  }

  return {
    epoch,
    attach,
    want(tabId, events, used = []) {
      const tab = tabs.get(tabId)
      if (!tab) return
      tab.wanted = new Set(events)
      topics.use(tab, used)
    },
    credentials: ask.answer,
    nudge: connection.nudge,
    ping(tabId) {
      const tab = tabs.get(tabId)
      if (tab) tab.seen = clock.now()
      return tab !== undefined
    },
    multicastJoined(tabId, endpoint) {
      const tab = tabs.get(tabId)
      if (tab?.endpoint === endpoint) tab.subscribed = true
    },
    detach(tabId, endpoint, release) {
      const tab = tabs.get(tabId)
      if (tab?.endpoint === endpoint) remove(tab, release)
    },
    signOut() {
      tabs.tell({ kind: 'signed-out', reason: 'signed out in a tab of this browser' })
      end()
    },
    close(reason) {
      tabs.tell({ kind: 'closed', reason })
      end()
    },
  }
}
