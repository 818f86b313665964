/** The same numbers for the same seed (mulberry32), so that a failure can be seen again. */
export function randomFrom(seed: number) {
  let state = seed
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const between = (from: number, to: number) => from + Math.floor(next() * (to - from + 1))
  return {
    between,
    pick: <T>(from: readonly T[]): T => from[between(0, from.length - 1)] as T,
    shuffle<T>(items: readonly T[]): T[] {
      const left = [...items]
      return items.map(() => left.splice(between(0, left.length - 1), 1)[0] as T)
    },
  }
}
