import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { TransactionFilter } from '../api.js'
import { accountsQuery, transactionsQuery } from '../queries.js'
import { TRANSACTION_TYPE_NAMES, type TransactionTypeFilter } from '../transaction-types.js'
import { Button } from './button.js'
import { TransactionList } from './transaction-list.js'
import { Trouble } from './trouble.js'

/** The transactions, filtered and in pages. What is chosen here is the query key, so it is what a scope is matched with. */
export function Transactions() {
  const [filter, setFilter] = useState<TransactionFilter>({ page: 1 })
  const transactions = useQuery(transactionsQuery(filter))
  const accounts = useQuery(accountsQuery)
  const { data } = transactions

  // Another filter starts at its first page. A field that is not chosen is not in the key.
  const choose = (choice: { accountId?: string; type?: TransactionTypeFilter }) => {
    const { accountId = '', type = '' } = { ...filter, ...choice }
    setFilter({ ...(accountId && { accountId }), ...(type && { type }), page: 1 })
  }

  return (
    <section className="card transactions" aria-labelledby="transactions">
      <div className="card-head">
        <h2 id="transactions">Transactions</h2>
        <div className="filters">
          <label>
            <span className="visually-hidden">Account</span>
            <select
              data-testid="filter-account"
              value={filter.accountId ?? ''}
              onChange={(event) => choose({ accountId: event.target.value })}
            >
              <option value="">All accounts</option>
              {accounts.data?.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          <label>
            <span className="visually-hidden">Type</span>
            <select
              data-testid="filter-type"
              value={filter.type ?? ''}
              onChange={(event) => choose({ type: event.target.value as TransactionTypeFilter })}
            >
              <option value="">All types</option>
              {Object.entries(TRANSACTION_TYPE_NAMES).map(([type, name]) => (
                <option key={type} value={type}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        </div>
      </div>

      <Trouble query={transactions} />
      <div className={transactions.isPlaceholderData ? 'pending' : undefined} aria-busy={transactions.isFetching}>
        {data ? (
          <TransactionList rows={data.rows} accounts={accounts.data ?? []} />
        ) : (
          !transactions.error && <Skeleton />
        )}
      </div>

      {!data && !transactions.error && <div className="paging" aria-hidden="true" />}
      {data && (
        <nav className="paging" aria-label="Pages of transactions">
          <p className="fine">
            <span data-testid="tx-total">{data.total}</span> transactions, page {filter.page} of {data.pages}
          </p>
          <Button
            className="button"
            data-testid="page-prev"
            isOff={filter.page <= 1}
            onClick={() => setFilter({ ...filter, page: filter.page - 1 })}
          >
            Newer
          </Button>
          <Button
            className="button"
            data-testid="page-next"
            isOff={filter.page >= data.pages}
            onClick={() => setFilter({ ...filter, page: filter.page + 1 })}
          >
            Older
          </Button>
        </nav>
      )}
    </section>
  )
}

function Skeleton() {
  return (
    <div className="skeleton" aria-hidden="true">
      {[1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((row) => (
        <span key={row} className="placeholder" />
      ))}
    </div>
  )
}
