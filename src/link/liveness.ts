import { whenLockIsFree } from '../platform/locks.js'
import type { TabEnvironment } from '../platform/page.js'

/**
 * How often a tab pings its hub. Visible tabs do, because a lock proves that a hub exists, not that it is well. Where
 * there are no Web Locks, every tab does.
 */
const PING_INTERVAL_MS = 5_000

interface LivenessOptions {
  readonly environment: TabEnvironment
  /** The lock that the hub holds as long as it lives. */
  readonly lock: string | undefined
  /** Gives whether the hub knows this tab; undefined when the call failed. */
  readonly ping: () => Promise<boolean | undefined>
  readonly onLost: (reason: string) => void
  /** Ends it. */
  readonly signal: AbortSignal
}

/** Watches a hub's life by its lock and by pings. */
export function watchHub({ environment, lock, ping, onLost, signal }: LivenessOptions): void {
  const { locks, page, timers } = environment
  let isLockWatched = lock !== undefined && locks !== undefined
  let cancelWait: () => void = () => undefined

  /** One wait at a time: the browser may refuse the lock while a ping is under way, and each begins the next wait. */
  function pingLater(): void {
    cancelWait()
    cancelWait = timers.after(PING_INTERVAL_MS, () => {
      // A hidden tab rests: the lock tells it of the hub's end.
      if (isLockWatched && !page.isVisible()) return pingWhenVisible()
      void ping().then((isKnown) => {
        if (isKnown === false) onLost('the hub took this tab for closed')
        else if (!signal.aborted) pingLater()
      })
    })
  }

  function pingWhenVisible(): void {
    cancelWait = page.on('visible', pingLater)
  }

  signal.addEventListener('abort', () => cancelWait())
  if (lock && locks) {
    const onRefused = () => {
      isLockWatched = false
      pingLater()
    }
    whenLockIsFree(locks, lock, signal, () => onLost('the hub is gone'), onRefused)
  }
  pingLater()
}
