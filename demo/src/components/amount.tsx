import { useState } from 'react'
import { formatCents, formatSigned } from '../money.js'

/** An amount that is marked for a moment when it changes, but not when it first appears. */
export function LiveAmount({ cents, testId }: { cents: number; testId: string }) {
  const [seen, setSeen] = useState({ cents, changes: 0 })
  if (seen.cents !== cents) setSeen({ cents, changes: seen.changes + 1 })

  // A new key restarts the animation.
  return (
    <span key={seen.changes} className={seen.changes > 0 ? 'amount changed' : 'amount'} data-testid={testId}>
      {formatCents(cents)}
    </span>
  )
}

/** An amount that came or went: money in is marked by its sign as well as by colour. */
export const SignedAmount = ({ cents }: { cents: number }) => (
  <span className={cents > 0 ? 'amount in' : 'amount'}>{formatSigned(cents)}</span>
)
