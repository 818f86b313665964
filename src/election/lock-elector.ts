import type { LockRequest, Locks } from '../platform/environment.js'
import type { Elector, Leadership } from './elector.js'

/** The office is a Web Lock: the browser keeps the line, and moves on when a holder is gone, crashed ones included. */
export function createLockElector(locks: Locks, name: string): Elector {
  return {
    campaign: (signal) => hold(locks, name, { signal }, signal),
    // No signal in the request: who steals never waits, and the Web Locks API forbids the two together.
    steal: (signal) => hold(locks, name, { steal: true }, signal),
  }
}

function hold(locks: Locks, name: string, request: LockRequest, signal: AbortSignal): Promise<Leadership> {
  return new Promise((resolve, reject) => {
    // A request that steals would harm the holder before it looks at our signal.
    if (signal.aborted) return reject(signal.reason)
    const lost = new AbortController()
    let elected = false
    locks
      .request(name, request, () => {
        // A steal is granted a little later than it is asked for.
        if (signal.aborted) return Promise.resolve()
        elected = true
        resolve({ lost: lost.signal })
        return firstAbort(signal, lost.signal)
      })
      .then(
        () => reject(signal.reason),
        (thrown: unknown) => {
          if (!elected) reject(thrown)
          // The only way to lose a granted lock is a steal, and the request's rejection the only word of it.
          else if (!signal.aborted) lost.abort(thrown)
        },
      )
  })
}

/** Resolves when either signal aborts, and leaves no listener on the other. */
function firstAbort(...signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const signal of signals) signal.removeEventListener('abort', done)
      resolve()
    }
    for (const signal of signals) signal.addEventListener('abort', done)
  })
}
