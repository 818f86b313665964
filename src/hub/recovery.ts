import type { HubEnvironment } from '../platform/environment.js'
import type { Cursor } from './cursor.js'

/** How long (ms) a server that was handed a cursor may take to say that it has replayed everything. */
const REPLAY = 2_000

type Auth = Readonly<Record<string, unknown>> | undefined

/**
 * Decides whether a new connection goes on where the last one ended: the transport may have recovered it, or the server
 * replays from the cursor in the handshake and says so. Until that is decided nothing can be vouched for.
 */
export function createRecovery(
  { timers }: Pick<HubEnvironment, 'timers'>,
  cursor: Cursor,
  onDecided: (unbroken: boolean, reason: string) => void,
) {
  let deciding: (() => void) | undefined
  let offered = false
  let everUp = false
  /** A connection ended before it was decided: what was missed before it is missed still. */
  let broken = false

  function decide(unbroken: boolean, reason: string): void {
    deciding?.()
    deciding = undefined
    cursor.release(unbroken)
    onDecided(unbroken, reason)
  }

  function join(unbroken: boolean, why = everUp ? 'the socket was reconnected' : 'the socket was connected'): void {
    everUp = true
    decide(unbroken, unbroken ? 'attached while the socket was away' : why)
  }

  /** Asked to replay, the server has done so or not. */
  const joinAsked = (all: boolean) => join(all, 'the server did not replay what was missed')

  return {
    get isDeciding() {
      return deciding !== undefined
    },
    /** Adds the cursor to the handshake's credentials. */
    offer(auth: Auth): Auth {
      offered = cursor.last !== undefined
      return offered ? { ...auth, cursor: cursor.last } : auth
    },
    up(recovered: boolean): void {
      const unbroken = recovered && !broken
      broken = false
      if (unbroken || !offered) {
        join(unbroken)
        return
      }
      cursor.hold()
      deciding = timers.after(REPLAY, () => joinAsked(false))
    },
    /** The server's word that nothing is missing any more, or that it can't send what is. */
    replayed(all: boolean): void {
      if (deciding) joinAsked(all)
    },
    /** The server's word that it may have missed something itself. Its log may count anew, so its numbers are forgotten. */
    lost(): void {
      cursor.forget()
      decide(false, 'the server may have missed events')
    },
    down(): void {
      if (!deciding) return
      deciding()
      deciding = undefined
      broken = true
    },
  }
}
