import { useMutation, useQueryClient } from '@tanstack/react-query'
import { api } from '../../api.js'
import { inspect } from '../../inspect.js'
import { fail, failure } from '../../news.js'
import { accountsQuery } from '../../queries.js'
import { Button } from '../button.js'

const SHOPS = ['Corner Bakery', 'Café Lumen', 'Metro Transit', 'Paper Moon Books']

/** Things to try. Each one is an ordinary request to the bank; what it does to the screen comes over the line. */
export function Actions() {
  const queryClient = useQueryClient()

  const payAtShop = async () => {
    const [account] = await queryClient.ensureQueryData(accountsQuery)
    if (!account) return
    const shop = SHOPS[Math.floor(Math.random() * SHOPS.length)] ?? 'Corner Bakery'
    await api.pay({ fromAccountId: account.id, amount: 100 + Math.floor(Math.random() * 800), counterparty: shop })
  }

  return (
    <section className="actions" aria-label="Try it">
      <a className="button primary" href={location.href} target="_blank" rel="noopener" data-testid="btn-tab">
        Open another tab
      </a>
      <Action label="Pay in a shop" testId="btn-payment" act={payAtShop} />
      <Action label="Get paid" testId="btn-incoming" act={api.demo.incoming} />
      <Action label="Get 500 refunds" testId="btn-burst" act={() => api.demo.burst(500)} />
      <Action label="Cut the connection" testId="btn-cut" act={api.demo.cut} />
      <Action label="Inspect every event and query" testId="btn-inspect" act={inspect} />
    </section>
  )
}

interface ActionProps {
  readonly label: string
  readonly testId: string
  readonly act: () => Promise<unknown>
}

function Action({ label, testId, act }: ActionProps) {
  const doing = useMutation({ mutationFn: act, onError: fail, onSuccess: () => failure.set(undefined) })
  return (
    <Button className="button" data-testid={testId} isBusy={doing.isPending} onClick={() => doing.mutate()}>
      {label}
    </Button>
  )
}
