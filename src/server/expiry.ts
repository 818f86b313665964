/** Timers forget the time that a machine sleeps, and end at 2^31 ms: the clock is looked at this often (ms). */
const LONGEST = 3_600_000

/** Calls back when a moment has come, which may be moved; keeps no process alive. */
export function createExpiry(onExpired: () => void) {
  let timer: ReturnType<typeof setTimeout> | undefined
  const stop = () => clearTimeout(timer)
  /** `until`: milliseconds since the Unix epoch; undefined for never. */
  const set = (until: number | undefined): void => {
    stop()
    if (until === undefined) return
    const left = Math.max(0, until - Date.now())
    timer = setTimeout(() => (Date.now() < until ? set(until) : onExpired()), Math.min(left, LONGEST))
    const handle: unknown = timer
    ;(handle as { unref?: () => void }).unref?.()
  }
  return { set, stop }
}
