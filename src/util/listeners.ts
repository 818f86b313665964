import { messageOf, type Report } from './errors.js'

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
          report('handler-failed', `a handler of ${what} threw: ${messageOf(thrown)}`, {
            detail: { event: what },
            cause: thrown,
          })
        }
      }
    },
  }
}
