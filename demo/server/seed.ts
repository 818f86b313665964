import { readFile } from 'node:fs/promises'
import type { TransactionType } from './bank.js'
import type { Database } from './database.js'
import { ACCOUNTS, type AccountSeed, LOANS, PEOPLE } from './people.js'

/** Any number will do, as long as every process that prepares this database takes the same one. */
const LOCK = 'select pg_advisory_xact_lock(4400)'

const DAY = 86_400_000

interface Row {
  account_id: number
  type: TransactionType
  amount_cents: number
  counterparty: string
  created_at: string
}

/**
 * Makes the tables if they are missing, and fills them if they are empty. Safe to run by several processes at once. `more`:
 * what is to be run after the demo's own schema.
 */
export async function prepare(database: Database, more = ''): Promise<void> {
  const schema = await readFile(new URL('schema.sql', import.meta.url), 'utf8')
  // One transaction, so that no process sees the demo's own schema without its replacements.
  await database.script(`${LOCK};\n${schema};\n${more}`)
  await database.transaction(async (query) => {
    await query(LOCK)
    const [found] = await query('select 1 from ledger.users limit 1')
    if (found) return
    const fill = (table: string, rows: readonly object[]) => {
      const columns = Object.keys(rows[0] ?? {}).join(', ')
      return query(
        `insert into ledger.${table} (${columns})
         select ${columns} from jsonb_populate_recordset(null::ledger.${table}, $1::jsonb)`,
        [JSON.stringify(rows)],
      )
    }
    await fill(
      'users',
      PEOPLE.map(({ id, name }) => ({ id, name })),
    )
    await fill(
      'profiles',
      PEOPLE.map(({ id, name, email, phone }) => ({ user_id: id, display_name: name, email, phone })),
    )
    await fill(
      'accounts',
      ACCOUNTS.map(({ id, user_id, name, iban }) => ({ id, user_id, name, iban, balance_cents: 0 })),
    )
    await fill('loans', LOANS)
    await fill(
      'transactions',
      ACCOUNTS.flatMap((account) => historyOf(account, Date.now())),
    )
  })
}

/** A believable past: an opening balance, then what comes every month, then the everyday things in between. */
function historyOf(account: AccountSeed, now: number): Row[] {
  const random = randomFrom(account.id)
  const at = (daysAgo: number) => new Date(now - daysAgo * DAY - Math.floor(random() * DAY * 0.4) - 3_600_000)
  const rows: Row[] = []
  const add = (daysAgo: number, type: TransactionType, amount: number, counterparty: string) =>
    rows.push({
      account_id: account.id,
      type,
      amount_cents: amount,
      counterparty,
      created_at: at(daysAgo).toISOString(),
    })

  add(150, 'transfer', account.opening, 'Opening deposit')
  for (let month = 0; month < 5; month++) {
    for (const { day, type, amount, counterparty } of account.monthly) add(month * 30 + day, type, amount, counterparty)
  }
  while (rows.length < account.rows) {
    const shop = account.shops[Math.floor(random() * account.shops.length)]
    if (!shop) break
    const [counterparty, typical] = shop
    add(random() ** 1.4 * 140, 'card', -Math.round(typical * (0.55 + random() * 0.9)), counterparty)
  }
  // Ids rise with time, as they would have.
  return rows.sort((a, b) => a.created_at.localeCompare(b.created_at))
}

/** The same numbers at every start (mulberry32): a demo that always looks the same. */
function randomFrom(seed: number): () => number {
  let state = seed * 0x9e3779b9
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
