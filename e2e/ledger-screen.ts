import type { Page } from '@playwright/test'
import { accountsOf, balanceOf, profileOf, transactionsOf } from '../demo/server/bank.js'
import type { Database } from '../demo/server/database.js'
import { formatCents, formatSigned } from '../demo/src/money.js'
import { titleOf } from '../demo/src/transaction-types.js'

/** What a tab shows of the user's data, as text. */
export interface Screen {
  readonly balances: readonly string[]
  readonly transactions: readonly string[]
  readonly total: string
  readonly phone: string
}

/** What a tab shows. */
export const screenOf = (page: Page): Promise<Screen> =>
  page.evaluate(() => {
    const text = (root: ParentNode, selector: string) => root.querySelector(selector)?.textContent ?? ''
    const all = (selector: string) => [...document.querySelectorAll<HTMLElement>(selector)]
    return {
      balances: all('[data-testid^=balance-]').map((one) => `${one.dataset['testid']} ${one.textContent}`),
      transactions: all('[data-testid=tx-row]').map((row) => `${text(row, '.tx-who')} ${text(row, '.amount')}`),
      total: text(document, '[data-testid=tx-total]'),
      phone: text(document, '[data-testid=profile-phone]'),
    }
  })

/** What it has to show, read from the database itself. */
export async function screenFrom({ query }: Pick<Database, 'query'>, userId: string): Promise<Screen> {
  const accounts = await accountsOf(query, userId)
  const balances = await Promise.all(accounts.map(({ id }) => balanceOf(query, userId, id)))
  const { rows, total } = await transactionsOf(query, userId, { page: 1 })
  return {
    balances: balances.map(({ accountId, amount }) => `balance-${accountId} ${formatCents(amount)}`),
    transactions: rows.map((row) => `${titleOf(row)} ${formatSigned(row.amount)}`),
    total: String(total),
    phone: (await profileOf(query, userId)).phone,
  }
}
