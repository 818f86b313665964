import type { Query } from './database.js'
import { Refusal } from './refusal.js'

// The bank's queries, and the shapes of their results. The page imports these types. Ids are strings, amounts are
// whole cents. Every function takes the user's id and answers for that user only.

export interface User {
  id: string
  name: string
}

export interface Account {
  id: string
  name: string
  iban: string
}

export interface Balance {
  accountId: string
  amount: number
}

export const TRANSACTION_TYPES = ['card', 'transfer', 'salary', 'fee'] as const
export type TransactionType = (typeof TRANSACTION_TYPES)[number]

export interface Transaction {
  id: string
  accountId: string
  type: TransactionType
  amount: number
  counterparty: string
  createdAt: string
}

/**
 * One line of the list. What came into one account at one moment, such as a burst of 500, is one line: its amount is the sum, and
 * `parts` are the first of them.
 */
export interface TransactionLine extends Transaction {
  count: number
  parts: Pick<Transaction, 'id' | 'amount' | 'counterparty'>[]
}

export interface TransactionFilter {
  accountId?: string | undefined
  type?: TransactionType | undefined
  page: number
}

export interface TransactionPage {
  rows: TransactionLine[]
  page: number
  pages: number
  /** Of transactions, however many lines they take. */
  total: number
}

export interface Loan {
  id: string
  title: string
  amount: number
  ratePercent: number
  months: number
  status: 'offered' | 'accepted' | 'repaid'
}

export interface LoanSummary {
  offers: number
  running: number
  borrowed: number
}

export interface Profile {
  displayName: string
  email: string
  phone: string
}

const PER_PAGE = 10
/** Of the transactions of one line. */
const PARTS_SHOWN = 12

export const allUsers = (query: Query) => query<User>('select id::text as id, name from ledger.users order by id')

export async function userById(query: Query, userId: string): Promise<User | undefined> {
  const [user] = await query<User>('select id::text as id, name from ledger.users where id = $1', [userId])
  return user
}

export const accountsOf = (query: Query, userId: string) =>
  query<Account>('select id::text as id, name, iban from ledger.accounts where user_id = $1 order by id', [userId])

export async function balanceOf(query: Query, userId: string, accountId: string): Promise<Balance> {
  const [balance] = await query<Balance>(
    `select id::text as "accountId", balance_cents as amount
       from ledger.accounts where id = $1 and user_id = $2`,
    [accountId, userId],
  )
  // Another user's account and a missing account give the same answer, so that ids can't be probed.
  if (!balance) throw new Refusal(404, 'You have no such account.')
  return balance
}

export async function transactionsOf(
  query: Query,
  userId: string,
  filter: TransactionFilter,
): Promise<TransactionPage> {
  const { accountId, type, page } = filter
  if (accountId !== undefined) await balanceOf(query, userId, accountId)
  const matching = `
       from ledger.transactions t join ledger.accounts a on a.id = t.account_id
      where a.user_id = $1 and ($2::integer is null or a.id = $2) and ($3::text is null or t.type = $3)`
  const values = [userId, accountId ?? null, type ?? null]

  const [{ total, lines } = { total: 0, lines: 0 }] = await query<{ total: number; lines: number }>(
    `select count(*)::integer as total, count(distinct (a.id, t.type, t.created_at))::integer as lines ${matching}`,
    values,
  )
  const rows = await query<TransactionLine>(
    `select max(t.id)::text as id, a.id::text as "accountId", t.type, sum(t.amount_cents)::integer as amount,
            max(t.counterparty) as counterparty,
            to_char(t.created_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "createdAt",
            count(*)::integer as count,
            to_json((array_agg(json_build_object('id', t.id::text, 'amount', t.amount_cents, 'counterparty', t.counterparty)
                               order by t.id desc))[1:${PARTS_SHOWN}]) as parts
       ${matching} group by a.id, t.type, t.created_at
      order by t.created_at desc, max(t.id) desc limit $4 offset $5`,
    [...values, PER_PAGE, (page - 1) * PER_PAGE],
  )
  return { rows, page, pages: Math.max(1, Math.ceil(lines / PER_PAGE)), total }
}

export const loansOf = (query: Query, userId: string) =>
  query<Loan>(
    `select id::text as id, title, amount_cents as amount, rate_percent::float8 as "ratePercent", months, status
       from ledger.loans where user_id = $1 order by id`,
    [userId],
  )

export async function loanSummaryOf(query: Query, userId: string): Promise<LoanSummary> {
  const [summary] = await query<LoanSummary>(
    `select count(*) filter (where status = 'offered')::integer as offers,
            count(*) filter (where status = 'accepted')::integer as running,
            coalesce(sum(amount_cents) filter (where status = 'accepted'), 0)::integer as borrowed
       from ledger.loans where user_id = $1`,
    [userId],
  )
  return summary ?? { offers: 0, running: 0, borrowed: 0 }
}

export async function profileOf(query: Query, userId: string): Promise<Profile> {
  const [profile] = await query<Profile>(
    'select display_name as "displayName", email, phone from ledger.profiles where user_id = $1',
    [userId],
  )
  if (!profile) throw new Refusal(404, 'You have no profile.')
  return profile
}
