import { useMutation, useQuery } from '@tanstack/react-query'
import type { Loan } from '../../server/bank.js'
import { api } from '../api.js'
import { formatCents } from '../money.js'
import { loanSummaryQuery, loansQuery } from '../queries.js'
import { Trouble } from './trouble.js'

const STATUS_NAMES: Record<Loan['status'], string> = { offered: 'Offer', accepted: 'Accepted', repaid: 'Repaid' }

export function Loans() {
  const loans = useQuery(loansQuery)
  const summary = useQuery(loanSummaryQuery)
  return (
    <section className="card loans" aria-labelledby="loans">
      <h2 id="loans">Loans</h2>
      {summary.data && (
        <p className="fine" data-testid="loan-summary">
          {summary.data.borrowed > 0 ? `${formatCents(summary.data.borrowed)} borrowed` : 'Nothing borrowed'},{' '}
          {summary.data.offers === 1 ? '1 offer' : `${summary.data.offers} offers`} for you
        </p>
      )}
      <Trouble query={loans} />
      <ul className="loan-list">
        {loans.data?.map((loan) => (
          <LoanItem key={loan.id} loan={loan} />
        ))}
      </ul>
    </section>
  )
}

function LoanItem({ loan }: { loan: Loan }) {
  const accept = useMutation({ mutationFn: () => api.acceptLoan(loan.id) })
  const withdraw = useMutation({ mutationFn: () => api.withdrawLoan(loan.id) })
  const error = accept.error ?? withdraw.error
  const busy = accept.isPending || withdraw.isPending

  return (
    <li className="loan">
      <div>
        <h3>{loan.title}</h3>
        <p className="fine">
          {formatCents(loan.amount)} at {loan.ratePercent} %, {loan.months} months
        </p>
      </div>
      <span className="badge" data-status={loan.status} data-testid={`loan-${loan.id}-status`}>
        {STATUS_NAMES[loan.status]}
      </span>
      {loan.status === 'offered' && (
        <button
          type="button"
          className="button"
          data-testid={`loan-${loan.id}-accept`}
          disabled={busy}
          onClick={() => accept.mutate()}
        >
          Accept<span className="visually-hidden"> {loan.title}</span>
        </button>
      )}
      {loan.status === 'accepted' && (
        <button
          type="button"
          className="link"
          data-testid={`loan-${loan.id}-withdraw`}
          disabled={busy}
          onClick={() => withdraw.mutate()}
        >
          Withdraw<span className="visually-hidden"> from {loan.title}</span>
        </button>
      )}
      {error && (
        <p className="error" role="alert">
          {error.message}
        </p>
      )}
    </li>
  )
}
