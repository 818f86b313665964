import type { ChunkPowers } from '../platform/line-powers.js'
import type { Machine } from './machine.js'
import type { Network } from './network.js'
import type { Realm } from './realm.js'

/** How long a file takes to be refused, or to come back as missing. */
const REFUSAL_MS = 30
/** How long the browser waits for a file that nothing brings. */
const CHUNK_TIMEOUT_MS = 20_000

const CHUNK_URL = 'https://app.example/assets/chunk.js'

/**
 * What a browser does with an import that fails. The error names the file's address (Chromium), and the failure is kept for the
 * page's life (`kept`, Firefox); or it names none (`unnamed`, Safari).
 */
export type FailedImports = 'named' | 'kept' | 'unnamed'

/**
 * The app's files on the server. In a bundle a dynamic import always succeeds, so a page asks here first whether it could have
 * loaded the file. A chunk that a page has loaded stays loaded.
 */
export function createSimulatedChunks(
  machine: Machine,
  network: Pick<Network, 'state'>,
  failedImports: FailedImports = 'named',
) {
  let missingUntil = 0
  let hasLost = false
  /** Pages of an old build, by name: the deploy removed their files. */
  const outdated = new Set<string>()

  const message =
    failedImports === 'unnamed'
      ? 'Importing a module script failed.'
      : `Failed to fetch dynamically imported module: ${CHUNK_URL}`
  const failure = (realm: Realm, ms: number) =>
    new Promise<never>((_, reject) => {
      realm.task(ms, () => reject(new TypeError(message)))
    })

  return {
    /** For so long the server does not give any file. */
    loseFor(ms: number): void {
      hasLost = true
      missingUntil = Math.max(missingUntil, machine.time.now() + ms)
    },
    restore(): void {
      missingUntil = 0
    },
    /** A deploy removed the files of this page's build. */
    outdate: (page: string): void => void outdated.add(page),
    /** Whether any file was ever missing while the server was there. */
    hasLost: () => hasLost,
    isOutdated: (page: string): boolean => outdated.has(page),
    client(realm: Realm): ChunkPowers {
      const loaded = new Set<string>()
      const failed = new Set<string>()
      /** Undefined: the file comes. Else it fails after so many milliseconds. */
      const failsAfterMs = (): number | undefined => {
        if (network.state !== 'up') return network.state === 'cut' ? 1 : CHUNK_TIMEOUT_MS
        return outdated.has(realm.name) || machine.time.now() < missingUntil ? REFUSAL_MS : undefined
      }
      return {
        load(load) {
          // Each call of `import()` in the bundle has a text of its own.
          const chunk = String(load)
          if (loaded.has(chunk)) return load()
          const ms = failed.has(chunk) ? 1 : failsAfterMs()
          if (ms === undefined) {
            loaded.add(chunk)
            return load()
          }
          if (failedImports === 'kept') failed.add(chunk)
          return failure(realm, ms)
        },
        async loadFrom() {
          const ms = failsAfterMs()
          if (ms !== undefined) return failure(realm, ms)
          // Another address has an entry of its own in the module map.
          failed.clear()
          return {}
        },
        async look(url) {
          if (network.state !== 'up') return 'unreachable'
          const isMissing = outdated.has(realm.name) || machine.time.now() < missingUntil
          return url !== undefined && isMissing ? 'gone' : 'there'
        },
      }
    },
  }
}

export type SimulatedChunks = ReturnType<typeof createSimulatedChunks>
