import { type Loan, type Profile, profileOf, type Transaction, type TransactionType } from './bank.js'
import type { Database, Query } from './database.js'
import { EVERYDAY } from './people.js'
import { Refusal } from './refusal.js'

// The bank's changes. Nothing here emits an event: the database announces every change by itself, when it
// is committed (see schema.sql).

/** What an insert into the transactions returns. */
const AS_TRANSACTION = `
  returning id::text as id, account_id::text as "accountId", type, amount_cents as amount, counterparty,
            to_char(created_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "createdAt"`

async function book(query: Query, accountId: string, type: TransactionType, amount: number, counterparty: string) {
  const [booked] = await query<Transaction>(
    `insert into ledger.transactions (account_id, type, amount_cents, counterparty) values ($1, $2, $3, $4)
     ${AS_TRANSACTION}`,
    [accountId, type, amount, counterparty],
  )
  if (!booked) throw new Error('The insert returned nothing.')
  return booked
}

/** Locks one of the user's accounts until the transaction ends, so that two payments can't spend the same money. */
async function lockAccount(query: Query, userId: string, accountId: string): Promise<{ balance: number }> {
  const [account] = await query<{ balance: number }>(
    'select balance_cents as balance from ledger.accounts where id = $1 and user_id = $2 for update',
    [accountId, userId],
  )
  if (!account) throw new Refusal(404, 'You have no such account.')
  return account
}

export interface Payment {
  fromAccountId: string
  amount: number
  counterparty: string
}

export function pay(database: Database, userId: string, payment: Payment): Promise<Transaction> {
  return database.transaction(async (query) => {
    const { balance } = await lockAccount(query, userId, payment.fromAccountId)
    if (balance < payment.amount) throw new Refusal(422, 'There is not enough money in this account.')
    return book(query, payment.fromAccountId, 'transfer', -payment.amount, payment.counterparty)
  })
}

export function receive(
  database: Database,
  userId: string,
  accountId: string,
  amount: number,
  counterparty: string,
): Promise<Transaction> {
  return database.transaction(async (query) => {
    await lockAccount(query, userId, accountId)
    return book(query, accountId, 'transfer', amount, counterparty)
  })
}

const SHOPS = EVERYDAY.map(([name]) => name)

/** Many small card refunds in one statement: one commit, and one notification for each of them. */
export async function receiveMany(database: Database, userId: string, accountId: string, count: number): Promise<void> {
  await database.transaction(async (query) => {
    await lockAccount(query, userId, accountId)
    await query(
      `insert into ledger.transactions (account_id, type, amount_cents, counterparty)
       select $1, 'card', 5 + (n * 7) % 90, ($3::text[])[1 + n % $4::integer] from generate_series(1, $2::integer) as n`,
      [accountId, count, SHOPS, SHOPS.length],
    )
  })
}

export async function setLoanStatus(
  database: Database,
  userId: string,
  loanId: string,
  from: Loan['status'],
  to: Loan['status'],
): Promise<void> {
  await database.transaction(async (query) => {
    const [loan] = await query<{ status: Loan['status'] }>(
      'select status from ledger.loans where id = $1 and user_id = $2 for update',
      [loanId, userId],
    )
    if (!loan) throw new Refusal(404, 'You have no such loan.')
    if (loan.status !== from) throw new Refusal(409, `This loan is ${loan.status} already.`)
    await query('update ledger.loans set status = $2 where id = $1', [loanId, to])
  })
}

export function changeProfile(
  database: Database,
  userId: string,
  change: { [Field in keyof Profile]?: string | undefined },
): Promise<Profile> {
  return database.transaction(async (query) => {
    await query(
      `update ledger.profiles
          set display_name = coalesce($2, display_name), email = coalesce($3, email), phone = coalesce($4, phone)
        where user_id = $1`,
      [userId, change.displayName ?? null, change.email ?? null, change.phone ?? null],
    )
    return profileOf(query, userId)
  })
}
