import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { parseCents } from '../money.js'
import { accountsQuery, balanceQuery, transactionsQuery, useApi } from '../queries.js'

interface Draft {
  readonly fromAccountId: string
  readonly to: string
  readonly amount: string
}

export function PaymentForm() {
  const api = useApi()
  const queryClient = useQueryClient()
  const accounts = useQuery(accountsQuery(api))
  const [from, setFrom] = useState<string>()
  const [to, setTo] = useState('')
  const [amount, setAmount] = useState('')
  const fromAccountId = from ?? accounts.data?.[0]?.id ?? ''

  const payment = useMutation({
    mutationFn: ({ fromAccountId, to, amount }: Draft) => {
      const cents = parseCents(amount)
      if (to.trim() === '') throw new Error('Please say who gets it.')
      if (cents === undefined) throw new Error('Please give an amount like 12.50.')
      return api.pay({ fromAccountId, amount: cents, to })
    },
    onSuccess(paid, sent) {
      // Keep what was typed meanwhile.
      setTo((now) => (now === sent.to ? '' : now))
      setAmount((now) => (now === sent.amount ? '' : now))
      // This tab has the answer, and shows it at once. The event that follows costs it no fetch (`line.request` in api.ts),
      // and tells all other tabs.
      queryClient.setQueryData(balanceQuery(api, paid.accountId).queryKey, (before) =>
        before ? { ...before, amount: before.amount + paid.amount } : before,
      )
      queryClient.setQueryData(transactionsQuery(api, paid.accountId).queryKey, (before) =>
        before ? [paid, ...before].slice(0, 10) : before,
      )
    },
  })

  const submit = (event: FormEvent) => {
    event.preventDefault()
    payment.mutate({ fromAccountId, to, amount })
  }

  return (
    <section className="card" aria-labelledby="payment">
      <h2 id="payment">Make a payment</h2>
      <form noValidate onSubmit={submit}>
        <label>
          From
          <select data-testid="pay-from" value={fromAccountId} onChange={(event) => setFrom(event.target.value)}>
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
            placeholder="Bob, or anybody"
            value={to}
            onChange={(event) => setTo(event.target.value)}
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
            onChange={(event) => setAmount(event.target.value)}
          />
        </label>
        {payment.error && (
          <p className="error" role="alert" data-testid="form-error">
            {payment.error.message}
          </p>
        )}
        <button type="submit" className="primary" data-testid="pay-submit" disabled={payment.isPending}>
          {payment.isPending ? 'Sending…' : 'Send'}
        </button>
      </form>
    </section>
  )
}
