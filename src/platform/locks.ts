import type { HubEnvironment, Locks } from './environment.js'
import { afterSilence } from './timeouts.js'

/** How long the browser may take to grant a lock of a new name. */
const NEW_LOCK_TIMEOUT_MS = 2_000

/** Resolves once the lock is held; it is held until the signal aborts. Rejects if that comes first. */
export function holdLock(locks: Locks, name: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    requestLock(locks, name, signal, () => {
      resolve()
      return aborted(signal)
    }).catch(reject)
  })
}

/**
 * Calls `run` once nobody holds the lock, because its holder closed or crashed (25-35 ms after that, in Chromium). A
 * signal that aborts first cancels it. `onRefused`: the browser refuses the lock, so it will never tell.
 */
export function whenLockIsFree(
  locks: Locks,
  name: string,
  signal: AbortSignal,
  run: () => void,
  onRefused: () => void = () => undefined,
): void {
  requestLock(locks, name, signal, async () => {
    if (!signal.aborted) run()
  }).catch(() => {
    if (!signal.aborted) onRefused()
  })
}

/** A request that never throws, but rejects: the browser's own does, another implementation may not. */
async function requestLock(locks: Locks, name: string, signal: AbortSignal, held: () => Promise<void>): Promise<void> {
  await locks.request(name, { signal }, held)
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

/** The same for a lock of a new name, which nobody else can hold: a browser that does not grant it at once never will. */
export function tryNewLock(
  environment: Pick<HubEnvironment, 'locks' | 'timers'>,
  name: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const cancel = afterSilence(
      environment,
      () => 0,
      NEW_LOCK_TIMEOUT_MS,
      () => resolve(undefined),
    )
    void tryLock(environment.locks, name, signal).then((held) => {
      cancel()
      resolve(held)
    })
  })
}
