import type { Endpoint } from '../endpoint.js'
import type { HubEnvironment } from '../environment-common.js'
import { holdLock, whenLockIsFree } from '../locks.js'
import type { Credentials, Hello, Nudge, Settings, Welcome } from '../protocol.js'
import type { Host } from '../status.js'
import type { OpenTransport } from '../transport/transport.js'
import { createAdmission } from './admission.js'
import { createAsk } from './ask.js'
import { createConnection } from './connection.js'
import { createContinuity } from './continuity.js'
import { CONTROL, createControl } from './control.js'
import { createCursor } from './cursor.js'
import { createHistory } from './history.js'
import { createOutbox } from './outbox.js'
import { createTellOnce, createTellOne } from './problems.js'
import { createRenewal } from './renewal.js'
import { type Tab, TabRegistry } from './tab-registry.js'

/** Where there are no Web Locks: a tab that was not heard of for this long (ms) is gone. Hidden tabs' timers run once a minute. */
const SILENCE = 150_000

export interface Hub {
  readonly epoch: string
  /** Undefined when this hub has ended meanwhile. */
  attach(endpoint: Endpoint, hello: Hello, trusted: boolean): Promise<Welcome | undefined>
  want(tabId: string, events: readonly string[]): void
  credentials(ask: number, answer: Credentials): void
  nudge(why: Nudge): void
  /** False when the tab is not attached: it has to attach anew. */
  ping(tabId: string): boolean
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
): Hub {
  const { clock, timers, locks } = environment
  const epoch = environment.id()
  const lock = locks && `${key}/hub/${epoch}`
  const life = new AbortController()
  const tabs = new TabRegistry()
  const history = createHistory(clock.now)
  const outbox = createOutbox(tabs, environment, () => history.seq)
  const ask = createAsk(tabs, timers, settings.authTimeout, end)
  const tellOne = createTellOne(tabs)
  const tellOnce = createTellOnce(tellOne)
  const cursor = createCursor()
  const admission = createAdmission(tabs, cursor, tellOnce, environment.random)
  const continuity = createContinuity(environment, cursor, join)
  const renewal = createRenewal({
    environment,
    ask: ask.credentials,
    onRenewed: (credentials) => void connection.renew(credentials),
    onTrouble: (message) => tellOne('auth-failed', message),
  })
  const control = createControl(environment, {
    replayed: continuity.replayed,
    gap: continuity.lost,
    move: () => connection.move(),
  })
  let lingering: (() => void) | undefined
  let stateDue: (() => void) | undefined
  let sweeping: (() => void) | undefined

  /** The name of the lock once it is held; a lock that can't be had is never waited on. */
  const held: Promise<string | undefined> =
    locks && lock
      ? holdLock(locks, lock, life.signal).then(
          () => lock,
          () => undefined,
        )
      : Promise.resolve(undefined)

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
    },
    onDown: continuity.down,
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
    stateDue ??= timers.after(0, () => {
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
    const tab: Tab = {
      id: hello.tab,
      endpoint,
      wanted: new Set(hello.events),
      seen: clock.now(),
      gone: new AbortController(),
      locked: hello.lock !== undefined,
      trusted,
      owed: false,
    }
    const before = tabs.get(tab.id)
    if (before) forget(before, endpoint)
    tabs.add(tab)
    if (hello.lock && locks) whenLockIsFree(locks, hello.lock, tab.gone.signal, () => remove(tab, false))
    else sweeping ??= timers.after(SILENCE, sweep)
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
      ...(heldLock && { lock: heldLock }),
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
    if (tabs.size > 0) tellState()
    else if (release || settings.linger <= 0) end()
    else lingering = timers.after(settings.linger, end)
  }

  /** Where there are no Web Locks, silence tells that a tab is gone; one that was only asleep attaches anew. */
  function sweep(): void {
    const unlocked = tabs.all().filter((tab) => !tab.locked)
    sweeping = unlocked.length > 0 ? timers.after(SILENCE / 2, sweep) : undefined
    for (const tab of unlocked) if (clock.now() - tab.seen > SILENCE) remove(tab, false)
  }

  function end(): void {
    if (life.signal.aborted) return
    for (const part of [connection, control, outbox]) part.close()
    continuity.down()
    renewal.cancel()
    for (const stop of [lingering, stateDue, sweeping]) stop?.()
    for (const tab of tabs.all()) forget(tab)
    life.abort()
    onEnd()
  }

  return {
    epoch,
    attach,
    want(tabId, events) {
      const tab = tabs.get(tabId)
      if (tab) tab.wanted = new Set(events)
    },
    credentials: ask.answer,
    nudge: connection.nudge,
    ping(tabId) {
      const tab = tabs.get(tabId)
      if (tab) tab.seen = clock.now()
      return tab !== undefined
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
      tabs.tell({ kind: 'gone', reason })
      end()
    },
  }
}
