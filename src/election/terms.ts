/** The terms that one elector knows of, over all its candidacies. */
export interface Terms {
  learn(term: number): void
  next(): number
}

/**
 * Terms count up from the highest one heard. They start from the clock, which all tabs share: so a newcomer that deposes
 * a silent holder, of whom it never heard, still outranks it when it speaks again.
 */
export function createTerms(clock: { now(): number }): Terms {
  let highest = 0
  return {
    learn(term) {
      highest = Math.max(highest, term)
    },
    next() {
      highest = Math.max(highest + 1, Math.floor(clock.now()))
      return highest
    },
  }
}
