import { tryNewLock } from '../platform/locks.js'
import type { TabEnvironment } from '../platform/page.js'
import { afterSilence, withTimeout } from '../platform/timeouts.js'
import { messageOf } from '../util/errors.js'
import type { HubCalls } from '../wire/hub-calls.js'
import {
  ATTACH_ALLOWANCE_MS,
  type Hello,
  type Nudge,
  type SendAnswer,
  type Since,
  type Welcome,
} from '../wire/protocol.js'
import { watchElections } from './find-owner.js'
import { createHubClient, type HubClientHandlers } from './hub-client.js'
import { HubTimeoutError, OwnerChangedError, RefusedError } from './link-errors.js'
import type { OwnOneTabHandlers, Position } from './link-options.js'
import { watchHub } from './liveness.js'
import type { Rung } from './rungs.js'

/** How long a hub may send nothing before its welcome. It covers the download and the start of its script. */
const HANDSHAKE_TIMEOUT_MS = 5_000
/** The same for a rung of several tries: the next port is soon asked for, but a loaded machine may take long to start a script. */
const FIRST_HANDSHAKE_TIMEOUT_MS = 2_500
const NEXT_HANDSHAKE_TIMEOUT_MS = 7_500
/** How long a hub may send nothing at all before it has answered any other call. */
const CALL_TIMEOUT_MS = 3_000
/** The same for the ping that follows such a call: one long task is no hang. */
const SECOND_PING_TIMEOUT_MS = 2_000
/** How long a tab waits for an owner that has no hub yet. Its own tab attaches a moment after the election. */
const HUB_START_TIMEOUT_MS = 3_000

export type AcceptedWelcome = Extract<Welcome, { ok: true }>

export interface AttachmentHandlers extends HubClientHandlers {
  /** The hub is gone, or does not answer. Called once at most, and only after the welcome. */
  readonly onLost: (reason: string, hubTimedOut: boolean) => void
}

export interface AttachmentOptions {
  readonly environment: TabEnvironment
  readonly key: string
  /** To the owner of the socket, when the rung's hub stands by. */
  readonly follow: Rung
  readonly hello: Omit<Hello, 'events' | 'topics' | 'oneTab' | 'lock' | 'since'>
  /** Everything up to here in a hub's life was delivered. */
  readonly position: () => Pick<Since, 'epoch' | 'seq'> | undefined
  /** Everything up to here was handed on, with or without gaps. */
  readonly heard: () => Position | undefined
  /** No hub has sent anything to this page. */
  readonly isFresh: () => boolean
  /** The event names that this tab subscribes to now. */
  readonly events: () => readonly string[]
  /** The topics that it uses now. */
  readonly topics: () => readonly string[]
  /** Its handlers that run in one tab. */
  readonly oneTab: () => OwnOneTabHandlers
  /** A new name for the lock that proves this tab's life to the hub. */
  readonly newLockName: () => string
  /** Another hub did not answer this tab. */
  readonly hubTimedOut: boolean
  /** How often the rung has failed in a row. */
  readonly failures: number
  readonly handlers: AttachmentHandlers
  /** Aborting it ends the attachment: nothing is delivered from then on. */
  readonly signal: AbortSignal
}

type CallOf<Name extends keyof HubCalls> = readonly [name: Name, ...parameters: Parameters<HubCalls[Name]>]

export interface Attachment {
  readonly welcome: AcceptedWelcome
  /** Tells the hub what this tab subscribes to, if that has changed. */
  updateSubscriptions(): void
  nudge(why: Nudge): void
  /** Rejects once the hub was left. It may have sent it. */
  send(...send: Parameters<HubCalls['send']>): Promise<SendAnswer>
  /** The page is hidden now. */
  hidden(): void
  signOut(): void
  /** `isParked`: the page will be frozen, or in the back/forward cache. */
  detach(release: boolean, isParked?: boolean): void
  /** Calls the hub. Undefined when it does not answer in time: that alone is no reason to leave it. */
  ask(...call: CallOf<'inspect'> | CallOf<'simulate'>): Promise<unknown>
}

/**
 * Attaches this tab by a rung. If the hub there stands by, the tab attaches to the owner of the socket by `follow`. It
 * goes on listening to the hub that stands by, which reports its promotion.
 */
export function attach(rung: Rung, options: AttachmentOptions): Promise<Attachment> {
  return attachTo(rung, options).catch((thrown: unknown) => {
    const isStandby = thrown instanceof RefusedError && thrown.refusal.code === 'standby'
    // A leader tab that was asked over a channel is the owner already.
    if (isStandby && !thrown.isShared && !options.signal.aborted) return attachTo(options.follow, options)
    throw thrown
  })
}

/** Attaches this tab to the hub at a rung's endpoint. Rejects with the reason when that fails. */
async function attachTo(rung: Rung, options: AttachmentOptions): Promise<Attachment> {
  const { environment, handlers, signal } = options
  const { clock } = environment
  const failure = createFailure()
  // Requested while the endpoint is being opened: in a takeover every wait counts.
  const locking = tryNewLock(environment, options.newLockName(), signal)
  const endpoint = await rung.open({ fail: failure.fail, signal, hubTimedOut: options.hubTimedOut })
  const lock = await locking
  let epoch: string | undefined
  const client = createHubClient(rung, endpoint, {
    ...options,
    heard() {
      const heard = options.heard()
      if (heard?.epoch !== epoch) return undefined
      // A page may leave before its first welcome, when the hub counts on it already: it has run nothing.
      return heard?.seq ?? (options.isFresh() ? 0 : undefined)
    },
  })
  if (signal.aborted) throw signal.reason

  let owner: string | undefined
  watchElections(options, signal, (elected) => {
    // Before its welcome, a hub at a port may be the very one that was elected.
    const isAnother = elected !== owner && (owner !== undefined || endpoint.shared)
    if (isAnother) failure.fail('another hub owns the socket now')
  })
  const subscriptions = trackSubscriptions(options)
  const sentAt = clock.monotonic()
  // The monotonic clock stands still while some machines sleep.
  const since: Since = { ageMs: Math.max(sentAt, clock.now() - clock.origin), ...options.position() }
  const { settings, ...rest } = options.hello
  const hello: Hello = {
    ...rest,
    // Other scripts can listen there: neither the identity nor the address is theirs to know.
    ...(settings && !endpoint.shared && { settings }),
    since,
    ...subscriptions.all(),
    ...(lock && { lock }),
  }
  const answer = await Promise.race([
    failure.promise,
    client.withHubTimeout(handshakeTimeout(rung, options.failures), client.call('attach', hello)),
  ])
  if (signal.aborted) throw signal.reason
  if (!answer.ok) {
    // Its `promoted` ends the attempt, and begins the next one.
    if (answer.code === 'standby' && endpoint.shared)
      await Promise.race([failure.promise, pass(environment, HUB_START_TIMEOUT_MS, signal)])
    if (signal.aborted) throw signal.reason
    throw new RefusedError(answer, endpoint.shared === true)
  }
  const welcome = vouched(answer, since, clock.monotonic() - sentAt)
  owner = welcome.owner
  epoch = welcome.epoch

  let isLost = false
  function lose(reason: string, hubTimedOut: boolean): void {
    if (isLost || signal.aborted) return
    isLost = true
    handlers.onLost(reason, hubTimedOut)
  }
  const giveUp = (thrown: unknown): undefined => lose(messageOf(thrown), true) as undefined
  /** A call without an answer is asked about by a ping; when that has none either, the hub is lost. */
  const guard = <T>(answer: Promise<T>): Promise<T | undefined> =>
    client.withHubTimeout(CALL_TIMEOUT_MS, answer).catch((thrown: unknown) => {
      if (!(thrown instanceof HubTimeoutError) || signal.aborted) return giveUp(thrown)
      return client.withHubTimeout(SECOND_PING_TIMEOUT_MS, client.call('ping')).then(() => undefined, giveUp)
    })

  failure.promise.catch((thrown: unknown) => lose(messageOf(thrown), false))
  if (welcome.multicast) client.joinMulticast(welcome.multicast)
  watchHub({
    environment,
    lock: welcome.lock,
    ping: () => guard(client.call('ping')),
    onLost: (reason) => lose(reason, false),
    signal,
  })
  return {
    welcome,
    updateSubscriptions() {
      const changed = subscriptions.changed()
      if (changed) void guard(client.call('subscribe', changed.events, changed.topics, changed.oneTab))
    },
    nudge: (why) => void guard(client.call('nudge', why)),
    // A server that takes its time is no reason to leave the hub.
    send: (...send) => client.call('send', ...send),
    // No call: the answer may come when the page is in the back/forward cache, and would evict it.
    hidden: () => options.oneTab().names.length > 0 && client.post({ kind: 'hidden' }),
    // The answer is the `signed-out` message, which every tab gets.
    signOut: () => void client.call('signOut').catch(() => undefined),
    detach: client.detach,
    ask: (...call) =>
      withTimeout(environment.timers.after, CALL_TIMEOUT_MS, client.call(...(call as CallOf<'inspect'>))).catch(
        () => undefined,
      ),
  }
}

function handshakeTimeout({ tries = 1 }: Rung, failures: number): number {
  if (tries === 1) return HANDSHAKE_TIMEOUT_MS
  return failures > 0 ? NEXT_HANDSHAKE_TIMEOUT_MS : FIRST_HANDSHAKE_TIMEOUT_MS
}

/**
 * A hub knows when a hello came, not when it was sent. It allows for `ATTACH_ALLOWANCE_MS`: after a longer way, events may be
 * missing that came while the page was loading. Where the hub counted by its own numbers, the way means nothing.
 */
function vouched(welcome: AcceptedWelcome, { epoch }: Since, tookMs: number): AcceptedWelcome {
  if (!welcome.replay || welcome.gap || epoch === welcome.epoch || tookMs <= ATTACH_ALLOWANCE_MS) return welcome
  return { ...welcome, gap: `the hub's welcome took ${Math.round(tookMs)} ms` }
}

/** Waits so long, in turns of this thread, or until the signal aborts. */
const pass = (environment: TabEnvironment, ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const cancel = afterSilence(environment, () => 0, ms, resolve)
    signal.addEventListener('abort', () => {
      cancel()
      resolve()
    })
  })

/** A promise that rejects with an `OwnerChangedError` once somebody reports why. */
function createFailure() {
  let fail: (reason: string) => void = () => undefined
  const promise = new Promise<never>((_resolve, reject) => {
    fail = (reason) => reject(new OwnerChangedError(reason))
  })
  promise.catch(() => undefined)
  return { promise, fail }
}

/** Keeps what a hub was told of this tab's subscriptions. */
function trackSubscriptions(options: AttachmentOptions) {
  const { clock } = options.environment
  let sent = ''
  /** The hub was told of handlers in one tab: it has to hear that there are none. */
  let isUser = false
  function all(): Pick<Hello, 'events' | 'topics' | 'oneTab'> {
    const subscriptions = { events: options.events(), topics: options.topics() }
    const { names, hiddenForMs } = options.oneTab()
    sent = JSON.stringify([subscriptions, names.map(([name]) => name)])
    isUser ||= names.length > 0
    if (!isUser) return subscriptions
    const seq = options.heard()?.seq
    const aged = names.map(([name, since]) => [name, clock.monotonic() - since] as const)
    return { ...subscriptions, oneTab: { names: aged, hiddenForMs, ...(seq !== undefined && { seq }) } }
  }
  return {
    all,
    /** Undefined when the hub knows already. */
    changed() {
      const before = sent
      const names = all()
      return sent === before ? undefined : names
    },
  }
}
