import { line } from './realtime.js'

// The REST API in bank/views.py. Ids are strings, amounts are whole cents.

export interface User {
  readonly id: string
  readonly name: string
}
export interface Account {
  readonly id: string
  readonly name: string
}
export interface Balance {
  readonly accountId: string
  readonly amount: number
}
export interface Transaction {
  readonly id: string
  readonly accountId: string
  readonly amount: number
  readonly counterparty: string
  readonly createdAt: string
}
export interface Payment {
  readonly fromAccountId: string
  readonly amount: number
  readonly to: string
}

/** Django requires it for every change; it is another one after each sign-in. */
const csrfToken = () => /(?:^|; )csrftoken=([^;]*)/.exec(document.cookie)?.[1] ?? ''

async function request<T>(method: string, path: string, body?: object, userId?: string): Promise<T> {
  const headers: Record<string, string> = { 'content-type': 'application/json', 'x-csrftoken': csrfToken() }
  // Django refuses if the cookie is of another user by now.
  if (userId !== undefined) headers['x-user'] = userId
  async function send(named: Record<string, string>): Promise<T> {
    const init = { method, headers: { ...headers, ...named }, body: body ? JSON.stringify(body) : null }
    const response = await fetch(`/api${path}`, init)
    if (response.ok) return (await response.json()) as T
    const said: unknown = await response.json().catch(() => undefined)
    const isSentence = typeof said === 'object' && said !== null && 'error' in said
    throw new Error(isSentence ? String(said.error) : `The bank can’t answer right now (${response.status}).`)
  }
  return method === 'GET' ? send({}) : line.request(send)
}

export const whoAmI = () => request<User | null>('GET', '/session')
export const signIn = (name: string) => request<User>('POST', '/session', { name })
export const signOut = () => request<null>('DELETE', '/session')

/** What the signed-in user may ask. */
export const apiFor = (userId: string) => ({
  lineToken: () => request<{ token: string; expiresAt: number }>('POST', '/line-token', undefined, userId),
  accounts: () => request<Account[]>('GET', '/accounts', undefined, userId),
  balance: (id: string) => request<Balance>('GET', `/accounts/${id}/balance`, undefined, userId),
  transactions: (accountId: string) =>
    request<Transaction[]>('GET', `/transactions?accountId=${accountId}`, undefined, userId),
  pay: (payment: Payment) => request<Transaction>('POST', '/payments', payment, userId),
})
export type Api = ReturnType<typeof apiFor>
