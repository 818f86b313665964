import { useMutation, useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { api } from '../api.js'
import { formatCents, parseCents } from '../money.js'
import { say } from '../news.js'
import { accountsQuery } from '../queries.js'
import { Button } from './button.js'
import { Field, FormError, useFieldErrors } from './field.js'

export function PaymentForm() {
  const accounts = useQuery(accountsQuery)
  const [from, setFrom] = useState<string>()
  const [counterparty, setCounterparty] = useState('')
  const [amount, setAmount] = useState('')

  const payment = useMutation({
    mutationFn: api.pay,
    onSuccess: (paid) => {
      setCounterparty('')
      setAmount('')
      say(`${formatCents(-paid.amount)} sent to ${paid.counterparty}`)
      // No invalidation here. The database announces the payment, and every tab, this one too, receives the same event.
    },
  })
  const { form, errors } = useFieldErrors(payment.error)

  const submit = (event: FormEvent) => {
    event.preventDefault()
    const fromAccountId = from ?? accounts.data?.[0]?.id
    if (fromAccountId === undefined || payment.isPending) return
    payment.mutate({ fromAccountId, counterparty, amount: parseCents(amount) ?? null })
  }

  return (
    <section className="card payment" aria-labelledby="payment">
      <h2 id="payment">Make a payment</h2>
      <form className="form" noValidate ref={form} onSubmit={submit}>
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
        <Field
          label="To"
          error={errors['counterparty']}
          data-testid="pay-to"
          autoComplete="off"
          placeholder="Corner Bakery"
          value={counterparty}
          onChange={(e) => setCounterparty(e.target.value)}
        />
        <Field
          label="Amount in euros"
          error={errors['amount']}
          data-testid="pay-amount"
          autoComplete="off"
          inputMode="decimal"
          placeholder="12.50"
          value={amount}
          onChange={(e) => setAmount(e.target.value)}
        />
        <FormError error={payment.error} testId="form-error" />
        <Button
          type="submit"
          className="button primary"
          data-testid="pay-submit"
          isBusy={payment.isPending}
          isOff={!accounts.data}
        >
          {payment.isPending ? 'Sending…' : 'Send'}
        </Button>
      </form>
    </section>
  )
}
