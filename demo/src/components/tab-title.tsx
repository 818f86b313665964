import { useQueries, useQuery } from '@tanstack/react-query'
import { usePartylineStatus } from 'partyline/react'
import { useEffect } from 'react'
import { formatEuros } from '../money.js'
import { accountsQuery, balanceQuery } from '../queries.js'
import { shownSince } from '../shown-since.js'
import { useStore } from '../store.js'
import { useTrouble } from './banner.js'

/** All of the user's money in cents, once it is known. The same queries as the cards': no fetch of its own. */
export function useTotal(): number | undefined {
  const { data = [] } = useQuery(accountsQuery)
  return useQueries({
    queries: data.map(({ id }) => balanceQuery(id)),
    combine: (balances) =>
      balances.length > 0 && balances.every(({ data }) => data !== undefined)
        ? balances.reduce((sum, { data }) => sum + (data?.amount ?? 0), 0)
        : undefined,
  })
}

/** The tab's title says how it stands, for those who see only that. */
export function TabTitle() {
  const { name, pending } = usePartylineStatus()
  const isHidden = useStore(shownSince) === undefined
  const isTroubled = useTrouble() !== undefined
  const total = useTotal()
  const refused = name === 'unauthorized' || name === 'wrong-identity'
  const what = refused
    ? 'updates paused'
    : isTroubled
      ? 'reconnecting'
      : isHidden && pending.count > 0
        ? 'changes wait'
        : total !== undefined && formatEuros(total)
  const title = what ? `Ledger, ${what}` : 'Ledger'
  useEffect(() => {
    document.title = title
    return () => {
      document.title = 'Ledger'
    }
  }, [title])
  return null
}
