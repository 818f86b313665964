import { createPartyline } from 'partyline'
import { hostFromAddress, sharesFromAddress } from './address.js'
import { reportError } from './errors.js'

/** What each event makes stale. To make one more thing live in every tab: add one line. */
export const invalidates = {
  profile_updated: ['profile'], // a string is the query key [string]
  loan_status_changed: ['loans', 'loan-summary'], // two targets
  balance_updated: {
    touches: ['balance'], // the key prefixes that the rule can reach
    targets: (m: { accountId: string }) => [['balance', m.accountId]], // a query key, TanStack prefix rules
  },
  transaction_happened: {
    touches: ['transactions', 'balance'],
    targets: (m: { accountId: string; txType?: string }) => [
      { queryKey: ['transactions'], scope: { accountId: m.accountId, type: m.txType } },
      ['balance', m.accountId],
    ],
  },
}

export const line = createPartyline({
  name: 'ledger',
  invalidates,
  host: hostFromAddress(),
  shareFetches: sharesFromAddress(),
  onError: reportError,
})
