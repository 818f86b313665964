import { z } from 'zod'
import { TRANSACTION_TYPES } from './bank.js'
import { HALVES } from './wall.js'

// What may come in. Every message is a sentence the page can show as it is.

/** An id that fits the database's integers; any other one can't exist. */
export const Id = z.string('That is not an id.').regex(/^[1-9]\d{0,8}$/, 'That is not an id.')

/** At most a million. */
const Cents = z
  .int('Please give an amount like 12.50.')
  .positive('The amount must be more than zero.')
  .max(100_000_000, 'That is more than can be paid online.')

export const SignIn = z.object({ userId: Id }, 'Please say who signs in.')

export const SocketTokenRequest = z.object({ userId: Id.optional() }, 'The request was not understood.').optional()

export const TransactionQuery = z.object({
  accountId: Id.optional(),
  type: z.enum(TRANSACTION_TYPES, 'There is no such type of transaction.').optional(),
  page: z.coerce.number().int('There is no such page.').min(1, 'There is no such page.').max(1_000_000).default(1),
})

export const PaymentInput = z.object(
  {
    fromAccountId: Id,
    amount: Cents,
    counterparty: z
      .string('Please say who gets the money.')
      .trim()
      .min(1, 'Please say who gets the money.')
      .max(60, 'That name is too long.'),
  },
  'Please fill in the payment.',
)

export const ProfileInput = z.object(
  {
    displayName: z.string().trim().min(1, 'Please give your name.').max(60, 'That name is too long.').optional(),
    email: z.email('That does not look like an e-mail address.').max(100, 'That address is too long.').optional(),
    phone: z
      .string()
      .trim()
      .regex(/^\+?[\d ()-]{5,24}$/, 'That does not look like a phone number.')
      .optional(),
  },
  'Please fill in your details.',
)

export const IncomingInput = z
  .object({ accountId: Id.optional(), amount: Cents.optional() }, 'The request was not understood.')
  .optional()

export const BurstCount = z.object(
  {
    count: z
      .int('How many?')
      .min(1, 'A burst has at least one transaction.')
      .max(500, 'A burst has at most 500 transactions.'),
  },
  'Please say how many.',
)

export const BurstInput = BurstCount.extend({ accountId: Id.optional() })

export const WallHalf = z.enum(HALVES, 'The wall has two halves.')

export const WallRate = z.object(
  { eventsPerSecond: z.number('How many?').min(0, 'Not less than none.').max(50, 'At most 50 events a second.') },
  'Please say how many.',
)
