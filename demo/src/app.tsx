import { PartylineProvider } from 'partyline/react'
import { useEffect, useRef } from 'react'
import { api } from './api.js'
import { Ledger, Loading } from './components/ledger.js'
import { SignIn } from './components/sign-in.js'
import { line } from './realtime.js'
import { session } from './session.js'
import { useStore } from './store.js'

export function App() {
  const now = useStore(session)
  const user = now.phase === 'signed-in' ? now.user : undefined

  // Somebody has signed in or out, so what had the focus is gone: it goes to where the new screen begins.
  const { phase } = now
  const before = useRef<typeof phase>(undefined)
  useEffect(() => {
    if (phase === 'checking') return
    if (before.current && before.current !== phase && document.activeElement === document.body) {
      document.querySelector('h1')?.focus()
    }
    before.current = phase
  }, [phase])

  return (
    <PartylineProvider line={line} identity={user?.id} auth={() => (user ? api.socketToken(user.id) : {})}>
      {/* The key: nothing on one user's screen, not even a half-typed payment, is kept for the next user. */}
      {user && <Ledger key={user.id} user={user} />}
      {now.phase === 'signed-out' && <SignIn notice={now.notice} />}
      {now.phase === 'checking' && <Loading isStuck={now.isStuck === true} />}
    </PartylineProvider>
  )
}
