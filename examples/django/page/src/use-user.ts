import { useEffect, useState } from 'react'
import * as api from './api.js'
import { line } from './realtime.js'

interface Session {
  /** Null: not signed in. Undefined: not known yet. */
  readonly user: api.User | null | undefined
  readonly notice?: string | undefined
}

const signedOut = (notice?: string): Session => ({ user: null, notice })

/** Who is signed in. All tabs share the cookie, so this tab checks again whenever it is visible. */
export function useUser() {
  const [{ user, notice }, set] = useState<Session>({ user: undefined })

  useEffect(() => {
    const ask = () =>
      api.whoAmI().then(
        // The same user is the same object: nothing is rendered again.
        (user) => set((before) => (user && before.user?.id === user.id ? before : { user })),
        () =>
          set((before) => (before.user ? before : signedOut('The bank can’t be reached right now. Please try again.'))),
      )
    const look = () => {
      if (document.visibilityState === 'visible') void ask()
    }
    document.addEventListener('visibilitychange', look)
    // A sign-out in any tab is known to all of them at once.
    const stop = line.subscribe(() => {
      if (line.status.name === 'signed-out') set(signedOut())
    })
    void ask()
    return () => {
      document.removeEventListener('visibilitychange', look)
      stop()
    }
  }, [])

  return {
    user,
    notice,
    async signIn(name: string) {
      try {
        set({ user: await api.signIn(name) })
      } catch (error) {
        set(signedOut(error instanceof Error ? error.message : String(error)))
      }
    },
    async signOut() {
      // First the line: from here on no tab of this user receives anything.
      line.signOut()
      await api.signOut().catch(() => set(signedOut('This tab is signed out, but the bank could not be told.')))
    },
  }
}
