import { tryLock } from '../platform/locks.js'
import type { TabEnvironment } from '../platform/page.js'
import { messageOf } from '../util/errors.js'
import type { Hello, Nudge, Welcome } from '../wire/protocol.js'
import { watchElections } from './find-owner.js'
import { createHubClient, type HubClientHandlers } from './hub-client.js'
import { OwnerChangedError, RefusedError } from './link-errors.js'
import { watchHub } from './liveness.js'
import type { Rung } from './rungs.js'

/**
 * How long a hub may send nothing before its welcome. It covers the download and the start of its script, and all of a
 * rung's tries.
 */
const HANDSHAKE_TIMEOUT_MS = 5_000
/** How long a hub may send nothing at all before it has answered any other call. */
const CALL_TIMEOUT_MS = 3_000

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
  readonly hello: Omit<Hello, 'events' | 'topics' | 'lock'>
  /** The event names that this tab subscribes to now. */
  readonly events: () => readonly string[]
  /** The topics that it uses now. */
  readonly topics: () => readonly string[]
  /** A new name for the lock that proves this tab's life to the hub. */
  readonly newLockName: () => string
  /** Another hub did not answer this tab. */
  readonly hubTimedOut: boolean
  readonly handlers: AttachmentHandlers
  /** Aborting it ends the attachment: nothing is delivered from then on. */
  readonly signal: AbortSignal
}

export interface Attachment {
  readonly welcome: AcceptedWelcome
  /** Tells the hub what this tab subscribes to, if that has changed. */
  updateSubscriptions(): void
  nudge(why: Nudge): void
  signOut(): void
  detach(release: boolean): void
}

/**
 * Attaches this tab by a rung. When the hub there stands by, the tab attaches to the owner of the socket by `follow`, and goes
 * on listening to the hub that stands by, which tells it when it was promoted.
 */
export function attach(rung: Rung, options: AttachmentOptions): Promise<Attachment> {
  return attachTo(rung, options).catch((thrown: unknown) => {
    if (thrown instanceof RefusedError && thrown.refusal.code === 'standby') return attachTo(options.follow, options)
    throw thrown
  })
}

/** Attaches this tab to the hub at a rung's endpoint. Rejects with the reason when that fails. */
async function attachTo(rung: Rung, options: AttachmentOptions): Promise<Attachment> {
  const { environment, handlers, signal } = options
  const failure = createFailure()
  // Requested while the endpoint is being opened: in a takeover every wait counts.
  const locking = tryLock(environment.locks, options.newLockName(), signal)
  const endpoint = await rung.open({ fail: failure.fail, signal, hubTimedOut: options.hubTimedOut })
  const lock = await locking
  const client = createHubClient(rung, endpoint, options)
  if (signal.aborted) throw signal.reason

  let owner: string | undefined
  watchElections(options, signal, (elected) => {
    // Before its welcome, a hub at a port may be the very one that was elected.
    const isAnother = elected !== owner && (owner !== undefined || endpoint.shared)
    if (isAnother) failure.fail('another hub owns the socket now')
  })
  const subscriptions = trackSubscriptions(options)
  const hello: Hello = { ...options.hello, ...subscriptions.all(), ...(lock && { lock }) }
  const welcome = await Promise.race([
    failure.promise,
    client.withHubTimeout(HANDSHAKE_TIMEOUT_MS / (rung.tries ?? 1), client.call('attach', hello)),
  ])
  if (signal.aborted) throw signal.reason
  if (!welcome.ok) throw new RefusedError(welcome)
  owner = welcome.owner

  let isLost = false
  function lose(reason: string, hubTimedOut: boolean): void {
    if (isLost || signal.aborted) return
    isLost = true
    handlers.onLost(reason, hubTimedOut)
  }
  /** A call that fails loses the hub. */
  const guard = <T>(answer: Promise<T>): Promise<T | undefined> =>
    client.withHubTimeout(CALL_TIMEOUT_MS, answer).catch((thrown: unknown) => {
      lose(messageOf(thrown), true)
      return undefined
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
      if (changed) void guard(client.call('subscribe', changed.events, changed.topics))
    },
    nudge: (why) => void guard(client.call('nudge', why)),
    // The answer is the `signed-out` message, which every tab gets.
    signOut: () => void client.call('signOut').catch(() => undefined),
    detach: (release) => client.post({ kind: 'detach', release }),
  }
}

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
function trackSubscriptions({ events, topics }: Pick<AttachmentOptions, 'events' | 'topics'>) {
  let sent = ''
  function all() {
    const names = { events: events(), topics: topics() }
    sent = JSON.stringify(names)
    return names
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
