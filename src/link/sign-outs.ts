import type { LinkOptions } from './link-options.js'
import type { createLinkStore, LinkStatus } from './link-state.js'

/** How long a sign-out may take to be confirmed. */
const SIGN_OUT_TIMEOUT_MS = 2_000
export const SIGNED_OUT_HERE = 'signed out in this tab'
const SIGNED_OUT_ELSEWHERE = 'signed out in a tab of this browser'

export interface SignOutHandlers {
  /** The session ends. */
  readonly onSignedOut: (reason: string) => void
  /** The hub ended by a sign-out that was before this session began: it needs another hub. */
  readonly onOlderSignOut: (reason: string) => void
}

/**
 * Ends a session when its identity signs out, here or in another tab. The browser keeps a mark of the last sign-out, whatever
 * becomes of the hub that was told: a session ends when the mark is no longer the one that was there when it began.
 */
export function createSignOuts(
  { environment, key }: Pick<LinkOptions, 'environment' | 'key'>,
  store: ReturnType<typeof createLinkStore>,
  { onSignedOut, onOlderSignOut }: SignOutHandlers,
) {
  const { signOutMarks, timers } = environment
  const baseline = signOutMarks.read(key)

  /** Ends the session if another tab has signed out. */
  function endIfSignedOut(): boolean {
    if (isOver(store.status)) return false
    const mark = signOutMarks.read(key)
    if (mark === undefined || mark === baseline) return false
    // The hub may not have been told: it must not keep the connection for the next tab.
    store.attachment()?.detach(true)
    onSignedOut(SIGNED_OUT_ELSEWHERE)
    return true
  }

  return {
    endIfSignedOut,
    /** Tells of marks as they are made; returns the way to stop. */
    watch: () => signOutMarks.on(key, endIfSignedOut),
    /** The hub ended by a sign-out. A session that began after that may have met the hub while it was about to end. */
    hubSignedOut(reason: string): void {
      const isOlder = baseline !== undefined && signOutMarks.read(key) === baseline
      if (store.status.name !== 'signing-out' && isOlder) onOlderSignOut(reason)
      else onSignedOut(reason)
    },
    /** Signs out. Gives false when the session is over already. */
    begin(): boolean {
      if (isOver(store.status)) return false
      // First, and at once: the other tabs find the mark also where the hub dies in this moment.
      signOutMarks.write(key)
      const cancelTimeout = timers.after(SIGN_OUT_TIMEOUT_MS, () => onSignedOut(SIGNED_OUT_HERE))
      store.attachment()?.signOut()
      store.enter({ name: 'signing-out', progress: store.progress(), cancelTimeout })
      return true
    },
  }
}

export const isOver = ({ name }: LinkStatus): boolean =>
  name === 'signing-out' || name === 'signed-out' || name === 'closed'
