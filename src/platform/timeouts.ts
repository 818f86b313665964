import type { HubEnvironment } from './environment.js'

/** Turns that a thread gets before a silence counts. */
const SILENCE_SLICES = 5

interface PipePort {
  postMessage(message: unknown): void
  addEventListener(type: 'message', listener: () => void): void
  start?(): void
  close(): void
}

/** The part of a page's environment that a worker does not have: a worker's timers are not slowed. */
export interface PagePowers {
  readonly page: { isVisible(): boolean }
  readonly openPipe: () => { readonly port1: PipePort; readonly port2: PipePort }
}

type SilencePowers = Pick<HubEnvironment, 'timers'> & Partial<PagePowers>

/** Runs in another task, which a message begins. Returns the way to cancel it. */
export function afterMessage(openPipe: PagePowers['openPipe'], run: () => void): () => void {
  const { port1, port2 } = openPipe()
  const stop = () => {
    port1.close()
    port2.close()
  }
  port2.addEventListener('message', () => {
    stop()
    run()
  })
  port2.start?.()
  port1.postMessage(0)
  return stop
}

/**
 * Calls back once nothing at all has come from the other side for `ms`, however late an answer is that waits behind a burst.
 * Returns the way to cancel it.
 *
 * The time is measured in slices, because a clock can't tell silence from a thread that had no time to read. A slice counts
 * as one, however late its timer is, and between two of them this thread reads what has come. So a thread that is blocked for
 * longer than `ms` loses one slice. A slice in which something came does not count: the wait is never shorter than `ms`.
 *
 * In a page that is long hidden, timers that set each other run once a minute, and others once a second. So a message lies
 * between two slices there: several waits of some seconds would take ten minutes.
 * @param received How much has come so far: any number that changes with it.
 */
export function afterSilence(
  { timers, page, openPipe }: SilencePowers,
  received: () => number,
  ms: number,
  run: () => void,
): () => void {
  let cancel: () => void
  let before = received()
  let slicesLeft = SILENCE_SLICES
  const hasReceived = () => {
    const now = received()
    if (now === before) return false
    before = now
    slicesLeft = SILENCE_SLICES
    return true
  }
  const wait = () => {
    cancel = timers.after(ms / SILENCE_SLICES, () => {
      if (!hasReceived()) slicesLeft--
      if (slicesLeft > 0) next()
      // The last slice may have been late as well: what came in it waits behind this timer.
      else cancel = timers.after(0, () => (hasReceived() ? wait() : run()))
    })
  }
  const next = () => {
    if (openPipe && page?.isVisible() === false) cancel = afterMessage(openPipe, wait)
    else wait()
  }
  wait()
  return () => cancel()
}

/**
 * Calls back after `ms`, but not before this thread had several turns to read what has come. So an answer that waits
 * behind a busy stretch is read first. Returns the way to cancel it.
 */
export const afterTurns = (environment: SilencePowers, ms: number, run: () => void): (() => void) =>
  afterSilence(environment, () => 0, ms, run)

/** A promise that did not settle in time. */
export class TimeoutError extends Error {}

/**
 * Gives what the promise gives, or rejects with a `TimeoutError` once `ms` milliseconds have passed. What comes later is
 * dropped. `after` runs something once after so many milliseconds, and gives the way to cancel it.
 */
export function withTimeout<T>(
  after: HubEnvironment['timers']['after'],
  ms: number,
  promise: Promise<T>,
  message = `no answer within ${ms} ms`,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let cancel = after(ms, () => {
      // After a busy stretch the answer may wait behind this timer: it gets one more turn.
      cancel = after(0, () => reject(new TimeoutError(message)))
    })
    promise.then(resolve, reject).finally(() => cancel())
  })
}

/** Resolves after `ms` milliseconds, or when the signal aborts. */
export function pause(after: HubEnvironment['timers']['after'], ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    // It may have aborted while its owner awaited something else: a listener would never hear of it.
    if (signal.aborted) return resolve()
    const finish = () => {
      cancel()
      signal.removeEventListener('abort', finish)
      resolve()
    }
    const cancel = after(ms, finish)
    signal.addEventListener('abort', finish)
  })
}
