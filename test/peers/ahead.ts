import { beforeEach, inject } from 'vitest'

declare module 'vitest' {
  interface ProvidedContext {
    /** The folder of test/peers whose versions run. */
    readonly peers: string
  }
}

/** The promise of `query.fetch()` tells of cancels from 5.106 on only. */
const CANCELS: readonly string[] = [
  'or was marked after it had begun, and is cancelled',
  'is made up for: nothing else would',
  'is made up for when the mutation is over that it was cancelled for',
  'a fetch that is cancelled is made up for',
]

/** Tests that today's code does not pass with these versions yet, by their titles. A test that passes by now belongs out of it. */
const AHEAD: Readonly<Record<string, readonly string[]>> = {
  middle: CANCELS,
  oldest: CANCELS,
}

beforeEach(({ task, skip }) => {
  if (AHEAD[inject('peers')]?.includes(task.name)) skip('ahead of today’s code')
})
