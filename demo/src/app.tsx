import { PartylineProvider } from 'partyline/react'
import { api } from './api.js'
import { Ledger } from './components/ledger.js'
import { SignIn } from './components/sign-in.js'
import { Toasts } from './components/toasts.js'
import { line } from './realtime.js'
import { session } from './session.js'
import { useStore } from './store.js'

export function App() {
  const now = useStore(session)
  const user = now.phase === 'signed-in' ? now.user : undefined

  return (
    <PartylineProvider line={line} identity={user?.id} auth={() => (user ? api.socketToken(user.id) : {})}>
      {/* The key: nothing on one user's screen, not even a half-typed payment, is kept for the next user. */}
      {user && <Ledger key={user.id} user={user} />}
      {now.phase === 'signed-out' && <SignIn notice={now.notice} />}
      {now.phase === 'checking' && <p className="visually-hidden">One moment…</p>}
      <Toasts />
    </PartylineProvider>
  )
}
