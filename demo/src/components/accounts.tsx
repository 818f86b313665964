import { useQuery } from '@tanstack/react-query'
import type { Account } from '../../server/bank.js'
import { accountsQuery, balanceQuery } from '../queries.js'
import { LiveAmount } from './amount.js'
import { useTotal } from './tab-title.js'
import { Trouble } from './trouble.js'

/** The accounts, each with a balance of its own to fetch, so that an event costs one small request. */
export function Accounts() {
  const accounts = useQuery(accountsQuery)
  const total = useTotal()
  return (
    <section className="overview" aria-labelledby="overview">
      <h1 className="label" id="overview" tabIndex={-1}>
        Total balance
      </h1>
      <p className="total">{total === undefined ? <Unknown /> : <LiveAmount cents={total} testId="total" />}</p>
      <Trouble query={accounts} />
      {/* As many as most people have, so that the page does not jump. */}
      <ul className="accounts" aria-busy={accounts.isPending}>
        {accounts.isPending && !accounts.error
          ? [1, 2, 3].map((place) => (
              <li key={place}>
                <div className="card account">
                  <p className="account-name">
                    <span className="placeholder">Account</span>
                  </p>
                  <p className="account-balance">
                    <Unknown />
                  </p>
                  <p className="fine iban">
                    <span className="placeholder">0000</span>
                  </p>
                </div>
              </li>
            ))
          : accounts.data?.map((account) => (
              <li key={account.id}>
                <AccountCard account={account} />
              </li>
            ))}
      </ul>
    </section>
  )
}

const Unknown = () => (
  <span className="placeholder" aria-hidden="true">
    €0,000.00
  </span>
)

function AccountCard({ account }: { account: Account }) {
  const balance = useQuery(balanceQuery(account.id))
  return (
    <article className="card account" aria-busy={balance.isFetching}>
      <h2>{account.name}</h2>
      <p className="account-balance">
        {balance.data ? (
          <LiveAmount cents={balance.data.amount} testId={`balance-${account.id}`} />
        ) : (
          !balance.error && <Unknown />
        )}
      </p>
      <Trouble query={balance} />
      <p className="fine iban">
        <span className="visually-hidden">IBAN ending in </span>
        <span aria-hidden="true">•••• </span>
        {account.iban.replaceAll(' ', '').slice(-4)}
      </p>
    </article>
  )
}
