interface PauseRange {
  /** The first pause is up to this long, each other one up to twice its predecessor. */
  readonly minMs: number
  readonly maxMs: number
}

/**
 * The pause before an attempt that follows so many failures. Milliseconds. Its jitter is full, so that of many tabs no two come
 * together, but for a tenth: a pause is never so short that attempts make a loop.
 */
export function growingPause(failures: number, random: () => number, { minMs, maxMs }: PauseRange): number {
  return Math.min(maxMs, minMs * 2 ** failures) * (0.1 + 0.9 * random())
}
