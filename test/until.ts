import { vi } from 'vitest'

/** A bound, not a measure: under load a step may take a hundred times as long as on an idle machine. */
const WAIT_LIMIT_MS = 100_000

/** Waits in real time until `check` throws no more. Under a fake clock, each try also moves that by 50 ms. */
export const until = <T>(check: () => T | Promise<T>): Promise<T> => vi.waitFor(check, { timeout: WAIT_LIMIT_MS })
