import type { User } from '../../server/bank.js'
import { Accounts } from './accounts.js'
import { Announcer } from './announcer.js'
import { Header } from './header.js'
import { LinePanel } from './line/line-panel.js'
import { Loans } from './loans.js'
import { PaymentForm } from './payment-form.js'
import { Profile } from './profile.js'
import { Transactions } from './transactions.js'

/** The whole screen of somebody who is signed in. */
export function Ledger({ user }: { user: User }) {
  return (
    <>
      <Header user={user} />
      <div className="layout">
        <main className="bank">
          <Accounts />
          <Transactions />
          <PaymentForm />
          <Loans />
          <Profile />
        </main>
        <LinePanel />
      </div>
      <Announcer />
    </>
  )
}
