import type { HubEnvironment } from '../platform/environment.js'
import { afterTurns } from '../platform/timeouts.js'
import type { Cursor } from './cursor.js'

/** A server that was given a cursor has this long to say that it has replayed everything. */
const REPLAY_TIMEOUT_MS = 2_000

type HandshakeAuth = Readonly<Record<string, unknown>> | undefined

type RecoveryState =
  /** No connection. `wasUndecided`: the last one ended before it was decided, so that what it had missed is still missing. */
  | { readonly name: 'down'; readonly wasUndecided: boolean }
  /** Connected; the server has yet to say whether it has replayed everything. */
  | { readonly name: 'deciding'; cancel(): void }
  | { readonly name: 'decided' }

/**
 * Decides whether a new connection continues where the last one ended: the transport may have recovered it, or the server
 * replays from the cursor in the handshake and says so. Until then nobody knows whether events are missing.
 */
export function createRecovery(
  environment: Pick<HubEnvironment, 'timers'>,
  cursor: Cursor,
  onDecided: (unbroken: boolean, reason: string) => void,
) {
  let state: RecoveryState = { name: 'down', wasUndecided: false }
  /** The last handshake carried the cursor. */
  let isCursorOffered = false
  let wasEverUp = false

  function enter(next: RecoveryState): void {
    if (state.name === 'deciding') state.cancel()
    state = next
  }

  function decide(unbroken: boolean, reason: string): void {
    if (state.name === 'deciding') enter({ name: 'decided' })
    cursor.release(unbroken)
    onDecided(unbroken, reason)
  }

  function join(
    unbroken: boolean,
    reason = wasEverUp ? 'the socket was reconnected' : 'the socket was connected',
  ): void {
    wasEverUp = true
    decide(unbroken, unbroken ? 'attached while the socket was away' : reason)
  }

  /** The server was asked to replay, and has done so or not. */
  const joinAsked = (all: boolean) => join(all, 'the server did not replay what was missed')

  return {
    get isDeciding() {
      return state.name === 'deciding'
    },
    /** Adds the cursor to the handshake's credentials. */
    offer(auth: HandshakeAuth): HandshakeAuth {
      isCursorOffered = cursor.last !== undefined
      return isCursorOffered ? { ...auth, cursor: cursor.last } : auth
    },
    up(recovered: boolean): void {
      const unbroken = recovered && !(state.name === 'down' && state.wasUndecided)
      if (unbroken || !isCursorOffered) {
        enter({ name: 'decided' })
        join(unbroken)
        return
      }
      cursor.hold()
      enter({ name: 'deciding', cancel: afterTurns(environment, REPLAY_TIMEOUT_MS, () => joinAsked(false)) })
    },
    /** The server says that nothing is missing any more, or that it can't send what is. */
    replayed(all: boolean): void {
      if (state.name === 'deciding') joinAsked(all)
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
      else if (state.name === 'decided') enter({ name: 'down', wasUndecided: false })
    },
  }
}
