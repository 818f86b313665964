import { beforeEach, inject } from 'vitest'

declare module 'vitest' {
  interface ProvidedContext {
    /** Which versions of TanStack Query and React run: `newest`, or a folder of test/peers. */
    readonly peers: string
  }
}

/** Whatever the version. */
const EVERYWHERE: readonly string[] = []

/** A version that knows no pending queries from a server fetches them. */
const PENDING_FROM_SERVER: readonly string[] = []

/** The promise of `query.fetch()` tells of cancels from 5.106 on only. */
const CANCELS: readonly string[] = []

/**
 * Tests that today's code does not pass yet, by their whole names: they have to fail. One that passes belongs out of its list.
 */
const AHEAD: Readonly<Record<string, readonly string[]>> = {
  newest: [...EVERYWHERE, ...PENDING_FROM_SERVER],
  middle: [...EVERYWHERE, ...PENDING_FROM_SERVER, ...CANCELS],
  oldest: [...EVERYWHERE, ...CANCELS],
}

beforeEach(({ task }) => {
  // As `it.fails` does.
  if (AHEAD[inject('peers')]?.includes(task.fullTestName)) Object.assign(task, { fails: true })
})
