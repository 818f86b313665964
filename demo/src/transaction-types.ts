import type { TransactionType } from '../server/bank.js'

export const TRANSACTION_TYPE_NAMES: Record<TransactionType, string> = {
  card: 'Card',
  transfer: 'Transfer',
  salary: 'Salary',
  fee: 'Fee',
}

/** A chosen type, or '' for all of them. */
export type TransactionTypeFilter = TransactionType | ''
