import { tryLock, whenLockIsFree } from '../platform/locks.js'
import type { TabEnvironment } from '../platform/page.js'
import { afterSilence } from '../platform/timeouts.js'
import { messageOf } from '../util/errors.js'
import { type Endpoint, listen } from '../wire/endpoint.js'
import { type CredentialsAnswer, type Hello, type HubMessage, isHubMessage, type Welcome } from '../wire/protocol.js'
import { createCaller } from './caller.js'
import { onElection } from './find-owner.js'
import type { Rung } from './rung.js'
import type { Subscriptions } from './subscriptions.js'

/** How long (ms) a hub may say nothing before its welcome, its script's download and start included; over all of a rung's tries. */
const HANDSHAKE = 5_000
/** How long (ms) a hub may say nothing at all before it has answered any other call. */
const CALL = 3_000
/**
 * The hub is asked for a sign of life this often (ms): by a tab that is looked at, because a lock proves that a hub exists,
 * not that it is well; by every tab where there are no Web Locks.
 */
const PING = 5_000

/** For this long (ms) after a session's end, what was still under way is heard, to count it. */
const ECHO = 1_000

export type Attached = Extract<Welcome, { ok: true }>

/** A hub that answered, but not with a welcome. */
export class RefusedError extends Error {
  constructor(readonly refusal: Extract<Welcome, { ok: false }>) {
    super(refusal.message)
  }
}

/** The hub has moved, or turned out to be unusable, before it welcomed this tab. */
export class OwnerChangedError extends Error {}

/** A hub that said nothing when it was asked. */
export class HubTimeoutError extends Error {
  constructor(
    readonly rung: Rung,
    ms: number,
  ) {
    super(`the hub said nothing for ${ms} ms`)
  }
}

/** What a hub says that is not answered right here. */
export type Heard = Exclude<HubMessage, { kind: 'credentials-request' }>

export interface AttachmentOptions {
  readonly environment: TabEnvironment
  readonly key: string
  readonly hello: Omit<Hello, 'events' | 'topics' | 'lock'>
  readonly asked: Subscriptions
  /** A new name for the lock that proves this tab's life to the hub. */
  readonly lock: () => string
  readonly onMessage: (message: Heard) => void
  /** Answers the hub's question for credentials. */
  readonly auth: () => Promise<CredentialsAnswer>
  /** The hub is gone, or does not answer. Called once at most, and only after the welcome. */
  readonly onLost: (reason: string, hung: boolean) => void
  /** Another hub has failed this tab by its silence. */
  readonly hung: boolean
  /** Whether the session has ended, not only this attachment, in a page that stays. */
  readonly isOver: () => boolean
  /** Events came after that. */
  readonly onLate: () => void
  /** Aborting it ends the attachment. */
  readonly signal: AbortSignal
}

export interface Attachment {
  readonly welcome: Attached
  /** What this tab asks for may have changed. */
  want(): void
  nudge(why: 'online' | 'visible'): void
  signOut(): void
  detach(release: boolean): void
}

/**
 * Attaches this tab by a rung; if the hub there stands by, to the owner of the socket by `follow`. The hub that stands by
 * is still listened to, as it says when this tab may come home.
 */
export function attachBy(rung: Rung, follow: Rung, options: AttachmentOptions): Promise<Attachment> {
  return attach(rung, options).catch((thrown: unknown) => {
    if (thrown instanceof RefusedError && thrown.refusal.code === 'standby') return attach(follow, options)
    throw thrown
  })
}

/** Attaches this tab to the hub at the other end of a rung's pipe. Rejects with the reason when that fails. */
async function attach(rung: Rung, options: AttachmentOptions): Promise<Attachment> {
  const { environment, hello, asked, onMessage, signal } = options
  const { locks, timers } = environment

  // Taken while the pipe is being opened: in a takeover every wait counts.
  const locking = tryLock(locks, options.lock(), signal)

  let fail: (reason: string) => void = () => undefined
  const failure = new Promise<never>((_resolve, reject) => {
    fail = (reason) => reject(new OwnerChangedError(reason))
  })
  failure.catch(() => undefined)

  const endpoint: Endpoint = await rung.open({ fail, signal, hung: options.hung })
  const lock = await locking
  const hub = createCaller(endpoint)
  let heardAt = 0
  const hear = (data: unknown) => {
    heardAt = environment.clock.now()
    if (!isHubMessage(data)) hub.hear(data)
    else if (signal.aborted) {
      if (data.kind === 'events') options.onLate()
    } else if (data.kind === 'credentials-request') answer(data.request)
    else onMessage(data)
  }
  const stopListening = listen(endpoint, hear)
  let multicast: Pick<Endpoint, 'close'> | undefined
  const leave = () => {
    // Also for a hub that has not welcomed this tab yet: it must not count on it.
    endpoint.postMessage({ kind: 'detach' })
    // What is still said there is for others.
    multicast?.close()
    const hangUp = () => {
      stopEcho()
      stopWaiting()
      stopListening()
      endpoint.close()
    }
    // A page that goes into the back/forward cache must not be written to. One whose session is over may be, until then.
    const isEchoing = options.isOver()
    const stopEcho = isEchoing ? timers.after(ECHO, () => hangUp()) : () => undefined
    const stopWaiting = isEchoing ? environment.page.on('away', () => hangUp()) : () => undefined
    if (!isEchoing) hangUp()
  }
  if (signal.aborted) {
    leave()
    throw signal.reason
  }
  signal.addEventListener('abort', leave)
  /** Only to the hub that asked, by the pipe on which it asked, and never where others can listen in. */
  const answer = (request: number) => {
    if (endpoint.shared) return
    void options.auth().then((credentials) => {
      if (!signal.aborted) endpoint.postMessage({ kind: 'credentials', request, answer: credentials })
    })
  }
  /** The hub runs in this very thread: it is as well as this tab is. */
  const isOwn = rung.host !== 'shared-worker' && !endpoint.shared
  const within = <T>(ms: number, answer: Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      const hung = () => reject(new HubTimeoutError(rung, ms))
      const stop = isOwn ? undefined : afterSilence(environment, () => heardAt, ms, hung)
      answer.then(resolve, reject).finally(stop)
    })

  let owner: string | undefined
  onElection(environment, options.key, signal, (elected) => {
    // Until it has welcomed this tab, a hub at a port may be the very one that was elected.
    if (elected !== owner && (owner !== undefined || endpoint.shared)) fail('another hub has come to own the socket')
  })
  let lost = false
  const lose = (reason: string, hung: boolean) => {
    if (lost || signal.aborted) return
    lost = true
    options.onLost(reason, hung)
  }
  const call = <T>(result: Promise<T>) => within(CALL, result).catch((thrown: unknown) => lose(messageOf(thrown), true))

  const welcome = await Promise.race([
    failure,
    within(HANDSHAKE / (rung.tries ?? 1), hub.call('attach', { ...hello, ...asked.anew(), ...(lock && { lock }) })),
  ])
  if (!welcome.ok) throw new RefusedError(welcome)
  owner = welcome.owner

  failure.catch((thrown: unknown) => lose(messageOf(thrown), false))
  if (welcome.multicast && environment.openChannel && !signal.aborted) {
    const channel = environment.openChannel(welcome.multicast)
    listen(channel, hear)
    multicast = channel
    endpoint.postMessage({ kind: 'multicast-joined' })
  }

  const watched = welcome.lock !== undefined
  let stopPing: (() => void) | undefined
  signal.addEventListener('abort', () => stopPing?.())
  function ping(): void {
    stopPing = timers.after(PING, () => {
      // Hidden tabs rest: of their hub's end they hear by its lock.
      if (watched && !environment.page.isVisible()) return rest()
      void call(hub.call('ping')).then((known) => {
        if (known === false) lose('the hub took this tab for gone', false)
        else if (!signal.aborted) ping()
      })
    })
  }
  function rest(): void {
    const stop = environment.page.on('visible', () => {
      stop()
      ping()
    })
    stopPing = stop
  }
  if (welcome.lock && locks) whenLockIsFree(locks, welcome.lock, signal, () => lose('the hub is gone', false))
  ping()

  return {
    welcome,
    want() {
      const { events, topics } = asked.change() ?? {}
      if (events) void call(hub.call('subscribe', events, topics))
    },
    nudge: (why) => void call(hub.call('nudge', why)),
    // Its answer is the `signed-out` message, which every tab gets.
    signOut: () => void hub.call('signOut').catch(() => undefined),
    detach: (release) => endpoint.postMessage({ kind: 'detach', release }),
  }
}
