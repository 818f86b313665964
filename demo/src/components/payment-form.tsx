import { useMutation, useQuery } from '@tanstack/react-query'
import { type FormEvent, useId, useState } from 'react'
import { api } from '../api.js'
import { parseCents } from '../money.js'
import { accountsQuery } from '../queries.js'

interface Draft {
  readonly fromAccountId: string
  readonly counterparty: string
  readonly amount: string
}

async function send({ fromAccountId, counterparty, amount }: Draft) {
  const cents = parseCents(amount)
  // Everything else is validated at the server.
  if (cents === undefined) throw new Error('Please give an amount like 12.50.')
  return api.pay({ fromAccountId, counterparty, amount: cents })
}

export function PaymentForm() {
  const accounts = useQuery(accountsQuery)
  const [from, setFrom] = useState<string>()
  const [counterparty, setCounterparty] = useState('')
  const [amount, setAmount] = useState('')
  const errorId = useId()

  const payment = useMutation({
    mutationFn: send,
    onSuccess: () => {
      setCounterparty('')
      setAmount('')
      // No invalidation here. The database announces the payment, and every tab, this one too, receives the same event.
    },
  })

  const submit = (event: FormEvent) => {
    event.preventDefault()
    const fromAccountId = from ?? accounts.data?.[0]?.id
    if (fromAccountId !== undefined) payment.mutate({ fromAccountId, counterparty, amount })
  }

  return (
    <section className="card payment" aria-labelledby="payment">
      <h2 id="payment">Make a payment</h2>
      <form className="form" noValidate onSubmit={submit} aria-describedby={payment.error ? errorId : undefined}>
        <label>
          From
          <select
            data-testid="pay-from"
            value={from ?? accounts.data?.[0]?.id ?? ''}
            onChange={(e) => setFrom(e.target.value)}
          >
            {accounts.data?.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label>
          To
          <input
            data-testid="pay-to"
            autoComplete="off"
            placeholder="Corner Bakery"
            value={counterparty}
            onChange={(e) => setCounterparty(e.target.value)}
          />
        </label>
        <label>
          Amount in euros
          <input
            data-testid="pay-amount"
            autoComplete="off"
            inputMode="decimal"
            placeholder="12.50"
            value={amount}
            onChange={(e) => setAmount(e.target.value)}
          />
        </label>
        {payment.error && (
          <p className="error" id={errorId} role="alert" data-testid="form-error">
            {payment.error.message}
          </p>
        )}
        <button type="submit" className="button primary" data-testid="pay-submit" disabled={payment.isPending}>
          {payment.isPending ? 'Sending…' : 'Send'}
        </button>
      </form>
    </section>
  )
}
