/** A word this short has too many neighbours. */
const MIN_LENGTH = 5
/** Two changes in a word of this length are a misspelling; in a shorter one they are another word. */
const LONG = 12
/** A word in another: `balance` in `account-balance`. */
const MIN_CONTAINED = 4

/** Without what people write differently: capitals, separators, a plural. */
const lettersOf = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '')
    .replace(/s$/, '')

/** How many letters have to be put in, left out, replaced, or swapped with their neighbour. */
function distance(one: string, other: string): number {
  const rows: number[][] = []
  const at = (row: number, column: number) => rows[row]?.[column] ?? Number.POSITIVE_INFINITY
  for (let i = 0; i <= one.length; i++) {
    const row: number[] = []
    rows.push(row)
    for (let j = 0; j <= other.length; j++) {
      const differs = one[i - 1] === other[j - 1] ? 0 : 1
      const isSwapped = one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]
      const replaced = Math.min(at(i - 1, j - 1) + differs, isSwapped ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY)
      row.push(i === 0 || j === 0 ? i + j : Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, replaced))
    }
  }
  return at(one.length, other.length)
}

/** Whether one of two names is the other, misspelt or written in another manner. The same name is not. */
export function isSpeltAlike(one: string, other: string): boolean {
  if (one === other) return false
  const [a, b] = [lettersOf(one), lettersOf(other)]
  if (a === b) return a !== ''
  const length = Math.min(a.length, b.length)
  return length >= MIN_LENGTH && distance(a, b) <= (length >= LONG ? 2 : 1)
}

/** Whether two names mean one thing by all appearances: spelt alike, or one within the other. */
export function isNearly(one: string, other: string): boolean {
  const [a, b] = [lettersOf(one), lettersOf(other)]
  const isWithin = Math.min(a.length, b.length) >= MIN_CONTAINED && (a.includes(b) || b.includes(a))
  return one !== other && (isWithin || isSpeltAlike(one, other))
}
