import { createPartyline, type PartylineError } from 'partyline'

/** Partyline's errors, oldest first. */
export const errors: PartylineError[] = []

const HOSTS = ['auto', 'shared-worker', 'leader-tab', 'this-tab'] as const
/** `?host=leader-tab`: as in a browser without SharedWorker. */
const wanted = new URLSearchParams(location.search).get('host')

export const line = createPartyline({
  name: 'ledger-on-django',
  url: '/line', // the path in bank/asgi.py
  transport: 'websocket',
  host: HOSTS.find((host) => host === wanted) ?? 'auto',
  // The next user never sees the data of the former one.
  clearOnSwitch: true,
  invalidates: {
    balance_updated: {
      touches: ['balance'],
      targets: (m: { accountId: string }) => [['balance', m.accountId]],
    },
    transaction_happened: {
      touches: ['transactions'],
      targets: (m: { accountId: string }) => [{ queryKey: ['transactions'], scope: { accountId: m.accountId } }],
    },
  },
  onError(error) {
    errors.push(error)
    console.warn(`Partyline (${error.code}): ${error.message}`)
  },
})
