const EUROS = new Intl.NumberFormat('en-IE', { style: 'currency', currency: 'EUR' })

/** Whole cents as text: `€1,234.50`. */
export const formatCents = (cents: number): string => EUROS.format(cents / 100)

/** An amount that came or went, with its sign: `+€12.50`, `−€3.00`. */
export const formatSigned = (cents: number): string => `${cents > 0 ? '+' : '−'}${formatCents(Math.abs(cents))}`

/** Without the cents: `€1,234`. */
export const formatEuros = (cents: number): string => formatCents(cents).slice(0, -3)

/** What a person typed, in cents: `12`, `12.5`, `12,50`. Undefined if it is no amount. */
export function parseCents(text: string): number | undefined {
  const match = /^\s*(-?)€?\s*(\d{1,9})(?:[.,](\d{1,2}))?\s*€?\s*$/.exec(text)
  if (!match) return undefined
  const [, minus, whole, fraction = ''] = match
  const cents = Number(whole) * 100 + Number(fraction.padEnd(2, '0'))
  return minus ? -cents : cents
}
