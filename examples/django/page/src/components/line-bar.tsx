import type { Receipt } from 'partyline'
import { usePartylineStatus } from 'partyline/react'
import { useEffect, useState } from 'react'
import { line } from '../realtime.js'

const KEPT = 4

/** Where the line stands, and what its last events did in this tab. */
export function LineBar() {
  const status = usePartylineStatus()
  const receipts = useReceipts()
  return (
    <section className="line" aria-labelledby="line">
      <h2 id="line">The line</h2>
      <dl>
        <dt>WebSocket</dt>
        <dd>
          <span className="state" data-state={status.name} data-testid="status-name">
            {status.name}
          </span>
          {status.reason && <span data-testid="status-reason">, {status.reason}</span>}
        </dd>
        <dt>Held by</dt>
        <dd data-testid="status-host">
          {status.host ?? 'nobody yet'}
          {status.role && `, this tab is the ${status.role}`}
        </dd>
        <dt>Shared by</dt>
        <dd data-testid="status-tabs">{status.tabs === 1 ? '1 tab' : `${status.tabs} tabs`}</dd>
        <dt>Last gap</dt>
        <dd data-testid="status-gap">{status.lastGap?.reason ?? 'none'}</dd>
      </dl>
      <ol aria-label="What the last events did in this tab">
        {receipts.map(({ number, receipt }) => (
          <li key={number} data-testid="receipt">
            <b>{receipt.events.map(({ name }) => name).join(', ') || receipt.cause}</b>
            <span>
              {receipt.refetched.length} fetched, {receipt.covered.length} known already, {receipt.skipped.length} left
              alone
            </span>
          </li>
        ))}
      </ol>
    </section>
  )
}

/** The last few receipts, the newest first. */
function useReceipts() {
  const [receipts, setReceipts] = useState<readonly { readonly number: number; readonly receipt: Receipt }[]>([])
  useEffect(
    () =>
      line.onReceipt((receipt) => {
        // A gap before anything was on the screen refetches nothing.
        if (receipt.events.length === 0 && receipt.refetched.length === 0) return
        setReceipts((before) => [{ number: (before[0]?.number ?? 0) + 1, receipt }, ...before].slice(0, KEPT))
      }),
    [],
  )
  return receipts
}
