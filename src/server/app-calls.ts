import { withTimeout } from '../platform/timeouts.js'
import { PartylineServerError } from './errors.js'

/** How long a callback of the app may take, in milliseconds, unless an option says otherwise. */
export const APP_CALL_TIMEOUT_MS = 10_000
/** A timer with more than that fires at once. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

/** A timer of Node, for `withTimeout`. */
function runAfter(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms)
  return () => clearTimeout(timer)
}

/** Calls back into the app, which may throw, reject or hang. What comes after `ms` milliseconds is dropped. */
export const callApp = <T>(ms: number, run: () => T | Promise<T>): Promise<T> =>
  withTimeout(runAfter, ms, new Promise<T>((resolve) => resolve(run())))

/** Throws `bad-option` for a value that can't be a time limit. */
export function checkTimeout(option: string, ms: number): void {
  if (!(typeof ms === 'number' && ms > 0 && ms <= MAX_TIMEOUT_MS))
    throw new PartylineServerError('bad-option', `${option} has to be milliseconds, more than 0 and at most 2^31 - 1`)
}
