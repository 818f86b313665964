import type { TransactionLine, TransactionType } from '../server/bank.js'

export const TRANSACTION_TYPE_NAMES: Record<TransactionType, string> = {
  card: 'Card',
  transfer: 'Transfer',
  salary: 'Salary',
  fee: 'Fee',
}

/** A chosen type, or '' for all of them. */
export type TransactionTypeFilter = TransactionType | ''

/** Who got it or sent it; of many at once, how many. */
export function titleOf({ count, counterparty, type, amount }: TransactionLine): string {
  if (count === 1) return counterparty
  return `${count} ${type === 'card' ? (amount > 0 ? 'refunds' : 'card payments') : `${type} transactions`}`
}
