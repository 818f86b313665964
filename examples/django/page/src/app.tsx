import { PartylineProvider } from 'partyline/react'
import { useMemo } from 'react'
import { apiFor, type User } from './api.js'
import { Accounts } from './components/accounts.js'
import { LineBar } from './components/line-bar.js'
import { PaymentForm } from './components/payment-form.js'
import { SignIn } from './components/sign-in.js'
import { ApiProvider } from './queries.js'
import { line } from './realtime.js'
import { useUser } from './use-user.js'

export function App() {
  const { user, notice, signIn, signOut } = useUser()
  if (user === undefined) return null
  return user ? <Bank user={user} onSignOut={signOut} /> : <SignIn notice={notice} onSignIn={signIn} />
}

function Bank({ user, onSignOut }: { user: User; onSignOut: () => Promise<void> }) {
  const api = useMemo(() => apiFor(user.id), [user.id])
  return (
    <PartylineProvider line={line} identity={user.id} auth={api.lineToken}>
      <ApiProvider value={api}>
        <header>
          <span className="brand">Ledger on Django</span>
          <span className="who" data-testid="user">
            {user.name}
          </span>
          <button type="button" className="quiet" data-testid="sign-out" onClick={onSignOut}>
            Sign out
          </button>
        </header>
        <main>
          <Accounts />
          <div className="side">
            <PaymentForm />
            <LineBar />
          </div>
        </main>
      </ApiProvider>
    </PartylineProvider>
  )
}
