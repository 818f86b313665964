const EUROS = new Intl.NumberFormat('en-IE', { style: 'currency', currency: 'EUR' })

export const formatCents = (cents: number): string => EUROS.format(cents / 100)

/** With its sign, as a list of transactions shows it. */
export const formatSigned = (cents: number): string => `${cents > 0 ? '+' : '−'}${formatCents(Math.abs(cents))}`

/** What a person typed, in cents: `12`, `12.5`, `12,50`. Undefined if it is no amount. */
export function parseCents(text: string): number | undefined {
  const [, whole = '', fraction = ''] = /^\s*(\d{1,9})(?:[.,](\d{1,2}))?\s*$/.exec(text) ?? []
  return whole === '' ? undefined : Number(whole) * 100 + Number(fraction.padEnd(2, '0'))
}
