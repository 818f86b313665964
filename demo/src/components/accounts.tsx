import { useQueries, useQuery } from '@tanstack/react-query'
import type { Account } from '../../server/bank.js'
import { accountsQuery, balanceQuery } from '../queries.js'
import { LiveAmount } from './amount.js'
import { Trouble } from './trouble.js'

/** The accounts, each with a balance of its own to fetch, so that an event costs one small request. */
export function Accounts() {
  const accounts = useQuery(accountsQuery)
  return (
    <section className="overview" aria-labelledby="overview">
      <h1 className="label" id="overview">
        Total balance
      </h1>
      <Total accounts={accounts.data ?? []} />
      <Trouble query={accounts} />
      <ul className="accounts">
        {accounts.data?.map((account) => (
          <li key={account.id}>
            <AccountCard account={account} />
          </li>
        ))}
      </ul>
    </section>
  )
}

function Total({ accounts }: { accounts: readonly Account[] }) {
  // The same queries as the cards': no fetch of its own.
  const total = useQueries({
    queries: accounts.map(({ id }) => balanceQuery(id)),
    combine: (balances) =>
      balances.length > 0 && balances.every(({ data }) => data !== undefined)
        ? balances.reduce((sum, { data }) => sum + (data?.amount ?? 0), 0)
        : undefined,
  })
  return (
    <p className="total">
      {total === undefined ? (
        <span className="placeholder">€0,000.00</span>
      ) : (
        <LiveAmount cents={total} testId="total" />
      )}
    </p>
  )
}

function AccountCard({ account }: { account: Account }) {
  const balance = useQuery(balanceQuery(account.id))
  return (
    <article className="card account" aria-busy={balance.isFetching}>
      <h2>{account.name}</h2>
      <p className="account-balance">
        {balance.data ? (
          <LiveAmount cents={balance.data.amount} testId={`balance-${account.id}`} />
        ) : (
          !balance.error && <span className="placeholder">€0,000.00</span>
        )}
      </p>
      <Trouble query={balance} />
      <p className="fine iban">
        <span className="visually-hidden">IBAN ending in </span>
        <span aria-hidden="true">•••• </span>
        {account.iban.slice(-4)}
      </p>
    </article>
  )
}
