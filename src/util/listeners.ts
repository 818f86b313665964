import { messageOf, type Report } from './errors.js'

/** A handler of the app threw. */
export const reportThrown = (report: Report, event: string, cause: unknown): void =>
  report('handler-failed', `a handler of '${event}' threw: ${messageOf(cause)}`, { detail: { event }, cause })

/** A set of callbacks. One that throws is reported, and the others are still called. */
export function createListeners<T>(report: Report, what: string) {
  const listeners = new Set<(value: T) => void>()
  return {
    add(listener: (value: T) => void): () => void {
      // Wrapped, so that the same function added twice is two.
      const own = (value: T) => listener(value)
      listeners.add(own)
      return () => void listeners.delete(own)
    },
    get size() {
      return listeners.size
    },
    emit(value: T): void {
      for (const listener of [...listeners]) {
        try {
          listener(value)
        } catch (thrown) {
          reportThrown(report, what, thrown)
        }
      }
    },
  }
}
