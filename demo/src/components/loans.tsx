import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { Loan } from '../../server/bank.js'
import { api } from '../api.js'
import { formatCents } from '../money.js'
import { loanSummaryQuery, loansQuery } from '../queries.js'
import { Button } from './button.js'
import { Trouble } from './trouble.js'

const STATUS_NAMES: Record<Loan['status'], string> = { offered: 'Offer', accepted: 'Accepted', repaid: 'Repaid' }

export function Loans() {
  const loans = useQuery(loansQuery)
  const summary = useQuery(loanSummaryQuery)
  return (
    <section className="card loans" aria-labelledby="loans" aria-busy={loans.isPending}>
      <h2 id="loans">Loans</h2>
      <p className="fine" data-testid="loan-summary">
        {summary.data ? (
          <>
            {summary.data.borrowed > 0 ? `${formatCents(summary.data.borrowed)} borrowed` : 'Nothing borrowed'},{' '}
            {summary.data.offers === 1 ? '1 offer' : `${summary.data.offers} offers`} for you
          </>
        ) : (
          !summary.error && (
            <span className="placeholder" aria-hidden="true">
              €0,000.00 borrowed, 1 offer for you
            </span>
          )
        )}
      </p>
      <Trouble query={loans} />
      {loans.isPending && !loans.error && (
        <div className="skeleton loan-skeleton" aria-hidden="true">
          {[1, 2].map((row) => (
            <span key={row} className="placeholder" />
          ))}
        </div>
      )}
      <ul className="loan-list">
        {loans.data?.map((loan) => (
          <LoanItem key={loan.id} loan={loan} />
        ))}
      </ul>
    </section>
  )
}

function LoanItem({ loan }: { loan: Loan }) {
  const queryClient = useQueryClient()
  const isOffer = loan.status === 'offered'
  const change = useMutation({
    mutationFn: () => (isOffer ? api.acceptLoan(loan.id) : api.withdrawLoan(loan.id)),
    // The answer says what the loan is now: this tab has it, and the others get the event.
    onSuccess: () =>
      queryClient.setQueryData(loansQuery.queryKey, (loans) =>
        loans?.map((one) => (one.id === loan.id ? { ...one, status: isOffer ? 'accepted' : 'offered' } : one)),
      ),
  })

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
      {/* One button, whatever it does next: the focus stays on it. */}
      {loan.status !== 'repaid' && (
        <Button
          className={isOffer ? 'button' : 'button quiet'}
          data-testid={`loan-${loan.id}-${isOffer ? 'accept' : 'withdraw'}`}
          isBusy={change.isPending}
          onClick={() => change.mutate()}
        >
          {isOffer ? 'Accept' : 'Withdraw'}
          <span className="visually-hidden">{` ${isOffer ? '' : 'from '}${loan.title}`}</span>
        </Button>
      )}
      {change.error && (
        <p className="error" role="alert">
          {change.error.message}
        </p>
      )}
    </li>
  )
}
