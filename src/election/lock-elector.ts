import type { LockRequest, Locks } from '../platform/environment.js'
import type { Elector, Leadership } from './elector.js'

/** The leadership is a Web Lock: the browser keeps the queue, and moves on when a holder closes or crashes. */
export function createLockElector(locks: Locks, name: string): Elector {
  return {
    campaign: (signal) => hold(locks, name, { signal }, signal),
    // No signal in the request: a steal never waits, and the Web Locks API forbids the two together.
    steal: (signal) => hold(locks, name, { steal: true }, signal),
  }
}

function hold(locks: Locks, name: string, request: LockRequest, signal: AbortSignal): Promise<Leadership> {
  return new Promise((resolve, reject) => {
    // A stealing request would take the lock from its holder before it checks our signal.
    if (signal.aborted) return reject(signal.reason)
    const lost = new AbortController()
    let elected = false
    locks
      .request(name, request, () => {
        // A steal is granted a little later than it is requested.
        if (signal.aborted) return Promise.resolve()
        elected = true
        resolve({ lost: lost.signal })
        return firstAbort(signal, lost.signal)
      })
      .then(
        () => reject(signal.reason),
        (thrown: unknown) => {
          if (!elected) reject(thrown)
          // A granted lock is lost only by a steal, and only the request's rejection tells.
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
