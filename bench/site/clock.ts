/** How often the wall clock is read: its milliseconds are coarse, its steps are not. */
const STEPS = 5

/**
 * Milliseconds since the Unix epoch, with fractions, the same in every process of this machine. What
 * `performance.timeOrigin` gives was true when the process began; the wall clock may have been set since.
 */
export function createClock(): () => number {
  const rough = () => performance.timeOrigin + performance.now()
  const offsets = Array.from({ length: STEPS }, () => {
    const before = Date.now()
    let at = before
    while (at === before) at = Date.now()
    return at - rough()
  }).sort((a, b) => a - b)
  // A step that was seen late, because something else had the processor, makes the offset too small.
  const offset = offsets[STEPS - 1] ?? 0
  return () => rough() + offset
}
