import { useMutation, useQueryClient } from '@tanstack/react-query'
import { api } from '../../api.js'
import { inspect } from '../../inspect.js'
import { accountsQuery } from '../../queries.js'
import { say } from '../../toasts.js'

const SHOPS = ['Corner Bakery', 'Café Lumen', 'Metro Transit', 'Paper Moon Books']

/** Things to try. Each one is an ordinary request to the bank; what it does to the screen comes over the line. */
export function Actions() {
  const queryClient = useQueryClient()
  const act = useMutation({
    mutationFn: (action: () => Promise<unknown>) => action(),
    onError: (error) => say(error.message),
  })

  const smallPayment = async () => {
    const [account] = await queryClient.ensureQueryData(accountsQuery)
    if (!account) return
    const shop = SHOPS[Math.floor(Math.random() * SHOPS.length)] ?? 'Corner Bakery'
    await api.pay({ fromAccountId: account.id, amount: 100 + Math.floor(Math.random() * 800), counterparty: shop })
  }
  const button = (label: string, testId: string, action: () => Promise<unknown>) => (
    <button type="button" className="button" data-testid={testId} onClick={() => act.mutate(action)}>
      {label}
    </button>
  )

  return (
    <section className="actions" aria-label="Try it">
      <a className="button primary" href={location.href} target="_blank" rel="noopener" data-testid="btn-tab">
        Open another tab
      </a>
      {button('Make a payment', 'btn-payment', smallPayment)}
      {button('Payment by someone else', 'btn-incoming', api.demo.incoming)}
      {button('Burst of 500', 'btn-burst', () => api.demo.burst(500))}
      {button('Cut the connection', 'btn-cut', api.demo.cut)}
      {button('Inspect', 'btn-inspect', inspect)}
    </section>
  )
}
