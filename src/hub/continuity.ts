import type { HubEnvironment } from '../environment-common.js'
import type { Cursor } from './cursor.js'

/** How long (ms) a server that was handed a cursor may take to say that it has replayed everything. */
const REPLAY = 2_000

type Auth = Readonly<Record<string, unknown>> | undefined

/**
 * Decides whether a new connection goes on where the last one ended: the transport may have recovered it, or the server
 * replays from the cursor in the handshake and says so. Until that is decided nothing can be vouched for.
 */
export function createContinuity(
  { timers }: Pick<HubEnvironment, 'timers'>,
  cursor: Cursor,
  onDecided: (unbroken: boolean) => void,
) {
  let deciding: (() => void) | undefined
  let offered = false
  /** A connection ended before it was decided: what was missed before it is missed still. */
  let broken = false

  function decide(unbroken: boolean): void {
    deciding?.()
    deciding = undefined
    cursor.release(unbroken)
    onDecided(unbroken)
  }

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
        decide(unbroken)
        return
      }
      cursor.hold()
      deciding = timers.after(REPLAY, () => decide(false))
    },
    /** The server's word that nothing is missing any more. */
    replayed(): void {
      if (deciding) decide(true)
    },
    down(): void {
      if (!deciding) return
      deciding()
      deciding = undefined
      broken = true
    },
  }
}
