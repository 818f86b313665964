import { SIGNED_OUT_ELSEWHERE, SIGNED_OUT_HERE } from '../wire/status.js'
import type { LinkOptions } from './link-options.js'
import { type createLinkStore, type LinkStatus, NO_HUB } from './link-state.js'

/** How long a sign-out may take to be confirmed. */
const SIGN_OUT_TIMEOUT_MS = 2_000

export interface SignOutHandlers {
  /** The session ends. */
  readonly onSignedOut: (reason: string) => void
  /** The hub ended by a sign-out that was before this session began: it needs another hub. */
  readonly onOlderSignOut: (reason: string) => void
}

/**
 * Ends a session when its identity signs out, here or in another tab. The browser keeps a mark of the last sign-out,
 * which outlives the hub. A session ends when the mark is no longer the one of its mount.
 */
export function createSignOuts(
  { environment, signOuts }: Pick<LinkOptions, 'environment' | 'signOuts'>,
  store: ReturnType<typeof createLinkStore>,
  { onSignedOut, onOlderSignOut }: SignOutHandlers,
) {
  /** Ends the session if another tab has signed out. */
  function endIfSignedOut(): boolean {
    if (isOver(store.status) || signOuts.last() !== 'since') return false
    // The hub may not have been told: it must not keep the connection for the next tab.
    store.attachment()?.detach(true)
    onSignedOut(SIGNED_OUT_ELSEWHERE)
    return true
  }

  signOuts.onMark(endIfSignedOut)
  return {
    endIfSignedOut,
    /** The hub ended by a sign-out. A session that began after that may have met the hub while it was about to end. */
    hubSignedOut(reason: string): void {
      if (store.status.name !== 'signing-out' && signOuts.last() === 'before') onOlderSignOut(reason)
      else onSignedOut(reason)
    },
    /** Tells the hub. */
    begin(): void {
      if (isOver(store.status)) return
      const cancelTimeout = environment.timers.after(SIGN_OUT_TIMEOUT_MS, () => onSignedOut(SIGNED_OUT_HERE))
      store.attachment()?.signOut()
      store.enter({ name: 'signing-out', progress: store.progress(), cancelTimeout })
      store.show({ ...NO_HUB, reason: SIGNED_OUT_HERE })
    },
  }
}

export const isOver = ({ name }: LinkStatus): boolean =>
  name === 'signing-out' || name === 'signed-out' || name === 'closed'
