import { usePartylineStatus } from 'partyline/react'
import { feed } from '../../receipts.js'
import { useStore } from '../../store.js'
import { Actions } from './actions.js'
import { Diagram } from './diagram.js'
import { Feed } from './feed.js'
import { Savings } from './savings.js'
import { Standing } from './standing.js'

/** Partyline's own window: who owns the socket, what came over it, and what it saved. */
export function LinePanel() {
  const status = usePartylineStatus()
  const [newest] = useStore(feed)
  return (
    <aside className="line" id="line" aria-labelledby="line-title">
      <h2 id="line-title">
        One line, <span data-testid="status-tabs">{status.tabs}</span> {status.tabs === 1 ? 'tab' : 'tabs'}
      </h2>
      <Diagram tabs={status.tabs} connected={status.name === 'connected'} beat={newest?.id} />
      <Standing status={status} />
      <Savings tabs={status.tabs} />
      <Actions />
      <Feed />
    </aside>
  )
}
