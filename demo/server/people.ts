import type { Loan, TransactionType } from './bank.js'

// The bank's three customers. All invented.

export const PEOPLE = [
  { id: 1, name: 'Maya Lindqvist', email: 'maya.lindqvist@example.com', phone: '+46 70 174 06 58' },
  { id: 2, name: 'Tomás Herrera', email: 'tomas.herrera@example.com', phone: '+34 612 55 01 94' },
  { id: 3, name: 'Aiko Brandt', email: 'aiko.brandt@example.com', phone: '+49 30 5550 1726' },
] as const

export interface AccountSeed {
  readonly id: number
  readonly user_id: number
  readonly name: string
  readonly iban: string
  readonly opening: number
  /** How many transactions in all. */
  readonly rows: number
  readonly monthly: readonly Monthly[]
  readonly shops: readonly Shop[]
}

interface Monthly {
  readonly day: number
  readonly type: TransactionType
  readonly amount: number
  readonly counterparty: string
}

type Shop = readonly [name: string, typicalCents: number]

export const EVERYDAY: readonly Shop[] = [
  ['Corner Bakery', 640],
  ['Greenleaf Market', 3_870],
  ['Metro Transit', 290],
  ['Café Lumen', 520],
  ['Field & Fork', 2_450],
  ['Paper Moon Books', 1_890],
  ['City Pharmacy', 1_240],
  ['Harbour Cinema', 1_350],
  ['Bloom Florist', 2_200],
]

const TRAVEL: readonly Shop[] = [
  ['Nordic Rail', 6_400],
  ['Hotel Miramar', 11_800],
  ['Airport Lounge', 3_200],
  ['Old Town Tapas', 3_650],
  ['Ferry Line', 4_100],
]

const pays = (day: number, counterparty: string, amount: number): Monthly => ({
  day,
  type: 'transfer',
  amount,
  counterparty,
})
const salary = (day: number, counterparty: string, amount: number): Monthly => ({
  day,
  type: 'salary',
  amount,
  counterparty,
})
const fee = (day: number, amount: number): Monthly => ({ day, type: 'fee', amount, counterparty: 'Account fee' })

export const ACCOUNTS: readonly AccountSeed[] = [
  {
    id: 11,
    user_id: 1,
    name: 'Everyday',
    iban: 'SE45 5000 0000 0583 9825 7466',
    opening: 214_000,
    rows: 78,
    monthly: [salary(4, 'Northwind Studio', 412_500), pays(2, 'Rent, Söder 14', -128_000), fee(1, -290)],
    shops: EVERYDAY,
  },
  {
    id: 12,
    user_id: 1,
    name: 'Rainy day',
    iban: 'SE82 5000 0000 0583 9825 7512',
    opening: 840_000,
    rows: 16,
    monthly: [pays(3, 'Standing order', 35_000), pays(1, 'Interest', 1_420)],
    shops: [],
  },
  {
    id: 13,
    user_id: 1,
    name: 'Travel',
    iban: 'SE17 5000 0000 0583 9825 7620',
    opening: 265_000,
    rows: 28,
    monthly: [pays(3, 'Standing order', 20_000)],
    shops: TRAVEL,
  },
  {
    id: 21,
    user_id: 2,
    name: 'Current',
    iban: 'ES79 2100 0813 6101 2345 6789',
    opening: 168_000,
    rows: 88,
    monthly: [salary(5, 'Colegio San Telmo', 286_000), pays(2, 'Hipoteca Sur', -94_000), fee(1, -350)],
    shops: EVERYDAY,
  },
  {
    id: 22,
    user_id: 2,
    name: 'House fund',
    iban: 'ES13 2100 0813 6101 2345 7411',
    opening: 1_920_000,
    rows: 32,
    monthly: [pays(3, 'Standing order', 45_000), pays(1, 'Interest', 2_860)],
    shops: [['Tilework Sevilla', 9_400]],
  },
  {
    id: 31,
    user_id: 3,
    name: 'Main',
    iban: 'DE89 3704 0044 0532 0130 00',
    opening: 342_000,
    rows: 70,
    monthly: [salary(3, 'Kessler Optik', 368_000), pays(2, 'Miete Lindenhof', -112_000), fee(1, -490)],
    shops: EVERYDAY,
  },
  {
    id: 32,
    user_id: 3,
    name: 'Business',
    iban: 'DE12 3704 0044 0532 0144 17',
    opening: 618_000,
    rows: 34,
    monthly: [pays(6, 'Atelier Voss', 96_000), pays(4, 'Kulturamt', 41_000), fee(1, -990)],
    shops: [
      ['Print Works', 8_700],
      ['Studio Supply', 5_300],
      ['Cloud Hosting', 2_900],
    ],
  },
  {
    id: 33,
    user_id: 3,
    name: 'Savings',
    iban: 'DE64 3704 0044 0532 0151 92',
    opening: 1_240_000,
    rows: 16,
    monthly: [pays(3, 'Standing order', 30_000), pays(1, 'Interest', 1_980)],
    shops: [],
  },
]

interface LoanSeed {
  id: number
  user_id: number
  title: string
  amount_cents: number
  rate_percent: number
  months: number
  status: Loan['status']
}

export const LOANS: readonly LoanSeed[] = [
  {
    id: 101,
    user_id: 1,
    title: 'Home office',
    amount_cents: 450_000,
    rate_percent: 4.9,
    months: 24,
    status: 'offered',
  },
  {
    id: 102,
    user_id: 1,
    title: 'Cargo bike',
    amount_cents: 320_000,
    rate_percent: 3.4,
    months: 36,
    status: 'accepted',
  },
  {
    id: 201,
    user_id: 2,
    title: 'New kitchen',
    amount_cents: 980_000,
    rate_percent: 4.2,
    months: 48,
    status: 'offered',
  },
  {
    id: 202,
    user_id: 2,
    title: 'Solar roof',
    amount_cents: 1_450_000,
    rate_percent: 2.9,
    months: 84,
    status: 'offered',
  },
  {
    id: 301,
    user_id: 3,
    title: 'Camera lenses',
    amount_cents: 260_000,
    rate_percent: 5.1,
    months: 18,
    status: 'offered',
  },
  {
    id: 302,
    user_id: 3,
    title: 'Studio deposit',
    amount_cents: 600_000,
    rate_percent: 3.9,
    months: 36,
    status: 'repaid',
  },
]
