import { useQuery } from '@tanstack/react-query'
import type { Account } from '../api.js'
import { formatCents, formatSigned } from '../money.js'
import { accountsQuery, balanceQuery, transactionsQuery, useApi } from '../queries.js'

export function Accounts() {
  const accounts = useQuery(accountsQuery(useApi()))
  return (
    <section className="accounts" aria-label="Your accounts" aria-busy={accounts.isPending}>
      {accounts.error && <p className="error">{accounts.error.message}</p>}
      {accounts.data?.map((account) => (
        <AccountCard key={account.id} account={account} />
      ))}
    </section>
  )
}

function AccountCard({ account }: { account: Account }) {
  const api = useApi()
  const balance = useQuery(balanceQuery(api, account.id))
  const transactions = useQuery(transactionsQuery(api, account.id))
  return (
    <article className="card">
      <div className="card-head">
        <h2>{account.name}</h2>
        <strong className="balance" data-testid={`balance-${account.id}`}>
          {balance.data ? formatCents(balance.data.amount) : '…'}
        </strong>
      </div>
      {(balance.error ?? transactions.error) && <p className="error">This could not be fetched.</p>}
      <ul className="transactions" data-testid={`transactions-${account.id}`}>
        {transactions.data?.map(({ id, amount, counterparty, createdAt }) => (
          <li key={id}>
            <span>{counterparty}</span>
            <time className="fine" dateTime={createdAt}>
              {new Date(createdAt).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })}
            </time>
            <span className={amount > 0 ? 'amount in' : 'amount'}>{formatSigned(amount)}</span>
          </li>
        ))}
      </ul>
    </article>
  )
}
