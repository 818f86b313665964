import type { Account, TransactionLine, TransactionType } from '../../server/bank.js'
import { formatSigned } from '../money.js'
import { TRANSACTION_TYPE_NAMES, titleOf } from '../transaction-types.js'
import { SignedAmount } from './amount.js'

/** What is newer than this screen is new to its user, and marked for a moment. */
const OPENED = Date.now()

export function TransactionList({
  rows,
  accounts,
}: {
  rows: readonly TransactionLine[]
  accounts: readonly Account[]
}) {
  if (rows.length === 0) return <p className="empty">Nothing here with this filter.</p>
  const names = new Map(accounts.map(({ id, name }) => [id, name]))
  const days = new Map<string, TransactionLine[]>()
  for (const row of rows) {
    const day = dayOf(new Date(row.createdAt))
    days.set(day, [...(days.get(day) ?? []), row])
  }

  return [...days].map(([day, ofDay]) => (
    <section key={day} className="day">
      <h3 className="label">{day}</h3>
      <ul>
        {ofDay.map((row) => (
          <li key={row.id} data-testid="tx-row">
            {row.count === 1 ? (
              <div className={classOf(row)}>
                <Line row={row} account={names.get(row.accountId)} />
              </div>
            ) : (
              <details className="tx-group">
                <summary className={classOf(row)}>
                  <Line row={row} account={names.get(row.accountId)} />
                </summary>
                <ul>
                  {row.parts.map((part) => (
                    <li key={part.id}>
                      {part.counterparty}
                      <span className="amount">{formatSigned(part.amount)}</span>
                    </li>
                  ))}
                  {row.count > row.parts.length && (
                    <li className="fine">and {row.count - row.parts.length} more at the same moment</li>
                  )}
                </ul>
              </details>
            )}
          </li>
        ))}
      </ul>
    </section>
  ))
}

const classOf = ({ createdAt }: TransactionLine) => (Date.parse(createdAt) > OPENED ? 'tx new' : 'tx')

function Line({ row, account }: { row: TransactionLine; account: string | undefined }) {
  return (
    <>
      <TypeIcon type={row.type} incoming={row.amount > 0} />
      <span className="tx-who">{titleOf(row)}</span>
      <span className="tx-what fine">
        {TRANSACTION_TYPE_NAMES[row.type]}
        <span aria-hidden="true"> · </span>
        <span className="visually-hidden">, </span>
        {account}
      </span>
      <SignedAmount cents={row.amount} />
    </>
  )
}

function dayOf(date: Date): string {
  const today = new Date()
  const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1)
  if (date.toDateString() === today.toDateString()) return 'Today'
  if (date.toDateString() === yesterday.toDateString()) return 'Yesterday'
  return date.toLocaleDateString('en-GB', { weekday: 'short', day: 'numeric', month: 'long' })
}

function TypeIcon({ type, incoming }: { type: TransactionType; incoming: boolean }) {
  return (
    <svg className="tx-icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={type === 'transfer' ? (incoming ? ARROW_IN : ARROW_OUT) : ICONS[type]} />
    </svg>
  )
}

const ARROW_IN = 'M17 7 7 17M7 9v8h8'
const ARROW_OUT = 'M7 17 17 7M9 7h8v8'
const ICONS: Record<Exclude<TransactionType, 'transfer'>, string> = {
  card: 'M4 7.5h16v10H4zM4 11h16M7 15h3',
  salary: 'M4 9h16v9H4zM9 9V6.5h6V9M4 13h16',
  fee: 'M7 17 17 7M8 8.5h.01M16 15.5h.01',
}
