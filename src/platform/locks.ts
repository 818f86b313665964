import type { Locks } from './environment.js'

/** Resolves once the lock is held; it is held until the signal aborts. Rejects if that comes first. */
export function holdLock(locks: Locks, name: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    locks
      .request(name, { signal }, () => {
        resolve()
        return aborted(signal)
      })
      .catch(reject)
  })
}

/**
 * Calls `run` once nobody holds the lock, because its holder closed or crashed (25-35 ms after that, in Chromium). A
 * signal that aborts first cancels it.
 */
export function whenLockIsFree(locks: Locks, name: string, signal: AbortSignal, run: () => void): void {
  locks
    .request(name, { signal }, async () => {
      if (!signal.aborted) run()
    })
    .catch((thrown: unknown) => {
      if (!signal.aborted) throw thrown
    })
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** The name of a lock once it is held; undefined where there are no locks, or this one is refused. */
export function tryLock(locks: Locks | undefined, name: string, signal: AbortSignal): Promise<string | undefined> {
  if (!locks) return Promise.resolve(undefined)
  return holdLock(locks, name, signal).then(
    () => name,
    () => undefined,
  )
}
