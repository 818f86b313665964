import type { HubEnvironment } from './environment.js'

/**
 * The powers that a tab and a worker have alike. Apart from environment.ts, because a worker that imported that file
 * would carry the code which starts workers, and bundlers would build the worker into itself.
 */
export function commonEnvironment(): HubEnvironment {
  return {
    clock: { now: () => Date.now() },
    timers: {
      after(ms, run) {
        const timer = setTimeout(run, ms)
        return () => clearTimeout(timer)
      },
    },
    // Neither is there in Node, where a line may be created but is never mounted.
    locks: globalThis.navigator?.locks,
    random: Math.random,
    // Not randomUUID: it is missing on insecure origins.
    id: () => Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join(''),
  }
}
