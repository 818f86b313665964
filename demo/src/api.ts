import type {
  Account,
  Balance,
  Loan,
  LoanSummary,
  Profile,
  Transaction,
  TransactionPage,
  TransactionType,
  User,
} from '../server/bank.js'
import { line } from './realtime.js'

export interface TransactionFilter {
  accountId?: string
  type?: TransactionType
  page: number
}

/** A request that did not succeed; the message is a sentence for people. */
export class ApiError extends Error {
  /** The HTTP status, or 0 if there was no answer. */
  readonly status: number
  /** One sentence for each field that was filled in wrongly, by its name. */
  readonly fields: Readonly<Record<string, string>>

  constructor(status: number, message: string, fields: Readonly<Record<string, string>> = {}) {
    super(message)
    this.name = 'ApiError'
    this.status = status
    this.fields = fields
  }
}

let actingUser: string | undefined
let unauthorized = () => {}

/** The user that requests act for from here on. The server refuses if the cookie is of another user. */
export function actAs(userId: string | undefined): void {
  actingUser = userId
}

/** Called when a request is refused because no user, or another user, is signed in. */
export function onUnauthorized(callback: () => void): void {
  unauthorized = callback
}

async function request<T>(method: string, path: string, body?: object, userId = actingUser): Promise<T> {
  const headers: Record<string, string> = { 'x-tab': line.origin }
  if (userId !== undefined) headers['x-user'] = userId
  if (body) headers['content-type'] = 'application/json'

  const send = (named: Record<string, string>) =>
    fetch(`/api${path}`, { method, headers: { ...headers, ...named }, body: body ? JSON.stringify(body) : null })
  // What changes something is named, so that its own events make this tab fetch nothing that it has already.
  const response = await (method === 'GET' ? send({}) : line.request(send)).catch(() => {
    throw new ApiError(0, 'The bank can’t be reached right now. Please try again.')
  })
  if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T

  // Only if it is about the user on the screen: an answer to a request of the former one changes nothing any more.
  if (response.status === 401 && userId === actingUser) unauthorized()
  const said = (await response.json().catch(() => ({}))) as { error?: string; fields?: Record<string, string> }
  throw new ApiError(response.status, said.error ?? response.statusText, said.fields)
}

const get = <T>(path: string) => request<T>('GET', path)
const post = <T>(path: string, body?: object) => request<T>('POST', path, body)

export const api = {
  users: () => get<User[]>('/users'),
  me: () => get<User | null>('/me'),
  signIn: (userId: string) => post<User>('/session', { userId }),
  signOut: () => request<void>('DELETE', '/session'),
  /** For `auth`. It names the user, so that a socket of one user can never be opened with the cookie of another. */
  socketToken: (userId: string) => request<{ token: string }>('POST', '/socket-token', { userId }, userId),

  accounts: () => get<Account[]>('/accounts'),
  balance: (accountId: string) => get<Balance>(`/accounts/${accountId}/balance`),
  transactions: ({ page, ...filter }: TransactionFilter) =>
    get<TransactionPage>(`/transactions?${new URLSearchParams({ ...filter, page: String(page) })}`),
  loans: () => get<Loan[]>('/loans'),
  loanSummary: () => get<LoanSummary>('/loan-summary'),
  profile: () => get<Profile>('/profile'),

  /** `amount`: null if it was no amount, for the bank to say so together with all else that is wrong. */
  pay: (payment: { fromAccountId: string; amount: number | null; counterparty: string }) =>
    post<Transaction>('/payments', payment),
  acceptLoan: (loanId: string) => post<void>(`/loans/${loanId}/accept`),
  withdrawLoan: (loanId: string) => post<void>(`/loans/${loanId}/withdraw`),
  changeProfile: (profile: Profile) => request<Profile>('PATCH', '/profile', profile),

  demo: {
    incoming: () => post<Transaction>('/demo/incoming'),
    burst: (count: number) => post<{ count: number }>('/demo/burst', { count }),
    cut: () => post<void>('/demo/cut'),
  },
}
