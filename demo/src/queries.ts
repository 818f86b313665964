import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import { api, type TransactionFilter } from './api.js'

// Every query of the app. realtime.ts maps events to their keys.

export const accountsQuery = queryOptions({ queryKey: ['accounts'], queryFn: api.accounts })

export const balanceQuery = (accountId: string) =>
  queryOptions({ queryKey: ['balance', accountId], queryFn: () => api.balance(accountId) })

export const transactionsQuery = (filter: TransactionFilter) =>
  queryOptions({
    queryKey: ['transactions', filter],
    queryFn: () => api.transactions(filter),
    // The old page stays while the next one loads, so the list does not jump.
    placeholderData: keepPreviousData,
  })

export const loansQuery = queryOptions({ queryKey: ['loans'], queryFn: api.loans })

export const loanSummaryQuery = queryOptions({ queryKey: ['loan-summary'], queryFn: api.loanSummary })

export const profileQuery = queryOptions({ queryKey: ['profile'], queryFn: api.profile })
