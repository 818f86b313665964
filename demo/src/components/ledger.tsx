import { useCallback, useEffect, useRef, useState } from 'react'
import type { User } from '../../server/bank.js'
import { Accounts } from './accounts.js'
import { Announcer } from './announcer.js'
import { Banner } from './banner.js'
import { Header } from './header.js'
import { LinePanel } from './line/line-panel.js'
import { Loans } from './loans.js'
import { PaymentForm } from './payment-form.js'
import { Profile } from './profile.js'
import { TabTitle } from './tab-title.js'
import { Transactions } from './transactions.js'

/** The whole screen of somebody who is signed in. */
export function Ledger({ user }: { user: User }) {
  // Where there is room, the panel is always beside the bank. Elsewhere it is a drawer.
  const [isPanelOpen, setPanelOpen] = useState(false)
  const wasOpen = useRef(false)
  const close = useCallback(() => setPanelOpen(false), [])
  useEffect(() => {
    if (wasOpen.current !== isPanelOpen) document.getElementById(isPanelOpen ? 'line-title' : 'open-line')?.focus()
    wasOpen.current = isPanelOpen
  }, [isPanelOpen])

  return (
    <>
      <a className="skip" href="#overview">
        Skip to your accounts
      </a>
      <Header user={user} isPanelOpen={isPanelOpen} onPanel={() => setPanelOpen(!isPanelOpen)} />
      <div className="layout">
        <div className="column">
          <Banner />
          <main className="bank">
            <Accounts />
            <Transactions />
            <PaymentForm />
            <Loans />
            <Profile />
          </main>
        </div>
        <LinePanel isOpen={isPanelOpen} onClose={close} />
      </div>
      <Announcer />
      <TabTitle />
    </>
  )
}

/** What stands there until it is known who is signed in. */
export function Loading({ isStuck }: { isStuck: boolean }) {
  return (
    <main className="loading">
      <h1 className="visually-hidden">Ledger</h1>
      <p className="fine" role="status">
        {isStuck ? 'The bank can’t be reached right now. Trying again…' : 'One moment…'}
      </p>
      <div className="skeleton" aria-hidden="true">
        {[1, 2, 3].map((row) => (
          <span key={row} className="placeholder" />
        ))}
      </div>
    </main>
  )
}
