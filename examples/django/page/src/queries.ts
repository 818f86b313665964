import { queryOptions } from '@tanstack/react-query'
import { createContext, useContext } from 'react'
import type { Api } from './api.js'

const ApiContext = createContext<Api | undefined>(undefined)
export const ApiProvider = ApiContext.Provider

export function useApi(): Api {
  const api = useContext(ApiContext)
  if (!api) throw new Error('Nobody is signed in.')
  return api
}

// Every query of the page. realtime.ts maps events to their keys.

export const accountsQuery = (api: Api) => queryOptions({ queryKey: ['accounts'], queryFn: api.accounts })
export const balanceQuery = (api: Api, accountId: string) =>
  queryOptions({ queryKey: ['balance', accountId], queryFn: () => api.balance(accountId) })
export const transactionsQuery = (api: Api, accountId: string) =>
  queryOptions({ queryKey: ['transactions', { accountId }], queryFn: () => api.transactions(accountId) })
