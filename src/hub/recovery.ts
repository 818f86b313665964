import type { HubEnvironment } from '../platform/environment.js'
import { afterTurns } from '../platform/timeouts.js'
import type { Cursor } from './cursor.js'

/** A server that was given a cursor has this long to say that it has replayed everything. */
const REPLAY_TIMEOUT_MS = 2_000
/** Any server has this long to say how long it has been quiet. It comes right behind 'connected': most of this is for slow networks. */
const QUIET_TIMEOUT_MS = 500

/** By both clocks: the monotonic one stands still while some machines sleep, and the other one may be set back. */
interface Moment {
  readonly monotonic: number
  readonly now: number
}

type HandshakeAuth = Readonly<Record<string, unknown>> | undefined

type RecoveryState =
  /** No connection. `wasUndecided`: the last one ended before it was decided, so that what it had missed is still missing. */
  | { readonly name: 'down'; readonly wasUndecided: boolean }
  /** Connected; the server has yet to say whether it has replayed everything or, where it was not asked to, how long it was quiet. */
  | { readonly name: 'deciding'; readonly waitsFor: 'replay' | 'quiet'; cancel(): void }
  | { readonly name: 'decided' }

/** `quietSince`: nothing was sent from then until the connection was there. Milliseconds of the monotonic clock. */
export type OnDecided = (unbroken: boolean, reason: string, quietSince?: number) => void

/**
 * Decides whether a new connection continues where the last one ended. It does if the transport has recovered it, if
 * the server has replayed from the cursor, or if the server has sent nothing all the while. Until then nobody knows
 * whether events are missing.
 *
 * When did the last one end? A connection may have been dead for long before anybody noticed, and what came last may
 * have been long on its way, with events lost behind it. So only round trips count: the server has sent a ping after it
 * had our answer to the one before, and so whatever it had sent by then has arrived.
 *
 * `onHeardOut`: the server has said what it says of a new connection, or has had the time for it.
 */
export function createRecovery(
  environment: Pick<HubEnvironment, 'timers' | 'clock'>,
  cursor: Cursor,
  onDecided: OnDecided,
  onHeardOut: () => void,
) {
  const { clock } = environment
  let state: RecoveryState = { name: 'down', wasUndecided: false }
  /** Since when the server says that it was quiet, of this connection. Monotonic, in milliseconds. */
  let quietSince: number | undefined
  /** Up to here, nothing is missing that the server sent; undefined before the first connection. */
  let completeAt: Moment | undefined
  /** The same, of the present connection. */
  let provenAt: Moment | undefined
  /** When this side sent last what the server answers: the handshake, or the answer to a ping. */
  let answeredAt: Moment | undefined
  /** The last handshake carried the cursor. */
  let isCursorOffered = false
  let wasEverUp = false

  function enter(next: RecoveryState): void {
    if (state.name === 'deciding') state.cancel()
    state = next
  }

  const moment = (): Moment => ({ monotonic: clock.monotonic(), now: clock.now() })

  /** Whether the server was quiet since the last moment up to which nothing is missing. */
  function wasQuiet(): boolean {
    if (quietSince === undefined || !completeAt) return false
    const { monotonic, now } = moment()
    return monotonic - quietSince >= Math.max(monotonic - completeAt.monotonic, now - completeAt.now)
  }

  function decide(unbroken: boolean, reason: string, since?: number): void {
    if (state.name === 'deciding') enter({ name: 'decided' })
    cursor.release(unbroken, since !== undefined)
    onDecided(unbroken, reason, since)
  }

  function join(
    unbroken: boolean,
    reason = wasEverUp ? 'the connection was lost and made again' : 'events before the first connection are not known',
  ): void {
    wasEverUp = true
    const isUnbroken = unbroken || wasQuiet()
    decide(isUnbroken, isUnbroken ? 'attached while the socket was away' : reason, unbroken ? undefined : quietSince)
    onHeardOut()
  }

  /** The server was asked to replay, and has done so or not. */
  const joinAsked = (all: boolean) => join(all, 'the server did not replay what was missed')

  return {
    get isDeciding() {
      return state.name === 'deciding'
    },
    /** Adds the cursor to the handshake's credentials. */
    offer(auth: HandshakeAuth): HandshakeAuth {
      answeredAt = moment()
      isCursorOffered = cursor.last !== undefined
      return isCursorOffered ? { ...auth, cursor: cursor.last } : auth
    },
    up(recovered: boolean): void {
      quietSince = undefined
      provenAt = answeredAt
      if (recovered && !(state.name === 'down' && state.wasUndecided)) {
        enter({ name: 'decided' })
        join(true)
        return
      }
      cursor.hold()
      const wait = (ms: number, run: () => void) => afterTurns(environment, ms, run)
      if (isCursorOffered)
        enter({ name: 'deciding', waitsFor: 'replay', cancel: wait(REPLAY_TIMEOUT_MS, () => joinAsked(false)) })
      else enter({ name: 'deciding', waitsFor: 'quiet', cancel: wait(QUIET_TIMEOUT_MS, () => join(false)) })
    },
    /** The server says for how long it had sent nothing to this browser when it was connected: see `readQuietMs`. */
    quiet(forMs: number): void {
      if (state.name !== 'deciding') return
      if (forMs > 0) quietSince = clock.monotonic() - forMs
      if (state.waitsFor === 'quiet') join(false)
    },
    /** The server has sent a ping, after it had the answer to the last one. This one is being answered. */
    pinged(): void {
      if (state.name === 'down') return
      provenAt = answeredAt
      answeredAt = moment()
    },
    /** The server says that nothing is missing any more, or that it can't send what is. */
    replayed(all: boolean): void {
      if (state.name === 'deciding' && state.waitsFor === 'replay') joinAsked(all)
    },
    /** The server says that it may have missed events itself. Its log may restart its numbers, so they are forgotten. */
    lost(): void {
      cursor.forget()
      decide(false, 'the server may have missed events')
    },
    /** Something came that can't be read: it may have been an event. */
    missed(reason: string): void {
      decide(false, reason)
    },
    down(): void {
      if (state.name === 'deciding') enter({ name: 'down', wasUndecided: true })
      else if (state.name === 'decided') {
        completeAt = provenAt
        enter({ name: 'down', wasUndecided: false })
      }
    },
  }
}
